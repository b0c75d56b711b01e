"""The pages, on a filled database."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from platen_contracts import orders
from platen_contracts.message import Message
from platen_contracts.orders import OrderSnapshot
from platen_contracts.status import ActivityKind, OrderStatus
from platen_contracts.topics import MESSAGES

from . import heard
from .conftest import HERE, World, once, post
from .heard import a_private, a_progress, an_order, an_order_told, item_id

EVIL = """<script>alert("x")</script>'"><img src=x onerror=alert(1)>"""


async def _fill(world: World, *told: OrderSnapshot) -> None:
    await world.tell(*heard.the_catalogue())
    for number, order in enumerate(told):
        await world.tell(*an_order_told(order, number))


@pytest.mark.parametrize("status", list(OrderStatus))
async def test_an_order_of_every_status_has_a_page_and_a_row(world: World, status: OrderStatus) -> None:
    order = an_order(2, status)
    await _fill(world, order)
    async with world.browser() as client:
        listed = await client.get("/orders", params={"status": status.value})
        shown = await client.get(f"/orders/{order.order_id}")
    assert listed.status_code == shown.status_code == 200
    for page in (listed.text, shown.text):
        assert "#1002" in page
        assert status.value in page
        assert "Zoë Müller" in page
    for action in heard.ALLOWED[status]:
        assert (f'/{action}"' in shown.text) == (
            action in heard.ALLOWED[status] and action not in ("view_print_file", "see_detail")
        )
    assert ("retry" in heard.ALLOWED[status]) == (f"/orders/{order.order_id}/retry" in shown.text)


@pytest.mark.parametrize("kind", list(ActivityKind))
async def test_what_is_under_way_is_shown_with_the_next_try(world: World, kind: ActivityKind) -> None:
    activity = {"kind": kind.value, "since": heard.NOON, "attempt": 2, "next_try": heard.NOON, "reason": "the vendor is slow"}
    order = an_order(
        1, OrderStatus.READY, activity=activity, actions={"settle": "allowed", "stop_sending": "allowed", "send": "sending"}
    )
    await _fill(world, order)
    async with world.browser() as client:
        page = (await client.get(f"/orders/{order.order_id}")).text
    assert ("attempt 2" in page) == (kind is not ActivityKind.NONE)
    assert "something is under way with the vendor" in page
    assert "Settle the doubt" in page


def _examples() -> list[Any]:
    folder = __import__("importlib.resources").resources.files("platen_contracts") / "examples" / "orders.OrderSnapshot.v1"
    return [pytest.param(json.loads(it.read_text()), id=it.name) for it in sorted(folder.iterdir(), key=lambda it: it.name)]


@pytest.mark.parametrize("example", _examples())
@pytest.mark.parametrize("with_private", [True, False], ids=["private", "erased"])
async def test_every_example_of_the_contracts_has_a_page_with_and_without_its_private_half(
    world: World, example: dict[str, Any], with_private: bool
) -> None:
    order = OrderSnapshot.model_validate(example)
    await world.tell((order, "orders.status"), *([(a_private(order), "orders.private")] if with_private else []))
    async with world.browser() as client:
        assert order.number in (await client.get("/orders")).text
        page = await client.get(f"/orders/{order.order_id}")
    assert page.status_code == 200
    assert ("Zoë Müller" in page.text) == with_private


async def test_what_strangers_wrote_is_shown_and_never_runs(world: World) -> None:
    order = an_order(1, OrderStatus.FAILED, number=EVIL, attention={EVIL: {"since": heard.NOON, "remedy": EVIL}})
    item = item_id(order.order_id)
    broken = {**order.model_dump(mode="json"), "failure": {"code": EVIL, "remedy": EVIL, "field": EVIL}}
    broken["items"][item] |= {"title": EVIL, "variant": EVIL}
    broken["parcels"] = {EVIL: {"carrier": EVIL, "units": {EVIL: 1}}}
    order = OrderSnapshot.model_validate(broken)
    private = a_private(
        order,
        buyer_note=EVIL,
        vendor_words=EVIL,
        recipient={"full_name": EVIL, "line1": EVIL, "city": EVIL, "country": "DE"},
        items={item: {"answers": {"name": EVIL, EVIL: EVIL}, "files": {"front": "javascript:alert(1)"}}},
        tracking={EVIL: {"tracking_number": EVIL, "tracking_url": "javascript:alert(1)"}},
    )
    await world.tell(*heard.the_catalogue(), (order, "orders.status"), (private, "orders.private"))
    await world.tell(
        (a_progress(problem=EVIL, state=EVIL, skipped=[{"shop_order_id": "1", "code": EVIL, "remedy": EVIL}]), "sync.progress")
    )
    async with world.browser() as client:
        pages = [await client.get(it) for it in (f"/orders/{order.order_id}", "/orders", "/sync", f"/orders?q={EVIL}")]
        pages.append(
            await client.post(
                f"/orders/{order.order_id}/personalise",
                data={"once": "0" * 32, "version": EVIL, "item": item, "answer.name": EVIL},
            )
        )
    for page in pages:
        assert "&lt;script&gt;" in page.text
        assert "<script>" not in page.text
        assert "<img src=x" not in page.text
        assert "javascript:" not in page.text
        assert "default-src 'self'" in page.headers["content-security-policy"]


