package com.rofecare.reference.service;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerRegistry;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.data.redis.core.StringRedisTemplate;
import org.springframework.stereotype.Component;

/** Records in Redis. It may fail at any time: callers then see a cache that holds nothing. */
@Component
class RecordCache {

    private static final Logger LOG = LoggerFactory.getLogger(RecordCache.class);
    private static final Duration KEPT = Duration.ofMinutes(10);

    private final StringRedisTemplate redis;
    private final ObjectMapper json;
    private final CircuitBreaker breaker;
    private final String service;

    RecordCache(
            StringRedisTemplate redis,
            ObjectMapper json,
            CircuitBreakerRegistry breakers,
            @Value("${spring.application.name}") String service) {
        this.redis = redis;
        this.json = json;
        // While it is open nobody waits for a Redis that is known to be down.
        this.breaker = breakers.circuitBreaker("redis");
        this.service = service;
    }

    Optional<RecordView> get(UUID id) {
        return guarded(() -> redis.opsForValue().get(key(id))).flatMap(this::parse);
    }

    void put(RecordView view) {
        guarded(() -> {
            redis.opsForValue().set(key(view.id()), json.writeValueAsString(view), KEPT);
            return view;
        });
    }

    private <T> Optional<T> guarded(Callable<T> call) {
        try {
            return Optional.ofNullable(breaker.executeCallable(call));
        } catch (Exception failure) {
            LOG.warn("Redis is not used: {}", failure.toString());
            return Optional.empty();
        }
    }

    private Optional<RecordView> parse(String text) {
        try {
            return Optional.of(json.readValue(text, RecordView.class));
        } catch (JsonProcessingException unreadable) {
            LOG.warn("An entry of the cache cannot be read: {}", unreadable.getOriginalMessage());
            return Optional.empty();
        }
    }

    private String key(UUID id) {
        return service + ":record:" + id;
    }
}
