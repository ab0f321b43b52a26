package com.rofecare.reference.gateway;

import io.netty.channel.Channel;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.boot.web.embedded.netty.NettyReactiveWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.context.SmartLifecycle;
import org.springframework.core.Ordered;
import org.springframework.http.HttpHeaders;
import org.springframework.stereotype.Component;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import reactor.core.publisher.Mono;

/**
 * Shuts down without losing a request: first it accepts no new connection, then each response closes its connection,
 * then it stops.
 *
 * <p>The server's own graceful shutdown immediately closes connections that are idle. A request that arrives on one of
 * them at that moment is routed and executed, but never answered.
 */
@Component
class Farewell
        implements WebFilter, Ordered, SmartLifecycle, WebServerFactoryCustomizer<NettyReactiveWebServerFactory> {

    /** For clients on open connections to send their next request. */
    private static final Duration NOTICE = Duration.ofSeconds(2);

    private static final Duration LOOK = Duration.ofMillis(50);

    private final AtomicInteger active = new AtomicInteger();
    private volatile Channel listener;
    private volatile boolean running;

    @Override
    public void customize(NettyReactiveWebServerFactory factory) {
        factory.addServerCustomizers(server -> server.doOnBound(bound -> listener = bound.channel()));
    }

    @Override
    public int getOrder() {
        return Ordered.HIGHEST_PRECEDENCE;
    }

    @Override
    public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
        exchange.getResponse().beforeCommit(() -> Mono.fromRunnable(() -> {
            if (!running) {
                exchange.getResponse().getHeaders().set(HttpHeaders.CONNECTION, "close");
            }
        }));
        return Mono.defer(() -> {
            active.incrementAndGet();
            return chain.filter(exchange).doFinally(end -> active.decrementAndGet());
        });
    }

    /** The last to start is the first to stop. */
    @Override
    public int getPhase() {
        return Integer.MAX_VALUE;
    }

    @Override
    public void start() {
        running = true;
    }

    @Override
    public void stop() {
        running = false;
        if (listener != null) {
            listener.close();
        }
    }

    @Override
    public void stop(Runnable done) {
        stop();
        later(NOTICE, () -> whenIdle(done));
    }

    @Override
    public boolean isRunning() {
        return running;
    }

    /** The caller waits at most spring.lifecycle.timeout-per-shutdown-phase. */
    private void whenIdle(Runnable done) {
        if (active.get() == 0) {
            done.run();
        } else {
            later(LOOK, () -> whenIdle(done));
        }
    }

    private static void later(Duration time, Runnable step) {
        CompletableFuture.delayedExecutor(time.toMillis(), TimeUnit.MILLISECONDS).execute(step);
    }
}
