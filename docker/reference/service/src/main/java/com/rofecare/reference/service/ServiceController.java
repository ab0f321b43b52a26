package com.rofecare.reference.service;

import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.springframework.core.env.Environment;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** The paths that all eight services have, each below its own prefix. */
@RestController
@RequestMapping("${rofecare.prefix}")
class ServiceController {

    private static final int LONGEST_NAME = 200;

    private final RecordService records;
    private final ReceivedEventRepository events;
    private final JdbcTemplate database;
    private final Environment environment;

    ServiceController(
            RecordService records, ReceivedEventRepository events, JdbcTemplate database, Environment environment) {
        this.records = records;
        this.events = events;
        this.database = database;
        this.environment = environment;
    }

    record NewRecord(String name) {}

    @PostMapping("/records")
    ResponseEntity<RecordView> create(@RequestBody NewRecord given) {
        if (given.name() == null || given.name().isBlank() || given.name().length() > LONGEST_NAME) {
            throw new ResponseStatusException(HttpStatus.BAD_REQUEST, "name: 1 to " + LONGEST_NAME + " characters");
        }
        RecordView created = records.create(given.name());
        String prefix = environment.getRequiredProperty("rofecare.prefix");
        return ResponseEntity.created(URI.create(prefix + "/records/" + created.id())).body(created);
    }

    @GetMapping("/records/{id}")
    RecordView read(@PathVariable UUID id) {
        return records.find(id).orElseThrow(() -> new ResponseStatusException(HttpStatus.NOT_FOUND, "no record " + id));
    }

    @GetMapping("/events")
    List<ReceivedEvent> events(@RequestParam String correlationId) {
        return events.findByCorrelationIdOrderByReceivedAt(correlationId);
    }

    /** Read at each request and not at the start: /actuator/refresh shows here. */
    @GetMapping("/about")
    Map<String, String> about() {
        return Map.of(
                "service", environment.getRequiredProperty("spring.application.name"),
                "database", database.queryForObject("SELECT current_database()", String.class),
                "configuration", environment.getRequiredProperty("rofecare.configuration"));
    }

    /** Open to all and without a look at any dependency: says that the way to this service exists. */
    @GetMapping("/health")
    Map<String, String> health() {
        return Map.of("status", "UP");
    }
}
