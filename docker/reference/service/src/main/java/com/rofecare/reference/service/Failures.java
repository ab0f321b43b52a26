package com.rofecare.reference.service;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.dao.DataAccessResourceFailureException;
import org.springframework.dao.QueryTimeoutException;
import org.springframework.data.redis.RedisConnectionFailureException;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.orm.jpa.JpaSystemException;
import org.springframework.transaction.TransactionException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;

/** A dependency that is down is no fault of the caller and no bug: 503, and which one it is. */
@RestControllerAdvice
class Failures {

    private static final Logger LOG = LoggerFactory.getLogger(Failures.class);

    @ExceptionHandler({
        DataAccessResourceFailureException.class,
        TransactionException.class,
        QueryTimeoutException.class,
        // A connection that breaks in the middle of a statement.
        JpaSystemException.class
    })
    ProblemDetail database(Exception failure) {
        return unavailable("database", failure);
    }

    @ExceptionHandler(RedisConnectionFailureException.class)
    ProblemDetail redis(Exception failure) {
        return unavailable("redis", failure);
    }

    @ExceptionHandler(EventPublisher.NotPublished.class)
    ProblemDetail kafka(Exception failure) {
        return unavailable("kafka", failure);
    }

    private static ProblemDetail unavailable(String dependency, Exception failure) {
        LOG.error("{} is not available", dependency, failure);
        ProblemDetail problem = ProblemDetail.forStatusAndDetail(
                HttpStatus.SERVICE_UNAVAILABLE, "This service gets no answer from its " + dependency + ".");
        problem.setProperty("dependency", dependency);
        return problem;
    }
}
