CREATE TABLE orders (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Two requests with the same key are the same order, whichever instance they come to.
    idempotency_key TEXT NOT NULL UNIQUE,
    customer TEXT NOT NULL,
    item TEXT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    accepted_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- What Kafka has not confirmed yet. A row is gone when it has.
CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id BIGINT NOT NULL REFERENCES orders (id),
    event TEXT NOT NULL
);
