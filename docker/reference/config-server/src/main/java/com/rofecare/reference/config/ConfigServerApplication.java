package com.rofecare.reference.config;

import com.rofecare.reference.password.PasswordFilter;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.config.server.EnableConfigServer;
import org.springframework.context.annotation.Import;

/** Gives every application its settings: the files below {@code /config} of this classpath. */
@SpringBootApplication
@Import(PasswordFilter.class)
@EnableConfigServer
public class ConfigServerApplication {

    public static void main(String[] arguments) {
        SpringApplication.run(ConfigServerApplication.class, arguments);
    }
}
