package com.rofecare.reference.gateway;

import io.micrometer.tracing.handler.TracingObservationHandler.TracingContext;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.Ordered;
import org.springframework.http.server.reactive.observation.ServerRequestObservationContext;
import org.springframework.stereotype.Component;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import reactor.core.publisher.Mono;

/** Gives every answer, also a refusal, the two identifiers by which it is found again in logs and traces; logs it. */
@Component
class CorrelationFilter implements WebFilter, Ordered {

    private static final Logger LOG = LoggerFactory.getLogger(CorrelationFilter.class);

    static final int ORDER = Ordered.HIGHEST_PRECEDENCE + 10;
    static final String CORRELATION_ID = "X-Correlation-Id";
    static final String TRACE_ID = "X-Trace-Id";

    /** It ends up in logs and events: nothing else is taken over from a caller. */
    private static final Pattern ACCEPTED = Pattern.compile("[A-Za-z0-9._:-]{1,128}");

    @Override
    public int getOrder() {
        return ORDER;
    }

    @Override
    public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
        String correlationId = Optional.ofNullable(exchange.getRequest().getHeaders().getFirst(CORRELATION_ID))
                .filter(ACCEPTED.asMatchPredicate())
                .orElseGet(() -> UUID.randomUUID().toString());
        String traceId = traceId(exchange).orElse(correlationId);
        // As late as possible: a service behind may answer with the same headers, and one of each is enough.
        exchange.getResponse().beforeCommit(() -> Mono.fromRunnable(() -> {
            exchange.getResponse().getHeaders().set(CORRELATION_ID, correlationId);
            exchange.getResponse().getHeaders().set(TRACE_ID, traceId);
        }));
        return chain.filter(exchange.mutate()
                        .request(request -> request.headers(headers -> headers.set(CORRELATION_ID, correlationId)))
                        .build())
                .doFinally(end -> log(exchange));
    }

    private static void log(ServerWebExchange exchange) {
        // Neither probes nor scrapes, and no query: it may hold a patient's name.
        String path = exchange.getRequest().getPath().value();
        if (path.startsWith("/api/")) {
            LOG.info("{} {} {}", exchange.getRequest().getMethod(), path, exchange.getResponse().getStatusCode());
        }
    }

    private static Optional<String> traceId(ServerWebExchange exchange) {
        return ServerRequestObservationContext.findCurrent(exchange.getAttributes())
                .map(context -> context.<TracingContext>get(TracingContext.class))
                .map(TracingContext::getSpan)
                .map(span -> span.context().traceId());
    }
}
