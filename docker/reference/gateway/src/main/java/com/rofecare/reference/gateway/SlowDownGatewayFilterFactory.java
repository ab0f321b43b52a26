package com.rofecare.reference.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.cloud.gateway.filter.GatewayFilter;
import org.springframework.cloud.gateway.filter.GatewayFilterChain;
import org.springframework.cloud.gateway.filter.factory.AbstractGatewayFilterFactory;
import org.springframework.cloud.gateway.filter.ratelimit.KeyResolver;
import org.springframework.core.io.buffer.DataBuffer;
import org.springframework.core.io.buffer.DataBufferLimitException;
import org.springframework.core.io.buffer.DataBufferUtils;
import org.springframework.data.redis.core.ReactiveStringRedisTemplate;
import org.springframework.data.redis.core.script.RedisScript;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.server.PathContainer;
import org.springframework.http.server.reactive.ServerHttpRequest;
import org.springframework.http.server.reactive.ServerHttpRequestDecorator;
import org.springframework.stereotype.Component;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.util.pattern.PathPattern;
import org.springframework.web.util.pattern.PathPatternParser;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Slows down repeated failures of login and registration: of an account at an address, of an account, and of an address.
 *
 * <p>An attempt counts when it arrives, so that simultaneous attempts do not pass unseen; a success is subtracted. The
 * counts are in Redis, where replicas share them and they expire. Nobody is locked out: the longest delay is a few
 * seconds. Only an account at one address that has too many requests waiting gets 429. Without Redis there is no delay.
 */
@Component
class SlowDownGatewayFilterFactory extends AbstractGatewayFilterFactory<SlowDownGatewayFilterFactory.Config> {

    private static final Logger LOG = LoggerFactory.getLogger(SlowDownGatewayFilterFactory.class);
    private static final ObjectMapper JSON = new ObjectMapper();

    private static final Duration REDIS = Duration.ofMillis(500);

    /** KEYS: the counts. ARGV[1]: how long they are kept without another attempt, in seconds. */
    private static final RedisScript<List> COUNT = RedisScript.of(
            "local n = {} for i, key in ipairs(KEYS) do n[i] = redis.call('INCR', key) "
                    + "redis.call('EXPIRE', key, ARGV[1]) end return n",
            List.class);

    /** KEYS: the counts. ARGV[1]: whether the first one restarts at zero. */
    private static final RedisScript<Long> SUBTRACT = RedisScript.of(
            "for i, key in ipairs(KEYS) do local n = tonumber(redis.call('GET', key) or '0') "
                    + "if n <= 1 or (i == 1 and ARGV[1] == 'true') then redis.call('DEL', key) "
                    + "else redis.call('DECR', key) end end return 0",
            Long.class);

    private final ReactiveStringRedisTemplate redis;
    private final KeyResolver clientAddress;

    /** An account at an address -> how many of its requests wait now. */
    private final Map<String, Integer> waiting = new ConcurrentHashMap<>();

    SlowDownGatewayFilterFactory(ReactiveStringRedisTemplate redis, KeyResolver clientAddress) {
        super(Config.class);
        this.redis = redis;
        this.clientAddress = clientAddress;
    }

    @Override
    public GatewayFilter apply(Config config) {
        List<PathPattern> paths = config.getPaths().stream().map(PathPatternParser.defaultInstance::parse).toList();
        return (exchange, chain) -> {
            PathContainer path = PathContainer.parsePath(exchange.getRequest().getURI().getRawPath());
            return exchange.getRequest().getMethod() == HttpMethod.POST
                            && paths.stream().anyMatch(each -> each.matches(path))
                    ? slowedDown(exchange, chain, config)
                    : chain.filter(exchange);
        };
    }

    private Mono<Void> slowedDown(ServerWebExchange exchange, GatewayFilterChain chain, Config config) {
        Mono<byte[]> body = DataBufferUtils.join(exchange.getRequest().getBody(), config.getLargestBody())
                .map(SlowDownGatewayFilterFactory::bytes)
                .defaultIfEmpty(new byte[0]);
        return body.zipWith(clientAddress.resolve(exchange))
                .flatMap(both -> {
                    List<String> keys = keys(account(both.getT1(), config), both.getT2());
                    ServerWebExchange again = with(exchange, both.getT1());
                    return count(keys, config).flatMap(counts -> {
                        Duration delay = config.delay(counts);
                        if (delay.isZero()) {
                            return attempt(again, chain, keys);
                        }
                        if (!enter(keys.getFirst(), config)) {
                            exchange.getResponse().getHeaders().set(HttpHeaders.RETRY_AFTER, "" + config.getLongest().toSeconds());
                            String detail = "Too many attempts at the same time.";
                            return Problems.write(exchange, HttpStatus.TOO_MANY_REQUESTS, detail);
                        }
                        return Mono.delay(delay)
                                .doFinally(end -> leave(keys.getFirst()))
                                .then(Mono.defer(() -> attempt(again, chain, keys)));
                    });
                })
                .onErrorResume(DataBufferLimitException.class, tooLarge -> Problems.write(
                        exchange, HttpStatus.PAYLOAD_TOO_LARGE, "The body is larger than a login or a registration."));
    }

