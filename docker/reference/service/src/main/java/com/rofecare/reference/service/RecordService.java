package com.rofecare.reference.service;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.UUID;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;

/** Writes a record with its events, and reads it by way of the cache. */
@Service
class RecordService {

    private final StoredRecordRepository records;
    private final RecordCache cache;
    private final EventPublisher events;
    private final String service;

    RecordService(
            StoredRecordRepository records,
            RecordCache cache,
            EventPublisher events,
            @Value("${spring.application.name}") String service) {
        this.records = records;
        this.cache = cache;
        this.events = events;
        this.service = service;
    }

    /**
     * The broker acknowledges before the commit: a request that fails leaves no row. The reverse, an event whose row was
     * not committed, remains possible; only an outbox table would prevent both.
     */
    @Transactional
    public RecordView create(String name) {
        // As precise as the database keeps it, so that every read gives the same value.
        Instant now = Instant.now().truncatedTo(ChronoUnit.MICROS);
        StoredRecord stored = records.saveAndFlush(new StoredRecord(UUID.randomUUID(), name, now));
        events.publish("record.created", stored.getId().toString());
        return view(stored);
    }

    /** No transaction around it: a read that Redis answers needs no connection to the database. */
    Optional<RecordView> find(UUID id) {
        Optional<RecordView> cached = cache.get(id);
        if (cached.isPresent()) {
            return cached.map(each -> each.from("redis"));
        }
        Optional<RecordView> stored = records.findById(id).map(this::view);
        stored.ifPresent(cache::put);
        return stored.map(each -> each.from("database"));
    }

    private RecordView view(StoredRecord stored) {
        return new RecordView(stored.getId(), stored.name(), service, stored.createdAt(), null);
    }
}
