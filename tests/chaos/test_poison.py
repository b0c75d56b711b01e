"""Bad records on every topic that a service reads: each ends in its dead letters, every byte of it, and every good one counts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

import pytest
from platen_cli.audit import Evidence, delivery
from platen_cli.audit.evidence import Record
from platen_contracts import dead_letter
from platen_contracts.dispatch import DispatchAccepted
from platen_contracts.ids import derived_id
from platen_contracts.message import Message
from platen_contracts.topics import SERVICES, Kind, Topic
from platen_messaging import pauses

from tests.orders.world import MUG, ORDER, a_shop_order, accepted
from tests.support import until

from .hall import Hall, Raw
from .poison.corpus import Bad, Json, consumed_by, corpus, example_of, good_headers, key_of, of_nobody

FEWEST = 60
KINDS: Mapping[tuple[str, str], type[Message]] = {("tracking", "dispatch.results"): DispatchAccepted}
"""Where a service has no use for a topic's first message."""


@pytest.mark.parametrize("service", SERVICES)
async def test_each_bad_record_is_buried_whole_and_each_good_one_counts(hall: Hall, service: str) -> None:
    running = await hall.start(service)
    if service == "orders":
        await hall.send("catalog.artworks", "mug/1", MUG)
        await hall.send("sync.orders", "mugs/1001", a_shop_order())
        await _made(hall)
    buried: dict[tuple[str, int, int], Bad] = {}
    for topic in consumed_by(service):
        kind = KINDS.get((service, topic.name), topic.messages[0])
        body = example_of(kind)
        body |= {"order_id": ORDER} if "order_id" in body else {}
        bad = [
            *corpus(topic, kind=kind, body=body),
            *(of_nobody(topic) if service == "orders" and topic.kind is not Kind.COMMAND else ()),
        ]
        assert len(bad) >= FEWEST
        places = await hall.produce(_mixed(topic, kind, body, bad))
        buried |= dict(zip(places[2::3], bad, strict=True))
    hall.spoiled.update(buried)

    evidence = await _settled(hall)
    letters = {letter.original: letter for letter in evidence.of(f"{service}.dead-letter")}
    assert {bad.name for place, bad in buried.items() if place not in letters} == set()
    for place, letter in letters.items():
        _says_why(letter, buried[place])
    await running.ready()


def _mixed(topic: Topic, kind: type[Message], body: Json, bad: Sequence[Bad]) -> list[Raw]:
    """Two good ones before each bad one, under the same key but where that is what is wrong, so that they stand in this order."""
    key, value = key_of(topic, kind, body), json.dumps(body).encode()
    records: list[Raw] = []
    for number, each in enumerate(bad):
        for twin in "ab":
            records.append((topic.name, key, value, good_headers(kind, derived_id("good", topic.name, number, twin))))
        records.append((topic.name, each.key, each.value, each.headers))
    return records


async def _made(hall: Hall) -> None:
    async def there() -> bool:
        return bool(await hall.bodies("orders.status"))

    await until(there)


async def _settled(hall: Hall) -> Evidence:
    """What there is once every record is accounted for (I7)."""

    async def all_handled() -> Evidence | None:
        evidence = await hall.evidence()
        return None if list(delivery.accounted_for(evidence)) else evidence

    async def seen() -> list[str]:
        return [str(it) for it in delivery.accounted_for(await hall.evidence())][:20]

    return await until(all_handled, 90, seen)


def _says_why(letter: Record, bad: Bad) -> None:
    reason = letter.named[dead_letter.REASON]
    assert re.search(bad.because, reason), f"{bad.name}: {reason}"


async def test_a_message_on_a_topic_that_does_not_carry_it_is_buried(hall: Hall) -> None:
    """Who may write sync.results may not speak for the vendor."""
    await hall.start("orders")
    await hall.send("catalog.artworks", "mug/1", MUG)
    await hall.send("sync.orders", "mugs/1001", a_shop_order())
    await _made(hall)
    await hall.send("sync.results", ORDER, accepted())

    async def handled() -> bool:
        return not list(delivery.accounted_for(await hall.evidence())) or bool(await hall.bodies("orders.dead-letter"))

    await until(handled)
    assert {it["status"] for it in await hall.bodies("orders.status")} == {"New"}


async def test_a_flood_of_bad_records_pauses_its_lane_alone_until_somebody_lets_it_go_on(hall: Hall) -> None:
    running = await hall.start("orders")
    await hall.produce([("sync.orders", b"chaos", b"?", [])] * (pauses.AT_LEAST + 10), spoil=True)

    async def red() -> list[str]:
        troubles = running.service.health.as_json()["reasons"]
        assert isinstance(troubles, list)
        return [str(it) for it in troubles if "messages could not be honoured" in str(it)]

    (trouble,) = await until(red)
    assert "'part': 'lane facts'" in trouble
    await hall.send("sync.orders", "mugs/1001", a_shop_order())
    await hall.broken("I5", "lane facts of orders is paused")
    await pauses.resume(running.service.engine, "facts")
    await running.ready()
    await _made(hall)
    await hall.clean()
