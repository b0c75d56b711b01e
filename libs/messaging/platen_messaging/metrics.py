"""Every metric of delivery, with its meaning. Served by each service at /metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

MESSAGES = Counter(
    "platen_messages",
    "Messages handled. outcome: applied, ignored, refused, dead (letter), or other: a type that this lane has no use for",
    ("lane", "topic", "outcome"),
)
BATCH_SIZE = Histogram(
    "platen_batch_messages", "Messages in one transaction", ("lane",), buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)
)
BATCH_SECONDS = Histogram(
    "platen_batch_seconds",
    "From a batch in hand to its offsets committed",
    ("lane",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60),
)
RETRIES = Counter("platen_batch_retries", "Batches tried again after a passing failure", ("lane",))
DEAD_LETTERS = Counter("platen_dead_letters", "Records that could not be honoured", ("lane", "topic"))
LAG = Gauge("platen_lane_lag", "Records between a lane's position and the end of its partitions here", ("lane",))
PAUSED = Gauge("platen_lane_paused", "1 while the lane is paused because too much went wrong", ("lane",))
OUTBOX_ROWS = Gauge("platen_outbox_rows", "Messages committed and not yet sent, counted up to 100000")
OUTBOX_AGE = Gauge("platen_outbox_age_seconds", "Age of the oldest message not yet sent")
OUTBOX_PARKED = Gauge("platen_outbox_parked", "Messages that cannot be sent; each parks its topic and key")
RELAY_SENT = Counter("platen_relay_sent", "Messages acknowledged by Kafka", ("topic",))
RELAY_FAILURES = Counter("platen_relay_failures", "Relay rounds that failed")
RELAY_HOLDER = Gauge("platen_relay_holder", "1 in the process that sends the outbox now")
READY = Gauge("platen_ready", "1 while nothing stands in the way")