async def test_names_of_any_script_find_their_own_direction(world: World) -> None:
    await _fill(world, an_order(0), an_order(1), an_order(2))
    async with world.browser() as client:
        page = (await client.get("/orders")).text
    for name in ("Zoë Müller", "نور الهاشمي", "สมชาย ใจดี"):
        assert f"<bdi>{name}</bdi>" in page


async def test_the_tabs_count_and_the_filters_hold_over_pages(world: World) -> None:
    await _fill(world)
    await world.tell(*((an_order(number), "orders.status") for number in range(120)))
    async with world.browser() as client:
        first = await client.get("/orders", params={"status": "Sent", "shop": "atelier-nour"})
        assert 'Sent <span class="n">20</span>' in first.text
        everything = await client.get("/orders")
        older = everything.text.split('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
        second = await client.get(older)
    assert everything.text.count("data-order=") == second.text.count("data-order=") == 50
    assert second.text.count('rel="prev"') == 1


@pytest.mark.parametrize(
    "address", ["/orders?older=x", "/orders?newer=2026-11-23T12:00:00~", "/orders?status=Nope&bulk=zz", "/orders?q=%00"]
)
async def test_an_address_that_makes_no_sense_is_the_beginning(world: World, address: str) -> None:
    await _fill(world, an_order(1))
    async with world.browser() as client:
        assert (await client.get(address)).status_code == 200


async def test_an_unknown_order_is_said_to_be_unknown(world: World) -> None:
    async with world.browser() as client:
        for address in ("/orders/" + "0" * 32, "/orders/x", "/nowhere"):
            assert (await client.get(address)).status_code == 404


async def test_a_page_asks_for_itself_and_is_told_only_what_changed(world: World) -> None:
    order = an_order(1, OrderStatus.NEW)
    await _fill(world, order)
    async with world.browser() as client:
        for address in (f"/orders/{order.order_id}?live=1", "/orders?live=1"):
            seen = await client.get(address)
            assert "<html" not in seen.text
            again = await client.get(address, headers={"if-none-match": seen.headers["etag"]})
            assert again.status_code == 304
        await world.tell((an_order(1, OrderStatus.READY, version=5), "orders.status"))
        for address in (f"/orders/{order.order_id}?live=1", "/orders?live=1"):
            fresh = await client.get(address, headers={"if-none-match": seen.headers["etag"]})
            assert "s-ready-to-send" in fresh.text


PLAIN = [
    ("archive", orders.Archive),
    ("unarchive", orders.Unarchive),
    ("send", orders.Send),
    ("retry", orders.Retry),
    ("stop_sending", orders.StopSending),
]


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(("action", "message"), PLAIN)
async def test_a_click_becomes_the_command_that_names_the_version_looked_at(
    world: World, action: str, message: type[Message]
) -> None:
    order = an_order(1, OrderStatus.NEW)
    await _fill(world, order)
    async with world.browser() as client:
        answer = await post(client, f"/orders/{order.order_id}", f"/orders/{order.order_id}/{action}", version="4")
        assert answer.status_code == 303
        assert "waiting for the answer" in (await client.get(answer.headers["location"])).text
    ((command_id, topic, key, kind, said),) = await world.outbox()
    assert answer.headers["location"] == f"/orders/{order.order_id}?asked={command_id}"
    assert (topic, key, MESSAGES[kind]) == ("orders.commands", order.order_id, message)
    assert said["actor"] == {"kind": "operator", "name": "operator"}
    assert (said["order_id"], said["expected_version"]) == (order.order_id, 4)


FORMS: list[Any] = [
    ("render", {}, {"again": False}),
    ("render", {"item": "ITEM", "again": "yes"}, {"item_ids": ["ITEM"], "again": True}),
    (
        "personalise",
        {
            "item": "ITEM",
            "answer.name": "  แมว  ",
            "answer.message": "Happy birthday!\r\nFrom all of us",
            "answer.colour": "blue",
        },
        {"item_id": "ITEM", "answers": {"name": "แมว"}},
    ),
    (
        "edit_shipping",
        {"full_name": "نور", "line1": "شارع 1", "city": "عمّان", "country": "jo", "postcode": ""},
        {"recipient": {"full_name": "نور", "line1": "شارع 1", "city": "عمّان", "country": "JO"}},
    ),
    (
        "settle",
        {"verdict": "accepted", "vendor_order_id": "77", "reason": "I looked"},
        {"accepted": True, "vendor_order_id": "77", "reason": "I looked"},
    ),
    ("settle", {"verdict": "not accepted", "reason": "I rang them"}, {"accepted": False, "reason": "I rang them"}),
    ("split_line", {"item": "ITEM", "quantities": " 1 + 1 "}, {"item_id": "ITEM", "quantities": [1, 1]}),
    ("split_line", {"item": "ITEM", "quantities": "10,2; 3"}, {"item_id": "ITEM", "quantities": [10, 2, 3]}),
    ("split_off", {"items": ["nope", "ITEM"]}, {"item_ids": ["ITEM"]}),
    ("ignore_item", {"item": "ITEM"}, {"item_id": "ITEM"}),
    ("restore_item", {"item": "ITEM"}, {"item_id": "ITEM"}),
    (
        "set_artwork",
        {"item": "ITEM", "artwork": "family-mug/3", "answer.name": "แมว", "answer.colour": "blue"},
        {"item_id": "ITEM", "artwork": {"artwork_id": "family-mug", "version": 3}, "answers": {"name": "แมว"}},
    ),
    (
        "set_artwork",
        {"item": "ITEM", "artwork": "not-heard-of/12"},
        {"item_id": "ITEM", "artwork": {"artwork_id": "not-heard-of", "version": 12}, "answers": None},
    ),
    ("record_hand_over", {}, {}),
    ("erase", {"confirm": " #1001 "}, {"actor": {"kind": "admin", "name": "operator"}}),
    (
        "record_parcel",
        {"parcel": "1", "carrier": "", "tracking_number": " JD 01 ", "tracking_url": "", "units.ITEM": "2", "units.nope": "1"},
        {"parcel": "1", "carrier": None, "tracking_number": "JD 01", "units": {"ITEM": 2}},
    ),
    ("record_parcel", {"parcel": "1", "units.ITEM": "0"}, {"parcel": "1", "units": {}}),
]


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(("action", "typed", "expected"), FORMS)
async def test_what_is_typed_becomes_the_command_it_means(
    world: World, action: str, typed: dict[str, str], expected: dict[str, Any]
) -> None:
    order = an_order(1, OrderStatus.NEW)
    await _fill(world, order)

    def named(text: Any) -> Any:
        return json.loads(json.dumps(text).replace("ITEM", item_id(order.order_id)))

    async with world.browser() as client:
        await post(client, f"/orders/{order.order_id}", f"/orders/{order.order_id}/{action}", version="4", **named(typed))
    (row,) = await world.outbox()
    assert {name: row[4].get(name) for name in expected} == named(expected)
    MESSAGES[row[3]].model_validate(row[4])


WRONG: list[Any] = [
    ("send", {"version": ""}, "the version of the order"),
    ("send", {"version": "²"}, "the version of the order"),
    ("edit_shipping", {"version": "4", "full_name": "Zoë K", "line1": "x", "city": "y", "country": "Germany"}, "two letters"),
    ("settle", {"version": "4", "verdict": "", "reason": "x"}, "say whether the vendor has the order"),
    ("personalise", {"version": "4", "item": "nope"}, "no such item"),
    ("ignore_item", {"version": "4", "item": "nope"}, "no such item"),
    ("split_line", {"version": "4", "item": "ITEM", "quantities": "2 + ½"}, "no number of units; sizes such as 2 + 1"),
    ("split_line", {"version": "4", "item": "ITEM", "quantities": "-1, 3"}, "no number of units; sizes such as 2 + 1"),
    ("split_line", {"version": "4", "item": "ITEM", "quantities": "1," * 201}, "201 parts are named; at most 200"),
    ("split_off", {"version": "4", "items": "nope"}, "no item is ticked"),
    ("erase", {"version": "4", "confirm": "1001"}, "type the order&#39;s number, #1001,"),
    ("erase", {"version": "4"}, "type the order&#39;s number, #1001,"),
    ("set_artwork", {"version": "4", "item": "ITEM", "artwork": "Family Mug"}, "its name and version are expected"),
    ("set_artwork", {"version": "4", "item": "ITEM", "artwork": "family-mug/03"}, "its name and version are expected"),
    ("set_artwork", {"version": "4", "item": "ITEM", "artwork": "family-mug/0"}, "its name and version are expected"),
    ("record_parcel", {"version": "4", "parcel": "1", "units.ITEM": "two"}, "no number of units; type how many"),
]


@pytest.mark.parametrize(("action", "typed", "reason"), WRONG)
async def test_a_form_that_makes_no_sense_is_shown_again_with_the_reason_and_sends_nothing(
    world: World, action: str, typed: dict[str, str], reason: str
) -> None:
    order = an_order(1, OrderStatus.NEW)
    await _fill(world, order)
    async with world.browser() as client:
        fields = json.loads(json.dumps(typed).replace("ITEM", item_id(order.order_id)))
        answer = await post(client, f"/orders/{order.order_id}", f"/orders/{order.order_id}/{action}", **fields)
    assert answer.status_code == 422
    assert reason in answer.text
    assert await world.outbox() == []
    if "full_name" in typed:
        assert 'value="Zoë K"' in answer.text


async def test_a_refusal_that_comes_in_time_is_shown_at_its_field_with_what_was_typed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = an_order(1, OrderStatus.NEW)
    await _fill(world, order)
    item, apply = item_id(order.order_id), world.desk.apply

    async def answered(incoming: Any) -> Any:
        outcomes = await apply(incoming)
        words = {"command_id": incoming[0].meta.id, "order_id": order.order_id, "version": 4}
        refusal = orders.CommandRefused(
            **words, code="invalid_answer", reason=f"name: too long; see {item}", field="answers.name"
        )
        await apply([heard.incoming(refusal, "orders.replies")])
        return outcomes

    monkeypatch.setattr(world.desk, "apply", answered)
    async with world.browser() as client:
        answer = await post(
            client,
            f"/orders/{order.order_id}",
            f"/orders/{order.order_id}/personalise",
            version="4",
            item=item,
            **{"answer.name": "A very long name"},
        )
    assert answer.status_code == 422
    assert '<span class="wrong" id="wrong">name: too long; see “Star map poster”</span>' in answer.text
    assert "answers.name" not in answer.text
    assert 'value="A very long name" dir="auto" maxlength="20" aria-invalid="true"' in answer.text


async def _asked(world: World, client: httpx.AsyncClient, order: OrderSnapshot, action: str) -> tuple[str, str]:
    """Clicks; gives the address where the answer will be shown, and the id of the only command."""
    answer = await post(client, f"/orders/{order.order_id}", f"/orders/{order.order_id}/{action}", version="4")
    (row,) = await world.outbox()
    return answer.headers["location"], row[0]


@pytest.mark.usefixtures("soon")
async def test_a_reply_that_comes_late_appears_on_the_page(world: World) -> None:
    order = an_order(1, OrderStatus.NEW)
    await _fill(world, order)
    async with world.browser() as client:
        address, command_id = await _asked(world, client, order, "archive")
        reason = f"It changed; look at item {item_id(order.order_id)}."
        reply = orders.CommandRefused(command_id=command_id, order_id=order.order_id, version=4, code="stale", reason=reason)
        await world.tell((reply, "orders.replies"))
        page = (await client.get(f"{address}&live=1")).text
    assert "refused: <bdi>It changed; look at item “Star map poster”.</bdi>" in page


@pytest.mark.usefixtures("soon")
async def test_a_send_that_was_obeyed_is_said_to_be_asked_for(world: World) -> None:
    order = an_order(1, OrderStatus.FAILED)
    await _fill(world, order)
    async with world.browser() as client:
        address, command_id = await _asked(world, client, order, "retry")
        reply = orders.CommandApplied(command_id=command_id, order_id=order.order_id, version=5, status=OrderStatus.FAILED)
        await world.tell((reply, "orders.replies"))
        page = (await client.get(address)).text
    note = page.partition('<div class="note plain"')[2].partition("</div>")[0]
    assert " ".join(note.rpartition("<strong>")[2].split()) == "Send again:</strong> sending was asked for."
    assert "note good" not in page


@pytest.mark.usefixtures("soon")
async def test_a_form_sent_twice_is_one_command(world: World) -> None:
    order = an_order(1, OrderStatus.NEW)
    await _fill(world, order)
    async with world.browser() as client:
        fields = {"once": once(await client.get(f"/orders/{order.order_id}")), "version": "4"}
        for _ in range(2):
            assert (await client.post(f"/orders/{order.order_id}/archive", data=fields)).status_code == 303
    assert len(await world.outbox()) == 1


@pytest.mark.usefixtures("soon")
async def test_a_bulk_is_a_command_each_that_share_a_bulk_id_and_name_the_versions_shown(world: World) -> None:
    told = [an_order(0, OrderStatus.READY, version=3), an_order(1, OrderStatus.READY), an_order(2, OrderStatus.FAILED)]
    await _fill(world, *told)
    async with world.browser() as client:
        picks = [f"{it.order_id}:{it.version}" for it in told] + ["0" * 32 + ":1"]
        answer = await post(client, "/orders", "/orders/bulk", action="send", pick=picks, back="/orders?status=New")
        rows = await world.outbox()
        bulk = answer.headers["location"].rpartition("bulk=")[2]
        assert answer.headers["location"].startswith("/orders?status=New&bulk=")
        by_order = {row[2]: row for row in rows}
        assert set(by_order) == {it.order_id for it in told}
        for order in told:
            row = by_order[order.order_id]
            assert MESSAGES[row[3]] is (orders.Retry if order.status is OrderStatus.FAILED else orders.Send)
            assert (row[4]["expected_version"], row[4]["bulk_id"]) == (order.version, bulk)
        assert len({row[0] for row in rows}) == 3

        words = {"command_id": by_order[told[0].order_id][0], "order_id": told[0].order_id, "version": 3, "bulk_id": bulk}
        reason = f"Look at item {item_id(told[0].order_id)} again."
        await world.tell((orders.CommandRefused(**words, code="stale", reason=reason), "orders.replies"))
        page = (await client.get(answer.headers["location"])).text
    assert "Send to vendor: 0 of 3 asked for, 1 refused, 2 waiting for the answer" in page
    assert f"{told[0].number}</a> <bdi>Look at item “Family mug” again.</bdi>" in page


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "archive"},
        {"action": "erase", "pick": "x:1"},
        {"action": "archive", "pick": "x:y"},
        {"action": "archive", "pick": [f"{n}:1" for n in range(201)]},
    ],
)
async def test_a_bulk_that_makes_no_sense_sends_nothing(world: World, fields: dict[str, Any]) -> None:
    await _fill(world, an_order(1))
    async with world.browser() as client:
        assert (await post(client, "/orders", "/orders/bulk", **fields)).status_code == 422
    assert await world.outbox() == []


