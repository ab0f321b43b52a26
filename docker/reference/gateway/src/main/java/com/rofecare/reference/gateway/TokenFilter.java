package com.rofecare.reference.gateway;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.ImmutableSecret;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.text.ParseException;
import java.util.List;
import java.util.Set;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.core.Ordered;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatus;
import org.springframework.http.server.PathContainer;
import org.springframework.http.server.reactive.ServerHttpRequest;
import org.springframework.stereotype.Component;
import org.springframework.web.cors.reactive.CorsUtils;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import org.springframework.web.util.pattern.PathPattern;
import org.springframework.web.util.pattern.PathPatternParser;
import reactor.core.publisher.Mono;

/**
 * Lets pass what is open to all and what carries a valid token of the identity service.
 *
 * <p>Filters also act on the port of the management endpoints, if that is another one. Only containers reach it, and
 * neither a health check nor Prometheus has a token.
 */
@Component
class TokenFilter implements WebFilter, Ordered {

    private static final int MINIMUM_BYTES = 32;
    private static final int NONE = -1;
    private static final String BEARER = "Bearer ";

    private final DefaultJWTProcessor<SecurityContext> tokens = new DefaultJWTProcessor<>();
    private final List<Open> open;
    private final int managementPort;

    TokenFilter(
            @Value("${JWT_SECRET:}") String secret,
            @Value("${server.port:8080}") int port,
            @Value("${management.server.port:${server.port:8080}}") int managementPort,
            GatewayProperties properties) {
        this.managementPort = managementPort == port ? NONE : managementPort;
        byte[] key = secret.getBytes(StandardCharsets.UTF_8);
        if (key.length < MINIMUM_BYTES) {
            throw new IllegalStateException("JWT_SECRET has " + key.length + " bytes; at least " + MINIMUM_BYTES
                    + " are needed. It must be the secret of the identity service (file /run/secrets/JWT_SECRET).");
        }
        // HS256 is the only algorithm: a token cannot choose a weaker one, or none, by its header.
        tokens.setJWSKeySelector(new JWSVerificationKeySelector<>(JWSAlgorithm.HS256, new ImmutableSecret<>(key)));
        tokens.setJWTClaimsSetVerifier(new DefaultJWTClaimsVerifier<>(
                new JWTClaimsSet.Builder().issuer("rofecare").build(), Set.of("sub", "iat", "exp")));
        open = properties.open().stream().map(Open::parse).toList();
    }

    @Override
    public int getOrder() {
        return CorrelationFilter.ORDER + 3;
    }

    @Override
    public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
        ServerHttpRequest request = exchange.getRequest();
        if (isForManagement(request)
                || CorsUtils.isPreFlightRequest(request)
                || open.stream().anyMatch(each -> each.matches(request))) {
            return chain.filter(exchange);
        }
        String header = request.getHeaders().getFirst(HttpHeaders.AUTHORIZATION);
        if (header == null || !header.startsWith(BEARER)) {
            return refuse(exchange, "A token is needed: Authorization: Bearer <token>.");
        }
        try {
            tokens.process(header.substring(BEARER.length()).trim(), null);
        } catch (ParseException | BadJOSEException | JOSEException invalid) {
            return refuse(exchange, "The token is not valid: it is damaged, expired, or signed with another secret.");
        }
        return chain.filter(exchange);
    }

    private boolean isForManagement(ServerHttpRequest request) {
        InetSocketAddress local = request.getLocalAddress();
        return local != null && local.getPort() == managementPort;
    }

    private static Mono<Void> refuse(ServerWebExchange exchange, String detail) {
        exchange.getResponse().getHeaders().set(HttpHeaders.WWW_AUTHENTICATE, "Bearer");
        return Problems.write(exchange, HttpStatus.UNAUTHORIZED, detail);
    }

    private record Open(HttpMethod method, PathPattern pattern) {

        static Open parse(String entry) {
            String[] parts = entry.trim().split("\\s+", 2);
            return new Open(HttpMethod.valueOf(parts[0]), PathPatternParser.defaultInstance.parse(parts[1]));
        }

        boolean matches(ServerHttpRequest request) {
            // The path that routes are chosen by, whatever part of it a header calls a prefix.
            return method.equals(request.getMethod())
                    && pattern.matches(PathContainer.parsePath(request.getURI().getRawPath()));
        }
    }
}
