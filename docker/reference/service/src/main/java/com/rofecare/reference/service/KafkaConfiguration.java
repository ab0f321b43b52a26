package com.rofecare.reference.service;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.List;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.NewTopic;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.kafka.config.TopicBuilder;
import org.springframework.kafka.core.KafkaAdmin.NewTopics;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.util.backoff.FixedBackOff;

/** Topics, and what becomes of an event that cannot be stored. */
@Configuration(proxyBeanMethods = false)
class KafkaConfiguration {

    private static final int PARTITIONS = 3;

    /** For the listener's annotation, which can name beans alone. */
    @Bean
    List<String> consumed(Topics topics) {
        return topics.consumed();
    }

    /** Also those that are only read: a consumer that starts before its producer would learn of them minutes late. */
    @Bean
    NewTopics topicsOfThisService(Topics topics) {
        return new NewTopics(Stream.concat(topics.published().stream(), topics.consumed().stream())
                .distinct()
                .map(name -> TopicBuilder.name(name).partitions(PARTITIONS).build())
                .toArray(NewTopic[]::new));
    }

    /** While the database is gone events wait in their topic; what no try can repair is skipped and logged. */
    @Bean
    DefaultErrorHandler eventErrors() {
        DefaultErrorHandler handler = new DefaultErrorHandler(new FixedBackOff(1000, FixedBackOff.UNLIMITED_ATTEMPTS));
        handler.addNotRetryableExceptions(JsonProcessingException.class, DataIntegrityViolationException.class);
        return handler;
    }
}
