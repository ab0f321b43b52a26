package com.rofecare.reference.service;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import java.time.Instant;

/** Somebody who may sign in. The password itself is nowhere. */
@Entity
public class Account {

    @Id
    private String username;

    private String passwordHash;
    private Instant createdAt;

    protected Account() {}

    String passwordHash() {
        return passwordHash;
    }
}
