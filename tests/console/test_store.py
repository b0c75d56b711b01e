"""The console's tables on a real Postgres."""

from __future__ import annotations

import random

import pytest
from platen_console.decide import OrderAsked
from platen_console.store.reading import Filter
from platen_contracts import orders
from platen_contracts.common import Actor
from platen_contracts.status import OrderStatus
from platen_messaging.outcome import Ignored

from . import heard
from .conftest import World
from .heard import a_history, a_private, a_progress, an_order, an_order_told, incoming

ORDER = an_order(1)
ANN = Actor(kind="operator", name="ann")


async def test_versions_never_go_back_in_whatever_order_they_come(world: World) -> None:
    versions = [an_order(1, version=version, number=f"#{version}") for version in range(4, 24)]
    random.Random(7).shuffle(versions)
    for part in (versions[:7], versions[7:13], versions[13:]):
        await world.tell(*((it, "orders.status") for it in part))
        await world.tell(*((a_private(it), "orders.private") for it in part))
    known = await world.reading.order(ORDER.order_id)
    assert known is not None
    assert known.order == an_order(1, version=23, number="#23")
    assert known.private is not None
    assert known.private.version == 23


async def test_what_was_told_is_what_is_read(world: World) -> None:
    await world.tell(*heard.the_catalogue(), *an_order_told(ORDER))
    known = await world.reading.order(ORDER.order_id)
    assert known is not None
    assert (known.order, known.private) == (ORDER, a_private(ORDER))
    assert list(known.history) == a_history(ORDER)[::-1]
    assert known.artworks == {"family-mug/3": heard.MUG}
    names = await world.reading.names()
    assert (list(names.shops.values()), list(names.vendors.values())) == (
        heard.SHOPS,
        sorted(heard.VENDORS, key=lambda it: it.vendor_id),
    )


async def test_history_told_twice_stands_once(world: World) -> None:
    events = [(it, "orders.history") for it in a_history(ORDER)]
    await world.tell(*events)
    await world.desk.apply([incoming(it, topic, message_id=f"{place}" * 32) for place, (it, topic) in enumerate(events)])
    assert (await world.rows("select count(*) from history"))[0][0] == 4


async def test_a_tombstone_erases_personal_data_and_the_order_stays(world: World) -> None:
    await world.tell(*an_order_told(ORDER))
    command = orders.Archive(order_id=ORDER.order_id, actor=ANN)
    await world.desk.apply([world.desk.fact(OrderAsked(command=command, action="archive"), "a" * 32, ORDER.order_id)])
    await world.desk.apply([incoming(None, "orders.private", ORDER.order_id)])
    known = await world.reading.order(ORDER.order_id, ["a" * 32])
    assert known is not None
    assert (known.private, known.commands) == (None, [])


async def test_a_purged_order_is_gone_with_its_history(world: World) -> None:
    await world.tell(*an_order_told(ORDER))
    await world.desk.apply([incoming(None, "orders.status", ORDER.order_id)])
    assert await world.reading.order(ORDER.order_id) is None
    assert (await world.rows("select count(*) from history"))[0][0] == 0


async def test_paging_shows_every_order_once_in_both_directions(world: World) -> None:
    same_moment = [an_order(number, placed_at=heard.NOON) for number in range(100, 107)]
    same_moment += [an_order(number, placed_at=heard.NOON, number=f"#1102-{number - 198}") for number in range(200, 210, 2)]
    everything = [an_order(number) for number in range(20)] + same_moment
    await world.tell(*((it, "orders.status") for it in everything))
    expected = sorted(((it.placed_at, it.shop_id, it.number, it.order_id) for it in everything), reverse=True)

    page = await world.reading.page(Filter(), None, 5)
    assert page.newer is None
    pages = [page]
    while page.older is not None:
        page = await world.reading.page(Filter(), page.older, 5)
        pages.append(page)
    shown = [row.order for it in pages for row in it.rows]
    assert [(it.placed_at, it.shop_id, it.number, it.order_id) for it in shown] == expected
    back = [page]
    while page.newer is not None:
        page = await world.reading.page(Filter(), page.newer, 5)
        back.insert(0, page)
    assert [it.rows for it in back] == [it.rows for it in pages]


