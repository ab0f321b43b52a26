package com.rofecare.reference.gateway;

import io.netty.channel.ChannelOption;
import java.net.InetSocketAddress;
import java.util.List;
import org.springframework.cloud.gateway.config.HttpClientCustomizer;
import org.springframework.cloud.gateway.filter.ratelimit.KeyResolver;
import org.springframework.cloud.gateway.support.ipresolver.RemoteAddressResolver;
import org.springframework.cloud.gateway.support.ipresolver.XForwardedRemoteAddressResolver;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;
import org.springframework.web.cors.CorsConfiguration;
import org.springframework.web.cors.reactive.CorsWebFilter;
import org.springframework.web.cors.reactive.UrlBasedCorsConfigurationSource;
import reactor.core.publisher.Mono;

/** Who is calling, and from which web sites. */
@Configuration(proxyBeanMethods = false)
class GatewayConfiguration {

    /** The rate limiter counts by this address. */
    @Bean
    KeyResolver clientAddress(GatewayProperties properties) {
        RemoteAddressResolver resolver = properties.trustedProxies() > 0
                ? XForwardedRemoteAddressResolver.maxTrustedIndex(properties.trustedProxies())
                : new RemoteAddressResolver() {};
        return exchange -> {
            InetSocketAddress address = resolver.resolve(exchange);
            return Mono.just(address.getAddress() == null ? address.getHostString() : address.getAddress().getHostAddress());
        };
    }

    /**
     * An instance whose machine is gone answers nothing, not even that it is gone. How soon the kernel ends connections to
     * it, the settings of the container say: net.ipv4.tcp_keepalive_time and its like.
     */
    @Bean
    HttpClientCustomizer keepalive() {
        return client -> client.option(ChannelOption.SO_KEEPALIVE, true);
    }

    /** A filter of the server and not of the routes: a browser has to be able to read a 401, too. */
    @Bean
    OrderedCorsFilter corsFilter(GatewayProperties properties) {
        CorsConfiguration cors = new CorsConfiguration();
        cors.setAllowedOrigins(properties.allowedOrigins());
        cors.setAllowedMethods(List.of("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"));
        cors.setAllowedHeaders(List.of("*"));
        cors.setExposedHeaders(List.of(CorrelationFilter.CORRELATION_ID, CorrelationFilter.TRACE_ID));
        cors.setMaxAge(3600L);
        UrlBasedCorsConfigurationSource source = new UrlBasedCorsConfigurationSource();
        source.registerCorsConfiguration("/**", cors);
        return new OrderedCorsFilter(source);
    }

    /** After the identifiers, before the token: preflight requests carry none. */
    static final class OrderedCorsFilter extends CorsWebFilter implements Ordered {

        OrderedCorsFilter(UrlBasedCorsConfigurationSource source) {
            super(source);
        }

        @Override
        public int getOrder() {
            return CorrelationFilter.ORDER + 2;
        }
    }
}
