package com.rofecare.reference.gateway;

import java.util.regex.Pattern;
import org.springframework.core.Ordered;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import reactor.core.publisher.Mono;

/**
 * Refuses paths that programs read differently: one that is checked here must be the one that a service serves.
 *
 * <p>These are a semicolon, an empty segment, {@code .} and {@code ..}, a backslash, a control character, and the
 * encodings of all of them and of a slash, a percent sign, a question mark and a fragment. The front of production
 * refuses the same.
 */
@Component
class PathFilter implements WebFilter, Ordered {

    private static final Pattern AMBIGUOUS = Pattern.compile(
            ";|//|\\\\|%([01].|7f|2e|2f|3b|5c|25|23|3f|c[01]|f[5-9a-f])|/\\.\\.?(/|$)", Pattern.CASE_INSENSITIVE);

    @Override
    public int getOrder() {
        return CorrelationFilter.ORDER + 1;
    }

    @Override
    public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
        String path = exchange.getRequest().getURI().getRawPath();
        if (path == null || AMBIGUOUS.matcher(path).find()) {
            return Problems.write(exchange, HttpStatus.BAD_REQUEST, "The path contains characters that are not accepted.");
        }
        return chain.filter(exchange);
    }
}
