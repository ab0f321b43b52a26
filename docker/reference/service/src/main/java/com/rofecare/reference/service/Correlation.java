package com.rofecare.reference.service;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.UUID;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;

/** Puts the caller's correlation identifier where log lines and events take it from; logs each request of the API. */
@Component
class Correlation extends OncePerRequestFilter {

    private static final Logger LOG = LoggerFactory.getLogger(Correlation.class);
    static final String HEADER = "X-Correlation-Id";
    private static final String KEY = "correlationId";
    private static final Pattern ACCEPTED = Pattern.compile("[A-Za-z0-9._:-]{1,128}");

    static String current() {
        return MDC.get(KEY);
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        String given = request.getHeader(HEADER);
        boolean accepted = given != null && ACCEPTED.matcher(given).matches();
        try (var ignored = MDC.putCloseable(KEY, accepted ? given : UUID.randomUUID().toString())) {
            chain.doFilter(request, response);
            // Neither probes nor scrapes, and no query: it may hold a patient's name.
            if (request.getRequestURI().startsWith("/api/")) {
                LOG.info("{} {} {}", request.getMethod(), request.getRequestURI(), response.getStatus());
            }
        }
    }
}
