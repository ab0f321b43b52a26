package com.rofecare.reference.service;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.time.Instant;

/** What is sent through a topic, as JSON. A newer sender may add fields. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Event(String id, String type, String service, String correlationId, Instant occurredAt) {}
