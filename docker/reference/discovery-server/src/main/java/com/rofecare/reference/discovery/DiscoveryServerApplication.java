package com.rofecare.reference.discovery;

import com.rofecare.reference.password.PasswordFilter;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.netflix.eureka.server.EnableEurekaServer;
import org.springframework.context.annotation.Import;

/** Eureka: where the applications say that they are there, and the gateway looks for them. */
@SpringBootApplication
@Import(PasswordFilter.class)
@EnableEurekaServer
public class DiscoveryServerApplication {

    public static void main(String[] arguments) {
        SpringApplication.run(DiscoveryServerApplication.class, arguments);
    }
}
