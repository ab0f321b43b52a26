package com.rofecare.reference.gateway;

import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.cloud.client.ServiceInstance;
import org.springframework.cloud.client.loadbalancer.CompletionContext;
import org.springframework.cloud.client.loadbalancer.LoadBalancerLifecycle;
import org.springframework.cloud.client.loadbalancer.Request;
import org.springframework.cloud.client.loadbalancer.RequestDataContext;
import org.springframework.cloud.client.loadbalancer.Response;
import org.springframework.cloud.client.loadbalancer.ResponseData;
import org.springframework.stereotype.Component;

/**
 * The instances that recently accepted no connection.
 *
 * <p>A killed instance stays registered until its lease ends, up to 90 s. The first request to it waits for the
 * connection timeout; further requests are routed to other instances, but for one at a time that tries it again.
 */
@Component
class Unreachable implements LoadBalancerLifecycle<RequestDataContext, ResponseData, ServiceInstance> {

    private static final Logger LOG = LoggerFactory.getLogger(Unreachable.class);

    /** Short, so that one that is back is asked again soon: asking in vain costs one request a second at most. */
    private static final long AVOIDED = Duration.ofSeconds(3).toNanos();

    /** Beyond the longest lease: one that has not been asked for so long is not registered any more. */
    private static final long FORGOTTEN = Duration.ofMinutes(2).toNanos();

    /** Address -> when it last accepted no connection, or was last tried again. */
    private final Map<String, Long> since = new ConcurrentHashMap<>();

    /** Those of the instances that can be asked; all of them where none is left, for a try in vain is better than none. */
    List<ServiceInstance> without(List<ServiceInstance> instances) {
        long now = System.nanoTime();
        since.values().removeIf(moment -> now - moment > FORGOTTEN);
        List<ServiceInstance> others =
                instances.stream().filter(each -> mayBeAsked(address(each), now)).toList();
        return others.isEmpty() ? instances : others;
    }

    private boolean mayBeAsked(String address, long now) {
        Long moment = since.get(address);
        // Of several requests at the same time, one gets it into its choice.
        return moment == null || (now - moment > AVOIDED && since.replace(address, moment, now));
    }

    @Override
    public void onStart(Request<RequestDataContext> request) {}

    @Override
    public void onStartRequest(Request<RequestDataContext> request, Response<ServiceInstance> chosen) {}

    @Override
    public void onComplete(CompletionContext<ResponseData, ServiceInstance, RequestDataContext> end) {
        Response<ServiceInstance> chosen = end.getLoadBalancerResponse();
        Throwable cause = end.getThrowable();
        boolean refused = cause instanceof ConnectException || cause instanceof NoRouteToHostException;
        if (end.status() == CompletionContext.Status.SUCCESS && chosen != null && chosen.hasServer()) {
            since.remove(address(chosen.getServer()));
        }
        if (refused && chosen != null && chosen.hasServer()
                && since.put(address(chosen.getServer()), System.nanoTime()) == null) {
            LOG.warn("{} at {} takes no connection: the others are asked for {} s",
                    chosen.getServer().getServiceId(), address(chosen.getServer()), Duration.ofNanos(AVOIDED).toSeconds());
        }
    }

    private static String address(ServiceInstance instance) {
        return instance.getHost() + ":" + instance.getPort();
    }
}
