package com.rofecare.reference.config;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.config.server.EnableConfigServer;

/** Gives every application its settings: the files below {@code /config} of this classpath. */
@SpringBootApplication
@EnableConfigServer
public class ConfigServerApplication {

    public static void main(String[] arguments) {
        SpringApplication.run(ConfigServerApplication.class, arguments);
    }
}
