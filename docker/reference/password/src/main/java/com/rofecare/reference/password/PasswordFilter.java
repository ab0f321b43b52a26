package com.rofecare.reference.password;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpHeaders;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Asks for the user and the password of {@code spring.security.user} (HTTP Basic), if there is a password and
 * {@code rofecare.authentication} is not {@code off}.
 *
 * <p>The management endpoints require none. With a port of their own, their paths on this port are not theirs.
 */
@Order(Ordered.HIGHEST_PRECEDENCE + 10)
public class PasswordFilter extends OncePerRequestFilter {

    private static final Logger LOG = LoggerFactory.getLogger(PasswordFilter.class);
    private static final String BASIC = "Basic ";

    /** The base64 text of the accepted user and password; null: none is required. */
    private final byte[] accepted;
    private final boolean managementIsHere;

    PasswordFilter(
            @Value("${spring.security.user.name:user}") String user,
            @Value("${spring.security.user.password:}") String password,
            @Value("${rofecare.authentication:on}") String authentication,
            @Value("${server.port:8080}") int port,
            @Value("${management.server.port:${server.port:8080}}") int managementPort) {
        // A YAML file reads off as false.
        boolean off = password.isEmpty() || authentication.equals("off") || authentication.equals("false");
        byte[] both = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
        accepted = off ? null : Base64.getEncoder().encode(both);
        managementIsHere = port == managementPort;
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        if (accepted == null || isForManagement(request) || isAccepted(request.getHeader(HttpHeaders.AUTHORIZATION))) {
            chain.doFilter(request, response);
            return;
        }
        LOG.warn("refused a request from {}: no password, or a wrong one", request.getRemoteAddr());
        response.setHeader(HttpHeaders.WWW_AUTHENTICATE, BASIC + "realm=\"rofecare\"");
        response.setStatus(HttpServletResponse.SC_UNAUTHORIZED);
    }

    /** The path as it was sent must be the one that is served. */
    private boolean isForManagement(HttpServletRequest request) {
        String path = request.getServletPath();
        return managementIsHere && path.startsWith("/actuator/") && path.equals(request.getRequestURI());
    }

    private boolean isAccepted(String header) {
        return header != null
                && header.regionMatches(true, 0, BASIC, 0, BASIC.length())
                && MessageDigest.isEqual(
                        header.substring(BASIC.length()).trim().getBytes(StandardCharsets.UTF_8), accepted);
    }
}
