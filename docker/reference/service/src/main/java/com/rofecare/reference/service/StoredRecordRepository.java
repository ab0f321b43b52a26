package com.rofecare.reference.service;

import java.util.UUID;
import org.springframework.data.jpa.repository.JpaRepository;

/** The records of this service. */
interface StoredRecordRepository extends JpaRepository<StoredRecord, UUID> {}
