"""A real Kafka broker and a real Postgres cluster on a machine that has Python alone."""

from .kafka import Kafka
from .postgres import Postgres
from .reap import reap

__all__ = ["Kafka", "Postgres", "reap"]
