package com.rofecare.reference.service;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import jakarta.persistence.Transient;
import java.time.Instant;
import java.util.UUID;
import org.springframework.data.domain.Persistable;

/** What stands for a patient, an invoice, a prescription: a row in this service's own database. */
@Entity
@Table(name = "record")
public class StoredRecord implements Persistable<UUID> {

    @Id
    private UUID id;

    private String name;
    private Instant createdAt;

    /** The identifier is made here, so its presence says nothing about whether the row exists. */
    @Transient
    private boolean fresh;

    protected StoredRecord() {}

    StoredRecord(UUID id, String name, Instant createdAt) {
        this.id = id;
        this.name = name;
        this.createdAt = createdAt;
        this.fresh = true;
    }

    @Override
    public UUID getId() {
        return id;
    }

    @Override
    public boolean isNew() {
        return fresh;
    }

    String name() {
        return name;
    }

    Instant createdAt() {
        return createdAt;
    }
}
