package com.rofecare.reference.service;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.kafka.KafkaException;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.stereotype.Component;

/** Sends one event to each topic of this service and waits until the broker has them. */
@Component
class EventPublisher {

    private static final int SECONDS = 5;

    private final KafkaTemplate<String, String> kafka;
    private final ObjectMapper json;
    private final Topics topics;
    private final String service;

    EventPublisher(
            KafkaTemplate<String, String> kafka,
            ObjectMapper json,
            Topics topics,
            @Value("${spring.application.name}") String service) {
        this.kafka = kafka;
        this.json = json;
        this.topics = topics;
        this.service = service;
    }

    /**
     * The first topic that cannot be reached ends it, so that several topics do not add up their waits.
     *
     * @throws NotPublished if the broker did not confirm all of them in time
     */
    void publish(String type, String key) {
        try {
            List<CompletableFuture<?>> sent = new ArrayList<>();
            for (String topic : topics.published()) {
                Event event = new Event(UUID.randomUUID().toString(), type, service, Correlation.current(), Instant.now());
                sent.add(kafka.send(topic, key, json.writeValueAsString(event)));
            }
            CompletableFuture.allOf(sent.toArray(CompletableFuture[]::new)).get(SECONDS, TimeUnit.SECONDS);
        } catch (KafkaException
                // Without a broker in the name service not even a producer can be made.
                | org.apache.kafka.common.KafkaException
                | ExecutionException
                | TimeoutException failure) {
            throw new NotPublished(failure);
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            throw new NotPublished(stopped);
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** The broker does not confirm. */
    static final class NotPublished extends RuntimeException {

        private static final long serialVersionUID = 1L;

        NotPublished(Throwable cause) {
            super("Kafka did not confirm the event within " + SECONDS + " s", cause);
        }
    }
}
