"""What is measured of drawing."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

JOBS = Gauge(
    "platen_render_jobs",
    "Requests not answered yet, of every instance together. state: waiting_for_artwork, waiting, drawing",
    ("state",),
)
OUTCOMES = Counter(
    "platen_render_outcomes",
    "Requests answered by this instance. outcome: drawn, reused (drawn before), or the code of the failure",
    ("outcome",),
)
SECONDS = Histogram(
    "platen_render_seconds",
    "From a job in hand to its answer saved",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