async def test_orders_of_one_shop_order_stand_side_by_side(world: World) -> None:
    numbers = ["#1026", "#1026-2", "#1026-3", "#1027", "#10260"]
    told = [an_order(2 * nth, placed_at=heard.NOON, number=number) for nth, number in enumerate(reversed(numbers))]
    elsewhere = an_order(1, placed_at=heard.NOON, number="#1026-1")
    await world.tell(*((it, "orders.status") for it in (*told, elsewhere)))
    page = await world.reading.page(Filter(), None, 9)
    assert [row.order.number for row in page.rows] == ["#1026-1", "#1027", "#10260", "#1026-3", "#1026-2", "#1026"]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Filter(query="#1003"), ["#1003"]),
        (Filter(query="มชาย"), ["#1002"]),
        (Filter(query="الهاشمي"), ["#1001"]),
        (Filter(query="zoë"), ["#1000"]),
        (Filter(query="%"), []),
        (Filter(query="_"), []),
        (Filter(query="'; drop table orders; --"), []),
        (Filter(vendor_id="handmade-berlin"), ["#1003"]),
        (Filter(shop_id="atelier-nour"), ["#1000", "#1002", "#1004"]),
        (Filter(status="Ready to send"), ["#1001"]),
        (Filter(status="Sent", shop_id="atelier-nour", query="10"), ["#1002"]),
    ],
)
async def test_the_list_finds_by_number_name_status_shop_and_vendor(world: World, wanted: Filter, numbers: list[str]) -> None:
    for number in range(5):
        await world.tell(*an_order_told(an_order(number), number))
    page = await world.reading.page(wanted, None, 50)
    assert [row.order.number for row in page.rows] == numbers
    counts = await world.reading.counts(wanted)
    assert sum(counts.values()) >= len(numbers)
    if wanted.status:
        assert counts[wanted.status] == len(numbers)


async def test_counts_are_by_status_whatever_status_is_shown(world: World) -> None:
    await world.tell(*((an_order(number), "orders.status") for number in range(12)))
    assert await world.reading.counts(Filter(status="Sent")) == {status.value: 2 for status in OrderStatus}


async def test_a_name_with_a_nul_is_kept_and_found(world: World) -> None:
    private = a_private(ORDER)
    assert private.recipient is not None
    odd = private.model_copy(update={"recipient": private.recipient.model_copy(update={"full_name": "Eve\0Adams"})})
    await world.tell((ORDER, "orders.status"), (odd, "orders.private"))
    assert len((await world.reading.page(Filter(query="EveAdams"), None, 5)).rows) == 1


async def test_a_command_is_kept_with_its_reply_and_forgotten_after_two_weeks(world: World) -> None:
    command = orders.Archive(order_id=ORDER.order_id, actor=ANN, bulk_id="b" * 32)
    asked = world.desk.fact(OrderAsked(command=command, action="archive"), "a" * 32, ORDER.order_id)
    await world.desk.apply([asked])
    (again,) = await world.desk.apply([asked])
    assert isinstance(again, Ignored)
    assert len(await world.outbox()) == 1
    reply = orders.CommandApplied(command_id="a" * 32, order_id=ORDER.order_id, version=5, status=OrderStatus.ARCHIVED)
    await world.tell((reply, "orders.replies"))
    (found,) = await world.reading.bulk("b" * 32)
    assert found == await world.reading.command("a" * 32)
    assert (found.reply, found.outcome, found.actor, found.bulk_id) == (reply, "applied", "ann", "b" * 32)

    async with world.engine.begin() as tx:
        await tx.exec_driver_sql("update commands set asked_at = asked_at - interval '15 days'")
    await world.desk.apply([world.desk.fact(OrderAsked(command=command, action="archive"), "d" * 32, ORDER.order_id)])
    assert [row[0] for row in await world.rows("select id from commands")] == ["d" * 32]


async def test_the_last_progress_of_each_shop_is_kept(world: World) -> None:
    await world.tell((a_progress(state="running"), "sync.progress"), (a_progress(), "sync.progress"))
    assert (await world.reading.syncs())["atelier-nour"].told == a_progress()
