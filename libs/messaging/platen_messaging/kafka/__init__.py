"""The narrow port to Kafka: all that is used of aiokafka and FastStream, typed. Nothing else here imports them."""

from . import foreign
from .consumer import Consumer, Partition, Subscription, ends, partition_of, partitions_of, rewind
from .errors import ROW_FAULTS, TOPIC_FAULTS, KafkaError, ProducerFenced
from .producer import MAX_RECORD_BYTES, Producer, Sendable, abandon, open_producer, partition_of_key

__all__ = [
    "MAX_RECORD_BYTES",
    "ROW_FAULTS",
    "TOPIC_FAULTS",
    "Consumer",
    "KafkaError",
    "Partition",
    "Producer",
    "ProducerFenced",
    "Sendable",
    "Subscription",
    "abandon",
    "ends",
    "open_producer",
    "partition_of",
    "partition_of_key",
    "partitions_of",
    "rewind",
]

foreign.install()
