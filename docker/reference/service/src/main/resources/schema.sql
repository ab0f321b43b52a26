-- Replicas start at the same time: the lock lets one of them make the tables while the others wait.
DO $$
BEGIN
    PERFORM pg_advisory_xact_lock(7231001);

    CREATE TABLE IF NOT EXISTS record (
        id         uuid PRIMARY KEY,
        name       varchar(200) NOT NULL,
        created_at timestamptz  NOT NULL
    );

    CREATE TABLE IF NOT EXISTS received_event (
        id             varchar(64) PRIMARY KEY,
        topic          varchar(249) NOT NULL,
        service        varchar(100) NOT NULL,
        correlation_id varchar(128) NOT NULL,
        received_at    timestamptz  NOT NULL
    );
    CREATE INDEX IF NOT EXISTS received_event_correlation_id ON received_event (correlation_id);

    -- Used by the identity service alone.
    CREATE TABLE IF NOT EXISTS account (
        username      varchar(64) PRIMARY KEY,
        password_hash varchar(100) NOT NULL,
        created_at    timestamptz  NOT NULL
    );
END
$$
