package com.rofecare.reference.gateway;

import io.github.resilience4j.circuitbreaker.CallNotPermittedException;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.cloud.gateway.support.NotFoundException;
import org.springframework.cloud.gateway.support.ServerWebExchangeUtils;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;
import org.springframework.web.server.ServerWebExchange;

/** The answer to a request while a service does not respond, or its circuit breaker is open. */
@RestController
class FallbackController {

    private static final Logger LOG = LoggerFactory.getLogger(FallbackController.class);

    @RequestMapping("/fallback/{service}")
    ResponseEntity<ProblemDetail> unavailable(@PathVariable String service, ServerWebExchange exchange) {
        Throwable cause = exchange.getAttribute(ServerWebExchangeUtils.CIRCUITBREAKER_EXECUTION_EXCEPTION_ATTR);
        // The kind alone is for the caller; addresses and messages are for the log.
        String kind = switch (cause) {
            case NotFoundException none -> "is not registered with the discovery server";
            case CallNotPermittedException open -> "failed several times: it is not called for some seconds";
            case TimeoutException late -> "does not answer in time";
            // What the HTTP client makes of its own time limit.
            case ResponseStatusException late when late.getStatusCode() == HttpStatus.GATEWAY_TIMEOUT ->
                "does not answer in time";
            case null, default -> "cannot be reached";
        };
        LOG.warn("{} {}: {}", service, kind, String.valueOf(cause));
        ProblemDetail problem = ProblemDetail.forStatusAndDetail(HttpStatus.SERVICE_UNAVAILABLE, service + " " + kind + ".");
        problem.setProperty("service", service);
        return ResponseEntity.of(problem).build();
    }
}
