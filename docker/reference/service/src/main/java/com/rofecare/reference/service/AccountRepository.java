package com.rofecare.reference.service;

import java.time.Instant;
import java.util.Optional;
import org.springframework.data.jpa.repository.Modifying;
import org.springframework.data.jpa.repository.Query;
import org.springframework.data.repository.Repository;
import org.springframework.transaction.annotation.Transactional;

/** The accounts; used by the identity service alone. */
interface AccountRepository extends Repository<Account, String> {

    Optional<Account> findById(String username);

    /** Gives 0 if the name is taken: the database decides, also between two requests at the same time. */
    @Modifying
    @Transactional
    @Query(
            nativeQuery = true,
            value = "INSERT INTO account (username, password_hash, created_at)"
                    + " VALUES (:username, :hash, :now) ON CONFLICT (username) DO NOTHING")
    int add(String username, String hash, Instant now);
}
