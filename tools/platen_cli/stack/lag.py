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
_quiet = logging.getLogger("platen.kafka-client")


async def lags(bootstrap: str, prefix: str) -> dict[str, int]:
    """Messages not yet read, by consumer group whose name begins with the prefix; only partitions with a committed place count.

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
        places = {place for group in committed.values() for place in group}
        asked = {TopicPartition(topic, partition): cast("OffsetSpec", OffsetSpec.latest()) for topic, partition in places}
        ends = {
            (place.topic, place.partition): future.result().offset
            for place, future in (admin.list_offsets(asked, request_timeout=SECONDS).items() if asked else ())
        }
    except KafkaException as problem:
        raise Unreachable(f"kafka {bootstrap}: does not tell its consumer groups ({problem.args[0].str()})") from None
    return {name: sum(max(0, ends[place] - at) for place, at in group.items()) for name, group in committed.items()}


def _committed(admin: AdminClient, group: str) -> dict[tuple[str, int], int]:
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=SECONDS)
    found = asked[group].result().topic_partitions or []
    return {(place.topic, place.partition): place.offset for place in found if place.offset >= 0}
