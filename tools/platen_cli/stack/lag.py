"""How far each consumer group is behind."""

# pyright: reportPrivateImportUsage=false
# confluent_kafka.admin documents these names without listing them in __all__.
from __future__ import annotations

import asyncio
import logging
from typing import cast

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from platen_cli.errors import Unreachable

SECONDS = 10
Place = tuple[str, int]
"""Topic and partition."""
_quiet = logging.getLogger("platen.kafka-client")


async def lags(bootstrap: str, prefix: str) -> dict[str, int]:
    """Messages not yet read, by consumer group whose name begins with the prefix; of topics in which it has read anything.

    Raises:
        Unreachable: no broker answers.
    """
    return await asyncio.to_thread(_lags, bootstrap, prefix)


def _lags(bootstrap: str, prefix: str) -> dict[str, int]:
    admin = AdminClient({"bootstrap.servers": bootstrap, "socket.connection.setup.timeout.ms": 5000}, logger=_quiet)
    try:
        listing = admin.list_consumer_groups(request_timeout=SECONDS).result()
        names = sorted(group.group_id for group in listing.valid if group.group_id.startswith(prefix))
        committed = {name: _committed(admin, name) for name in names}
        sizes = {topic: len(about.partitions) for topic, about in admin.list_topics(timeout=SECONDS).topics.items()}
        # Where a group has no place yet in a topic that it reads, it begins with the first record.
        reads = {
            name: {(topic, number) for topic in {topic for topic, _ in group} for number in range(sizes.get(topic, 0))}
            for name, group in committed.items()
        }
        places = set[Place]().union(*reads.values())
        first, end = _offsets(admin, places, OffsetSpec.earliest()), _offsets(admin, places, OffsetSpec.latest())
    except KafkaException as problem:
        raise Unreachable(f"kafka {bootstrap}: does not tell its consumer groups ({problem.args[0].str()})") from None
    return {
        name: sum(max(0, end[place] - committed[name].get(place, first[place])) for place in group)
        for name, group in reads.items()
    }


def _offsets(admin: AdminClient, places: set[Place], spec: object) -> dict[Place, int]:
    asked = {TopicPartition(topic, partition): cast("OffsetSpec", spec) for topic, partition in places}
    found = admin.list_offsets(asked, request_timeout=SECONDS) if asked else {}
    return {(place.topic, place.partition): future.result().offset for place, future in found.items()}


def _committed(admin: AdminClient, group: str) -> dict[Place, int]:
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=SECONDS)
    found = asked[group].result().topic_partitions or []
    return {(place.topic, place.partition): place.offset for place in found if place.offset >= 0}
