package com.rofecare.reference.gateway;

import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.cloud.gateway.support.ServerWebExchangeUtils;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ServerWebExchange;

/** What a caller is told while a service does not answer, or its circuit breaker is open. */
@RestController
class FallbackController {

    private static final Logger LOG = LoggerFactory.getLogger(FallbackController.class);

    @RequestMapping("/fallback/{service}")
    ResponseEntity<ProblemDetail> unavailable(@PathVariable String service, ServerWebExchange exchange) {
        Throwable cause = exchange.getAttribute(ServerWebExchangeUtils.CIRCUITBREAKER_EXECUTION_EXCEPTION_ATTR);
        // The kind alone is for the caller; addresses and messages are for the log.
        String kind = Optional.ofNullable(cause).map(each -> each.getClass().getSimpleName()).orElse("unknown");
        LOG.warn("{} is not available: {}", service, Optional.ofNullable(cause).map(Throwable::toString).orElse(kind));
        ProblemDetail problem =
                ProblemDetail.forStatusAndDetail(HttpStatus.SERVICE_UNAVAILABLE, service + " does not answer (" + kind + ").");
        problem.setProperty("service", service);
        return ResponseEntity.of(problem).build();
    }
}
