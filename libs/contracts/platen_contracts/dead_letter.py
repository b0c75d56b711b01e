"""A record that a service could not honour: its original value and headers, and these headers that say where and why."""

from __future__ import annotations

from platen_contracts.ids import derived_id

REASON = "platen_reason"
READER = "platen_reader"
TOPIC = "platen_topic"
PARTITION = "platen_partition"
OFFSET = "platen_offset"
TIME = "platen_time"

HEADERS = (REASON, READER, TOPIC, PARTITION, OFFSET, TIME)

REDRIVE = "platen_redrive"
"""On a record that was sent to its topic once more: the id of the dead letter that it came from."""


def letter_id(reader: str, topic: str, partition: int, offset: int) -> str:
    """The id of a dead letter: the same record given up by the same reader is the same letter, however often it is told."""
    return derived_id("dead letter", reader, topic, partition, offset)
