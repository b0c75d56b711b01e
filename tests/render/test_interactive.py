"""Uploads and previews while typing, from the outside."""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx
import pytest
from PIL import Image
from platen_outside.tickets import Tickets
from platen_render.gateway import ObjectStore
from platen_render.store.published import PublishedArtworks
from platen_render.web.interactive import PREVIEW, UPLOAD, Interactive
from platen_render.worker.photos import MAX_BYTES
from platen_render.worker.previews import Previews
from starlette.applications import Starlette

from tests.support import until

from .asking import mug, take_in
from .conftest import Studio
from .room import Room
from .test_photos import HOSTILE

KEY = "k" * 32
Picture = Callable[..., bytes]


def ticket(purpose: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {Tickets(KEY, purpose).issue('order-1')}"}


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return ObjectStore(f"file://{tmp_path}/objects")


@pytest.fixture
async def client(room: Room, objects: ObjectStore) -> AsyncIterator[httpx.AsyncClient]:
    previews, stop = Previews(PublishedArtworks(room.engine), objects), asyncio.Event()
    app = Starlette(routes=Interactive(KEY, previews, room.shelf, objects, MAX_BYTES).routes)
    work = asyncio.create_task(previews.run(stop))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://render", timeout=60) as client:
        await until(lambda: _works(client))
        yield client
    stop.set()
    await work


async def _works(client: httpx.AsyncClient) -> bool:
    return (await client.post("/uploads", content=b"x", headers=ticket(UPLOAD))).status_code == 415


async def ask(client: httpx.AsyncClient, answers: dict[str, Any], version: int = 1, side: str = "front") -> httpx.Response:
    question = {"artwork": {"artwork_id": "mug", "version": version}, "side": side, "answers": answers}
    return await client.post("/previews", json=question, headers=ticket(PREVIEW))


async def test_an_uploaded_photo_is_kept_by_its_content_and_can_be_answered_with(
    client: httpx.AsyncClient, objects: ObjectStore, picture: Picture
) -> None:
    data = picture(60, 40, form="JPEG")
    told = await client.post("/uploads", content=data, headers=ticket(UPLOAD) | {"Content-Type": "image/jpeg"})
    assert told.status_code == 201
    file = told.json()["file"]
    assert (told.json()["width"], told.json()["height"], file["media_type"], file["size"]) == (60, 40, "image/jpeg", len(data))
    assert await objects.get(file["sha256"]) == data


@pytest.mark.parametrize(
    "name", ["svg", "pdf", "jpeg called png", "png cut in its pixels", "bomb of 400 megapixels", "woff2 font"]
)
async def test_a_hostile_upload_is_refused_with_code_and_remedy_and_nothing_is_kept(
    client: httpx.AsyncClient, room: Room, name: str
) -> None:
    code, data, declared = HOSTILE[name]
    told = await client.post("/uploads", content=data, headers=ticket(UPLOAD) | {"Content-Type": declared})
    assert told.status_code in (413, 415, 422)
    assert (told.json()["code"], bool(told.json()["remedy"])) == (code, True)
    assert await room.rows("select 1 from files") == []


async def test_an_upload_that_is_too_large_is_refused_before_it_is_read_to_its_end(client: httpx.AsyncClient) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 10 * MAX_BYTES:
            read += 1024 * 1024
            yield bytes(1024 * 1024)

    told = await client.post("/uploads", content=endless(), headers=ticket(UPLOAD))
    assert (told.status_code, told.json()["code"]) == (413, "photo_too_large")


async def test_without_a_ticket_for_it_nothing_is_taken(client: httpx.AsyncClient, picture: Picture) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}, ticket(PREVIEW), {"Authorization": "Basic eDp4"}):
        told = await client.post("/uploads", content=picture(), headers=headers)
        assert (told.status_code, told.json()["code"]) == (401, "ticket_invalid")
    assert (await client.post("/previews", json={}, headers=ticket(UPLOAD))).status_code == 401


def test_the_tickets_of_the_runbook_open_both_doors() -> None:
    runbook = (Path(__file__).parents[2] / "docs/operations.md").read_text("utf-8")
    found = re.search(r"^  ```python\n(  from platen_outside\.tickets.*?)^  ```$", runbook, re.DOTALL | re.MULTILINE)
    assert found is not None
    room: dict[str, Any] = {"key": KEY, "order_id": "order-1"}
    exec(dedent(found[1]), room)
    assert (Tickets(KEY, UPLOAD).about(room["upload"]), Tickets(KEY, PREVIEW).about(room["preview"])) == ("order-1", "order-1")


async def test_any_page_may_ask_since_tickets_are_no_cookies(client: httpx.AsyncClient) -> None:
    asking = {
        "Origin": "http://console",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    told = await client.options("/uploads", headers=asking)
    assert (told.status_code, told.headers["access-control-allow-origin"]) == (200, "*")
    assert "access-control-allow-credentials" not in told.headers


def test_without_a_key_there_are_no_routes(room: Room, objects: ObjectStore) -> None:
    assert Interactive(None, Previews(PublishedArtworks(room.engine), objects), room.shelf, objects, MAX_BYTES).routes == []


async def test_a_preview_shows_the_answers_and_leaves_missing_ones_blank(client: httpx.AsyncClient, room: Room) -> None:
    await take_in(room.requests, mug())
    with_name, blank = await ask(client, {"name": "Anna"}), await ask(client, {})
    for told in (with_name, blank):
        assert (told.status_code, told.headers["content-type"], told.headers["cache-control"]) == (200, "image/webp", "no-store")
    ink = [Image.open(io.BytesIO(told.content)).convert("RGBA").getchannel("A").getextrema()[1] for told in (with_name, blank)]
    assert ink == [255, 0]


async def test_a_preview_draws_pictures_and_photos_small(
    client: httpx.AsyncClient, room: Room, objects: ObjectStore, studio: Studio, picture: Picture
) -> None:
    layer = {"kind": "photo", "option": "photo", "width": 300, "height": 200, "min_dpi": 2000}
    artwork = studio.artwork(studio.image(picture(900, 1200)), layer, photo={"label": "Photo", "kind": "photo"})
    for data in studio.assets.values():
        await objects.put_by_content(data, "image/png")
    await take_in(room.requests, artwork)
    photo = await objects.put_by_content(picture(800, 600, form="JPEG"), "image/jpeg")
    told = await ask(client, {"photo": photo.model_dump()})
    assert (told.status_code, Image.open(io.BytesIO(told.content)).size) == (200, (300, 400))
    gone = await ask(client, {"photo": {"sha256": "0" * 64, "size": 1, "media_type": "image/png"}})
    assert (gone.status_code, gone.json()["code"]) == (422, "photo_missing")


async def test_a_wrong_question_is_told_what_is_wrong_with_it(client: httpx.AsyncClient, room: Room) -> None:
    await take_in(room.requests, mug())
    codes = [
        (await ask(client, {"name": "x" * 21})).json()["code"],
        (await ask(client, {}, side="sleeve")).json()["code"],
        (await ask(client, {}, version=9)).json()["code"],
        (await client.post("/previews", content=b"{", headers=ticket(PREVIEW))).json()["code"],
    ]
    assert codes == ["answer_invalid", "side_unknown", "artwork_unknown", "question_unreadable"]


async def test_an_artwork_that_comes_later_is_found_then(client: httpx.AsyncClient, room: Room) -> None:
    assert (await ask(client, {})).status_code == 404
    await take_in(room.requests, mug())
    assert (await ask(client, {})).status_code == 200
