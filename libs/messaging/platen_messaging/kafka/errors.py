"""What Kafka's refusals say about what was sent."""

from __future__ import annotations

from aiokafka.errors import (  # pyright: ignore[reportMissingTypeStubs]
    CorruptRecordException,
    InvalidTimestampError,
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
    InvalidTimestampError,
    PolicyViolationError,
    UnsupportedForMessageFormatError,
)
"""Kafka will never take this record."""

TOPIC_FAULTS = (UnknownTopicOrPartitionError, TopicAuthorizationFailedError, InvalidTopicError)
"""Kafka takes no record for this topic, until somebody makes it or lets us in."""
