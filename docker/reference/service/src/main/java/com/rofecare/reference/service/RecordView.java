package com.rofecare.reference.service;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.UUID;

/** A record as callers see it. {@code source} says where a read found it: {@code database} or {@code redis}. */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record RecordView(UUID id, String name, String service, Instant createdAt, String source) {

    RecordView from(String place) {
        return new RecordView(id, name, service, createdAt, place);
    }
}