async def test_sync_shows_progress_and_asks_for_more(world: World) -> None:
    await _fill(world)
    await world.tell((a_progress(skipped_count=2), "sync.progress"))
    async with world.browser() as client:
        page = (await client.get("/sync")).text
        assert "<dd>188</dd>" in page
        assert "not synced yet" in page
        answer = await post(client, "/sync", "/sync/atelier-nour/sync")
        assert "progress appears below" in (await client.get(answer.headers["location"])).text
        assert (await post(client, "/sync", "/sync/nobody/sync")).status_code == 404
    ((_, topic, key, kind, said),) = await world.outbox()
    assert (topic, key, kind) == ("sync.commands", "atelier-nour", "platen.sync.SyncShop.v1")
    assert said == {"shop_id": "atelier-nour", "actor": {"kind": "operator", "name": "operator"}}


@pytest.mark.parametrize("method", ["get", "post"])
async def test_a_database_that_is_away_is_told_without_a_traceback(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("no")

    monkeypatch.setattr(world.reading, "names", away)
    monkeypatch.setattr(world.reading, "order", away)
    async with world.browser() as client:
        answer = await client.request(
            method, f"/orders/{'0' * 32}/archive" if method == "post" else "/sync", headers={"origin": HERE}
        )
    assert answer.status_code == 503
    assert "database does not answer" in answer.text
