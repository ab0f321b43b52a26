package com.rofecare.reference.service;

import com.fasterxml.jackson.annotation.JsonProperty;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import java.time.Instant;

/** An event of another service, kept so that its arrival can be seen. */
@Entity
public class ReceivedEvent {

    @Id
    private String id;

    @JsonProperty
    private String topic;

    @JsonProperty
    private String service;

    @JsonProperty
    private String correlationId;

    @JsonProperty
    private Instant receivedAt;

    protected ReceivedEvent() {}
}
