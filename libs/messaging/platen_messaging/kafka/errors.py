"""What Kafka's refusals say about what was sent."""

from __future__ import annotations

from aiokafka.errors import (  # pyright: ignore[reportMissingTypeStubs]
    CorruptRecordException,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    ProducerFenced,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedForMessageFormatError,
)

__all__ = ["ROW_FAULTS", "TOPIC_FAULTS", "KafkaError", "ProducerFenced"]

ROW_FAULTS = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    CorruptRecordException,
    PolicyViolationError,
    UnsupportedForMessageFormatError,
)
"""Kafka will never take this record. A time that it refuses is no such fault: the machine's clock is wrong, for every record."""

TOPIC_FAULTS = (UnknownTopicOrPartitionError, TopicAuthorizationFailedError, InvalidTopicError)
"""Kafka takes no record for this topic, until somebody makes it or lets us in."""
