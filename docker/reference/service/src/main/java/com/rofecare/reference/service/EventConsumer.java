package com.rofecare.reference.service;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Instant;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.stereotype.Component;

/** Stores the events of the topics that this service consumes. */
@Component
class EventConsumer {

    private final ReceivedEventRepository events;
    private final ObjectMapper json;

    EventConsumer(ReceivedEventRepository events, ObjectMapper json) {
        this.events = events;
        this.json = json;
    }

    /** Two of the eight consume nothing: there the listener exists and is not started. */
    @KafkaListener(
            topics = "#{@consumed.isEmpty() ? {'none'} : @consumed}",
            groupId = "${spring.application.name}",
            autoStartup = "#{!@consumed.isEmpty()}")
    void receive(ConsumerRecord<String, String> message) throws JsonProcessingException {
        Event event = json.readValue(message.value(), Event.class);
        events.add(event.id(), message.topic(), event.service(), event.correlationId(), Instant.now());
    }
}
