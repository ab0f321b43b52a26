package com.rofecare.reference.service;

import java.time.Instant;
import java.util.List;
import org.springframework.data.jpa.repository.Modifying;
import org.springframework.data.jpa.repository.Query;
import org.springframework.data.repository.Repository;
import org.springframework.transaction.annotation.Transactional;

/** The events that this service was sent. */
interface ReceivedEventRepository extends Repository<ReceivedEvent, String> {

    List<ReceivedEvent> findByCorrelationIdOrderByReceivedAt(String correlationId);

    /** Kafka delivers at least once: a second delivery changes nothing. */
    @Modifying
    @Transactional
    @Query(
            nativeQuery = true,
            value = "INSERT INTO received_event (id, topic, service, correlation_id, received_at)"
                    + " VALUES (:id, :topic, :service, :correlationId, :receivedAt) ON CONFLICT (id) DO NOTHING")
    int add(String id, String topic, String service, String correlationId, Instant receivedAt);
}
