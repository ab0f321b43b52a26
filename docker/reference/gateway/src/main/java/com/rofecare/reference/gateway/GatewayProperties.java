package com.rofecare.reference.gateway;

import java.time.Duration;
import java.util.List;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * What the config server says about this gateway.
 *
 * @param trustedProxies how many proxies of our own stand in front; 0 means that X-Forwarded-For is not believed
 * @param allowedOrigins the web sites whose pages may call from a browser
 * @param open {@code METHOD pattern} of what needs no token
 * @param bodies how long a body may take to arrive; the first pattern that matches a path applies
 */
@ConfigurationProperties("rofecare.gateway")
public record GatewayProperties(
        @DefaultValue("0") int trustedProxies,
        @DefaultValue List<String> allowedOrigins,
        @DefaultValue List<String> open,
        @DefaultValue List<Body> bodies) {

    /**
     * @param path a pattern
     * @param time from the first to the last byte
     */
    public record Body(String path, Duration time) {}
}
