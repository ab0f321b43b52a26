package com.rofecare.reference.gateway;

import java.util.List;
import org.springframework.cloud.client.ServiceInstance;
import org.springframework.cloud.loadbalancer.core.DelegatingServiceInstanceListSupplier;
import org.springframework.cloud.loadbalancer.core.ServiceInstanceListSupplier;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import reactor.core.publisher.Flux;

/** Which instances of a service may be chosen. Each service has a context of its own, so it is no component. */
class Instances {

    @Bean
    ServiceInstanceListSupplier reachable(ConfigurableApplicationContext context, Unreachable unreachable) {
        return ServiceInstanceListSupplier.builder()
                .withDiscoveryClient()
                .with((service, all) -> new Reachable(all, unreachable))
                .build(context);
    }

    private static final class Reachable extends DelegatingServiceInstanceListSupplier {

        private final Unreachable unreachable;

        Reachable(ServiceInstanceListSupplier all, Unreachable unreachable) {
            super(all);
            this.unreachable = unreachable;
        }

        @Override
        public Flux<List<ServiceInstance>> get() {
            return delegate.get().map(unreachable::without);
        }
    }
}
