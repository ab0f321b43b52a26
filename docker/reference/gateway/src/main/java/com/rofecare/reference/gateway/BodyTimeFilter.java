package com.rofecare.reference.gateway;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.springframework.core.Ordered;
import org.springframework.core.io.buffer.DataBuffer;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.server.PathContainer;
import org.springframework.http.server.reactive.ServerHttpRequest;
import org.springframework.http.server.reactive.ServerHttpRequestDecorator;
import org.springframework.stereotype.Component;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import org.springframework.web.util.pattern.PathPattern;
import org.springframework.web.util.pattern.PathPatternParser;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Ends a request whose body takes longer than its path allows.
 *
 * <p>The request is cancelled: unlike a failure, that does not count against the service in its circuit breaker.
 */
@Component
class BodyTimeFilter implements WebFilter, Ordered {

    private final List<Limit> limits;

    BodyTimeFilter(GatewayProperties properties) {
        limits = properties.bodies().stream()
                .map(each -> new Limit(PathPatternParser.defaultInstance.parse(each.path()), each.time()))
                .toList();
    }

    @Override
    public int getOrder() {
        return CorrelationFilter.ORDER + 4;
    }

    @Override
    public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
        ServerHttpRequest request = exchange.getRequest();
        PathContainer path = PathContainer.parsePath(request.getURI().getRawPath());
        Limit limit = hasBody(request.getHeaders())
                ? limits.stream().filter(each -> each.path().matches(path)).findFirst().orElse(null)
                : null;
        if (limit == null) {
            return chain.filter(exchange);
        }
        AtomicBoolean arrived = new AtomicBoolean();
        ServerHttpRequest watched = new ServerHttpRequestDecorator(request) {
            @Override
            public Flux<DataBuffer> getBody() {
                return super.getBody().doOnComplete(() -> arrived.set(true));
            }
        };
        Mono<Void> late = Mono.delay(limit.time())
                .flatMap(end -> arrived.get() ? Mono.never() : Mono.error(new LateBodyException()));
        return Mono.firstWithSignal(chain.filter(exchange.mutate().request(watched).build()), late)
                .onErrorResume(LateBodyException.class, error -> refuse(exchange, limit.time()));
    }

    private static Mono<Void> refuse(ServerWebExchange exchange, Duration time) {
        if (exchange.getResponse().isCommitted()) {
            return exchange.getResponse().setComplete();
        }
        // What is left of the body is not read.
        exchange.getResponse().getHeaders().set(HttpHeaders.CONNECTION, "close");
        String detail = "The request did not arrive completely within " + time.toSeconds() + " s.";
        return Problems.write(exchange, HttpStatus.REQUEST_TIMEOUT, detail);
    }

    private static boolean hasBody(HttpHeaders headers) {
        return headers.getContentLength() > 0 || headers.containsKey(HttpHeaders.TRANSFER_ENCODING);
    }

    private record Limit(PathPattern path, Duration time) {}

    private static final class LateBodyException extends RuntimeException {

        LateBodyException() {
            super(null, null, false, false);
        }
    }
}
