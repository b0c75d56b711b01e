"""Which files go, when, and what is told of it; on the real Postgres, with files in a folder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from platen_contracts.common import FileRef
from platen_contracts.envelope import Meta
from platen_contracts.orders import OrderSnapshot
from platen_contracts.render import FileCollected, RenderFailed, RenderRequested
from platen_messaging.health import Health
from platen_messaging.outcome import Ignored
from platen_messaging.records import Incoming
from platen_render.gateway import FileMissing, ObjectStore
from platen_render.model import side_key
from platen_render.poll import Collector
from platen_render.store.links import Links

from .asking import again, made, mug, new_id, request, take_in
from .room import RETENTION, Room

LONG_AGO = datetime.now(UTC) - RETENTION - timedelta(days=1)
LATELY = datetime.now(UTC) - timedelta(days=1)


def snapshot(order_id: str, files: dict[str, FileRef | None], *, version: int = 1, **changes: Any) -> OrderSnapshot:
    """An order whose items (by id) have that file on their front."""
    items = {
        item_id: {
            "line_id": "1",
            "title": "Mug",
            "quantity": 1,
            "state": "Ready",
            "sides": {"front": {"state": "current"} | ({"file": file.model_dump()} if file else {})},
        }
        for item_id, file in files.items()
    }
    values: dict[str, Any] = {
        "order_id": order_id,
        "version": version,
        "number": "#1001",
        "shop_id": "shop-a",
        "shop_order_id": "1001",
        "vendor_id": "sandbox",
        "status": "New",
        "status_since": LATELY,
        "created_at": LATELY,
        "placed_at": LATELY,
        "edited_version": 1,
        "activity": {"kind": "none"},
        "items": items,
        "actions": {},
    }
    return OrderSnapshot.model_validate(values | changes)


def archived(order_id: str, files: dict[str, FileRef | None], since: datetime, version: int = 2) -> OrderSnapshot:
    return snapshot(order_id, files, version=version, status="Archived", status_since=since)


def tombstone(order_id: str) -> Incoming:
    return Incoming(Meta(new_id(), "", "orders", "", datetime.now(UTC)), None, order_id, "orders.status")


class House:
    """The room with a folder of files."""

    def __init__(self, room: Room, folder: Path) -> None:
        self.room = room
        self.objects = ObjectStore(f"file://{folder}")
        self.collector = Collector(room.files, room.shelf, self.objects, Health())

    async def drawn(self, asked: RenderRequested, data: bytes, **views: bytes) -> FileRef:
        """The request answered with a file, which is kept with its views."""
        file = await self.put(data, asked)
        shown = {name: await self.put(view, asked) for name, view in views.items()}
        await take_in(self.room.requests, asked)
        fact = made(asked, file, token=(asked.request_id * 2)[:43]).model_copy(update={"views": shown})
        await take_in(self.room.outcomes, fact)
        return file

    async def put(self, data: bytes, asked: RenderRequested | None = None) -> FileRef:
        file = await self.objects.put_by_content(data, "image/png")
        side = None if asked is None else side_key(asked.order_id, asked.item_id, asked.side)
        assert await self.room.shelf.keep(file, side)
        return file

    async def swept(self) -> None:
        while await self.collector.sweep():
            pass

    async def has(self, *files: FileRef) -> list[bool]:
        return [await self._has(file) for file in files]

    async def _has(self, file: FileRef) -> bool:
        try:
            return bool(await self.objects.get(file.sha256))
        except FileMissing:
            return False

    async def collected(self) -> list[tuple[str, str, str]]:
        answers = [answer for answer in await self.room.answers() if isinstance(answer, FileCollected)]
        return sorted((answer.order_id, answer.item_id, answer.sha256) for answer in answers)

    async def years_pass(self) -> None:
        """Of files and links; orders say their own times."""
        await self.room.rows("update files set look_at = look_at - interval '1 year'")
        await self.room.rows("update links set linked_at = linked_at - interval '1 year'")

    async def is_shown(self, asked: RenderRequested) -> bool:
        return await Links(self.room.engine).file_of((asked.request_id * 2)[:43]) is not None


@pytest.fixture
async def house(room: Room, tmp_path: Path) -> House:
    await take_in(room.requests, mug())
    return House(room, tmp_path)


async def test_the_file_of_an_erased_order_goes_at_once_with_its_views_links_and_photos(house: House) -> None:
    photo = await house.put(b"photo")
    asked = request(answers={"photo": photo.model_dump()})
    file = await house.drawn(asked, b"print", preview=b"small")
    view = await Links(house.room.engine).file_of((asked.request_id * 2)[:43], "preview")
    assert view is not None
    await take_in(house.room.status, snapshot(asked.order_id, {asked.item_id: file}))
    await house.swept()
    assert await house.has(file, view, photo) == [True, True, True]
    await take_in(house.room.status, snapshot(asked.order_id, {asked.item_id: None}, version=2, erased=True))
    await house.swept()
    assert await house.has(file, view, photo) == [False, False, False]
    assert await house.collected() == [(asked.order_id, asked.item_id, file.sha256)]
    assert not await house.is_shown(asked)
    assert await house.room.rows("select 1 from files union all select 2 from photos union all select 3 from drawings") == []


async def test_a_purged_order_is_as_good_as_erased(house: House) -> None:
    asked = request()
    file = await house.drawn(asked, b"print")
    await take_in(house.room.status, snapshot(asked.order_id, {asked.item_id: file}))
    await house.room.status.apply([tombstone(asked.order_id)])
    await house.swept()
    assert await house.has(file) == [False]


async def test_files_of_an_archived_order_stay_for_the_retention_time_and_then_go(house: House) -> None:
    asked = request()
    file = await house.drawn(asked, b"print", preview=b"small")
    await house.years_pass()
    await take_in(house.room.status, archived(asked.order_id, {asked.item_id: file}, LATELY))
    await house.swept()
    assert (await house.has(file), await house.collected()) == ([True], [])
    await take_in(house.room.status, archived(asked.order_id, {asked.item_id: file}, LONG_AGO, version=3))
    await house.swept()
    assert await house.has(file) == [False]
    assert await house.collected() == [(asked.order_id, asked.item_id, file.sha256)]
    assert await house.room.rows("select sha256 from files") == []


async def test_a_file_that_a_living_order_names_is_never_collected_whoever_asked_for_it(house: House) -> None:
    asked, child = request(), new_id()
    file = await house.drawn(asked, b"print")
    await house.years_pass()
    await take_in(house.room.status, snapshot(child, {asked.item_id: file}))
    await take_in(house.room.status, archived(asked.order_id, {asked.item_id: file}, LONG_AGO))
    await house.swept()
    assert (await house.has(file), await house.is_shown(asked)) == ([True], True)
    await take_in(house.room.status, snapshot(asked.order_id, {asked.item_id: None}, version=3, erased=True))
    await house.swept()
    assert (await house.has(file), await house.is_shown(asked)) == ([True], False)
    await take_in(house.room.status, snapshot(child, {asked.item_id: None}, version=2, erased=True))
    await house.swept()
    assert await house.has(file) == [False]


async def test_the_same_file_of_two_buyers_stays_for_the_one_and_is_no_longer_shown_to_the_other(house: House) -> None:
    mine, yours = request(input_hash="1" * 64), request(input_hash="1" * 64)
    file = await house.drawn(mine, b"print")
    await house.drawn(yours, b"print")
    await take_in(house.room.status, snapshot(mine.order_id, {mine.item_id: file}))
    await take_in(house.room.status, snapshot(yours.order_id, {yours.item_id: file}))
    await take_in(house.room.status, snapshot(mine.order_id, {mine.item_id: None}, version=2, erased=True))
    await house.swept()
    assert await house.has(file) == [True]
    assert (await house.is_shown(mine), await house.is_shown(yours)) == (False, True)
    assert await house.collected() == [(mine.order_id, mine.item_id, file.sha256)]


async def test_one_collected_is_told_for_each_item_and_side_that_used_it(house: House) -> None:
    first = request(input_hash="1" * 64)
    second = request(input_hash="1" * 64, order_id=first.order_id)
    back = request(input_hash="1" * 64, order_id=first.order_id, item_id=first.item_id, side="back")
    for asked in (first, second, back):
        file = await house.drawn(asked, b"print")
    await take_in(house.room.status, archived(first.order_id, {first.item_id: file}, LONG_AGO))
    await house.years_pass()
    await house.swept()
    assert len(await house.collected()) == 3


async def test_a_file_no_order_names_stays_for_the_retention_time_since_it_was_linked(house: House) -> None:
    asked = request()
    file = await house.drawn(asked, b"print")
    await house.swept()
    await house.room.rows("update files set look_at = now()")
    await house.swept()
    assert await house.has(file) == [True]
    await house.years_pass()
    await house.swept()
    assert await house.has(file) == [False]


async def test_an_upload_that_nobody_uses_goes_after_the_retention_time(house: House) -> None:
    photo = await house.put(b"photo")
    await house.swept()
    assert await house.has(photo) == [True]
    await house.years_pass()
    await house.swept()
    assert await house.has(photo) == [False]


async def test_the_photo_of_an_order_stays_as_long_as_the_order_lives(house: House) -> None:
    photo = await house.put(b"photo")
    asked = request(answers={"photo": photo.model_dump()})
    await take_in(house.room.requests, asked)
    for order in (None, snapshot(asked.order_id, {asked.item_id: None}), archived(asked.order_id, {asked.item_id: None}, LATELY)):
        if order is not None:
            await take_in(house.room.status, order)
        await house.years_pass()
        await house.swept()
        assert await house.has(photo) == [True]
    await take_in(house.room.status, archived(asked.order_id, {asked.item_id: None}, LONG_AGO, version=3))
    await house.swept()
    assert await house.has(photo) == [False]


async def test_a_photo_that_was_replaced_is_no_longer_the_orders(house: House) -> None:
    old, new = await house.put(b"old"), await house.put(b"new")
    asked = request(answers={"photo": old.model_dump()})
    await take_in(house.room.requests, asked)
    await take_in(house.room.requests, again(asked, answers={"photo": new}))
    await house.years_pass()
    await house.swept()
    assert await house.has(old, new) == [False, True]


async def test_a_file_that_an_artwork_names_stays_whatever_becomes_of_an_order_that_used_the_same(house: House) -> None:
    picture = await house.put(b"picture")
    layer = {"kind": "image", "file": picture.model_dump(), "width": 10, "height": 10}
    artwork = mug(version=2).model_dump()
    artwork["sides"]["front"]["layers"].append(layer)
    asked = request(answers={"photo": picture.model_dump()})
    await take_in(house.room.requests, type(mug()).model_validate(artwork), asked)
    await take_in(house.room.status, snapshot(asked.order_id, {asked.item_id: None}, erased=True))
    await house.years_pass()
    await house.swept()
    assert await house.has(picture) == [True]


async def test_an_erased_order_gets_nothing_drawn_and_every_request_is_answered(house: House) -> None:
    waiting, in_hand, late = request(), request(), request()
    for asked in (in_hand, waiting):
        await take_in(house.room.requests, asked)
    assert await house.room.claimed() == in_hand
    for asked in (waiting, in_hand, late):
        await take_in(house.room.status, snapshot(asked.order_id, {asked.item_id: None}, erased=True))
    (outcome,) = await take_in(house.room.requests, late)
    assert isinstance(outcome, Ignored)
    failures = [answer for answer in await house.room.answers() if isinstance(answer, RenderFailed)]
    assert {(answer.request_id, answer.code) for answer in failures} == {
        (asked.request_id, "order_erased") for asked in (waiting, in_hand, late)
    }
    file = await house.put(b"print", in_hand)
    await take_in(house.room.outcomes, made(in_hand, file))
    await house.swept()
    assert await house.has(file) == [False]
    assert await house.room.rows("select 1 from jobs union all select 2 from links") == []


async def test_a_purged_order_gets_nothing_drawn_and_every_request_is_answered(house: House) -> None:
    waiting, other = request(), request()
    back = request(order_id=waiting.order_id, item_id=waiting.item_id, side="back")
    await take_in(house.room.requests, waiting, back, other)
    await house.room.status.apply([tombstone(waiting.order_id)])
    failures = [answer for answer in await house.room.answers() if isinstance(answer, RenderFailed)]
    assert sorted((answer.request_id, answer.code) for answer in failures) == sorted(
        (asked.request_id, "order_erased") for asked in (waiting, back)
    )
    assert await house.room.claimed() == other
    assert await house.room.claim() is None


async def test_what_an_erased_order_no_longer_names_is_not_drawn_either(house: House) -> None:
    asked = request()
    await take_in(house.room.requests, asked)
    await take_in(house.room.status, snapshot(asked.order_id, {}, erased=True))
    assert await house.room.sent() == ["RenderFailed"]
    assert await house.room.claim() is None


async def test_a_file_drawn_just_before_its_order_was_erased_goes_too(house: House) -> None:
    asked = request()
    file = await house.put(b"print", asked)
    await take_in(house.room.requests, asked)
    await take_in(house.room.status, snapshot(asked.order_id, {}, erased=True))
    await take_in(house.room.outcomes, made(asked, file))
    await house.swept()
    assert await house.has(file) == [False]
    (failed,) = await house.room.answers()
    assert isinstance(failed, RenderFailed)


async def test_what_an_order_said_before_is_ignored(house: House) -> None:
    asked = request()
    file = await house.drawn(asked, b"print")
    await take_in(house.room.status, snapshot(asked.order_id, {asked.item_id: file}, version=5))
    outcomes = await take_in(house.room.status, archived(asked.order_id, {}, LONG_AGO, version=4))
    assert isinstance(outcomes[0], Ignored)
    await house.years_pass()
    await house.swept()
    assert await house.has(file) == [True]


async def test_a_file_being_deleted_is_neither_kept_nor_given_out_again_until_it_is_gone(house: House) -> None:
    asked = request()
    file = await house.drawn(asked, b"print")
    await house.room.rows("update files set doomed = true")
    assert not await house.room.shelf.keep(file)
    await take_in(house.room.requests, again(asked))
    claim = await house.room.claim()
    assert claim is not None
    assert claim.drawn is None
    await house.room.rows("delete from links")
    await house.room.rows("delete from drawings")
    await house.swept()
    assert await house.room.shelf.keep(file)


async def test_a_photo_that_was_fetched_for_an_order_is_known_by_its_address(house: House) -> None:
    asked = request()
    await take_in(house.room.requests, asked)
    file = FileRef(sha256="ab" * 32, size=3, media_type="image/jpeg")
    key = side_key(asked.order_id, asked.item_id, asked.side)
    assert await house.room.shelf.keep(file, key, photo_from="5" * 64)
    assert await house.room.shelf.fetched(asked.order_id, ["5" * 64, "6" * 64]) == {"5" * 64: file}
    assert await house.room.shelf.fetched(new_id(), ["5" * 64]) == {}


async def test_a_round_that_was_interrupted_is_finished_by_the_next(house: House) -> None:
    file = await house.put(b"photo")
    await house.years_pass()
    await house.room.rows(f"update files set doomed = true where sha256 = '{file.sha256}'")
    await house.objects.delete([file.sha256])
    await house.swept()
    assert await house.room.rows("select 1 from files") == []