    private Mono<Void> attempt(ServerWebExchange exchange, GatewayFilterChain chain, List<String> keys) {
        return chain.filter(exchange).then(Mono.defer(() -> {
            HttpStatusCode status = exchange.getResponse().getStatusCode();
            return status != null && isFailure(status) ? Mono.empty() : subtract(keys, status);
        }));
    }

    /** A wrong password, an account that exists already: what a guess results in. */
    private static boolean isFailure(HttpStatusCode status) {
        return status.is4xxClientError() && status.value() != HttpStatus.TOO_MANY_REQUESTS.value();
    }

    private Mono<List<Long>> count(List<String> keys, Config config) {
        return redis.execute(COUNT, keys, List.of("" + config.getKept().toSeconds()))
                .next()
                .timeout(REDIS)
                .map(found -> ((List<?>) found).stream().map(each -> ((Number) each).longValue()).toList())
                .onErrorResume(error -> {
                    LOG.warn("attempts are not counted: {}", String.valueOf(error));
                    return Mono.just(List.of());
                });
    }

    private Mono<Void> subtract(List<String> keys, HttpStatusCode status) {
        boolean restart = status != null && status.is2xxSuccessful();
        return redis.execute(SUBTRACT, keys, List.of("" + restart))
                .then()
                .timeout(REDIS)
                .onErrorResume(error -> Mono.empty());
    }

    private boolean enter(String key, Config config) {
        return waiting.merge(key, 1, Integer::sum) <= config.getWaiting() || leave(key);
    }

    /** Always false. */
    private boolean leave(String key) {
        waiting.computeIfPresent(key, (same, count) -> count > 1 ? count - 1 : null);
        return false;
    }

    private static List<String> keys(String account, String address) {
        String who = digest(account);
        String where = digest(address);
        // One slot of a cluster: a script may use several keys only there.
        return List.of("{slow-down}:" + who + ":" + where, "{slow-down}:account:" + who, "{slow-down}:address:" + where);
    }

    /** Names of accounts are not stored, and have any length. */
    private static String digest(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, 16);
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static String account(byte[] body, Config config) {
        try {
            JsonNode tree = JSON.readTree(body);
            return config.getAccount().stream()
                    .map(field -> tree == null ? "" : tree.path(field).asText())
                    .filter(name -> !name.isBlank())
                    .findFirst()
                    .map(name -> name.strip().toLowerCase(Locale.ROOT))
                    .orElse("");
        } catch (IOException unreadable) {
            return "";
        }
    }

    private static byte[] bytes(DataBuffer buffer) {
        byte[] content = new byte[buffer.readableByteCount()];
        buffer.read(content);
        DataBufferUtils.release(buffer);
        return content;
    }

    private static ServerWebExchange with(ServerWebExchange exchange, byte[] body) {
        ServerHttpRequest request = new ServerHttpRequestDecorator(exchange.getRequest()) {
            @Override
            public Flux<DataBuffer> getBody() {
                return Flux.defer(() -> Flux.just(exchange.getResponse().bufferFactory().wrap(body)));
            }
        };
        return exchange.mutate().request(request).build();
    }

    /** The arguments of the filter in a route. */
    public static class Config {

        private List<String> paths = List.of();
        private List<String> account = List.of("username", "email");
        private int largestBody = 16384;
        private Duration first = Duration.ofMillis(250);
        private Duration longest = Duration.ofSeconds(8);
        private Duration kept = Duration.ofMinutes(15);
        private int waiting = 10;

        /** How many failures of an account at an address, of an account, and of an address are not slowed down. */
        private List<Integer> free = List.of(3, 10, 100);

        /** Doubles with each failure. */
        Duration delay(List<Long> counts) {
            Duration delay = Duration.ZERO;
            for (int i = 0; i < counts.size(); i++) {
                // The attempt itself is counted, too.
                long beyond = counts.get(i) - 1 - free.get(i);
                if (beyond >= 0) {
                    Duration own = first.multipliedBy(1L << Math.min(beyond, 20));
                    delay = own.compareTo(delay) > 0 ? own : delay;
                }
            }
            return delay.compareTo(longest) > 0 ? longest : delay;
        }

        public List<String> getPaths() {
            return paths;
        }

        public void setPaths(List<String> paths) {
            this.paths = paths;
        }

        public List<String> getAccount() {
            return account;
        }

        public void setAccount(List<String> account) {
            this.account = account;
        }

        public int getLargestBody() {
            return largestBody;
        }

        public void setLargestBody(int largestBody) {
            this.largestBody = largestBody;
        }

        public Duration getFirst() {
            return first;
        }

        public void setFirst(Duration first) {
            this.first = first;
        }

        public Duration getLongest() {
            return longest;
        }

        public void setLongest(Duration longest) {
            this.longest = longest;
        }

        public Duration getKept() {
            return kept;
        }

        public void setKept(Duration kept) {
            this.kept = kept;
        }

        public int getWaiting() {
            return waiting;
        }

        public void setWaiting(int waiting) {
            this.waiting = waiting;
        }

        public List<Integer> getFree() {
            return free;
        }

        public void setFree(List<Integer> free) {
            this.free = free;
        }
    }
}
