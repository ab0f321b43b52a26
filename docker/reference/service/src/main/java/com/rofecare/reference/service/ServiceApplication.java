package com.rofecare.reference.service;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.properties.ConfigurationPropertiesScan;

/** One business service; which of the eight it is, its name and the config server say. */
@SpringBootApplication
@ConfigurationPropertiesScan
public class ServiceApplication {

    public static void main(String[] arguments) {
        SpringApplication.run(ServiceApplication.class, arguments);
    }
}
