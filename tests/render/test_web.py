"""A print file's link, from the outside."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from platen_contracts.common import FileRef, object_key
from platen_render.gateway import ObjectStore
from platen_render.store.links import Links
from platen_render.web import Files
from starlette.applications import Starlette

from .asking import made, mug, request, take_in
from .room import Room

DATA = b"\x89PNG" + bytes(range(256))
SHA256 = hashlib.sha256(DATA).hexdigest()
TOKEN = "Aa0_-" + "x" * 38


def client_of(room: Room, objects: ObjectStore, links: Links | None = None, patience_s: float = 15) -> httpx.AsyncClient:
    files = Files(links or Links(room.engine), objects, timedelta(seconds=patience_s))
    app = Starlette(routes=files.routes)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://render")


class AwayAtFirst(Links):
    """The database refuses so many looks before it answers."""

    def __init__(self, room: Room, refusals: int) -> None:
        super().__init__(room.engine)
        self.refusals = refusals

    async def file_of(self, token: str, view: str | None = None) -> FileRef | None:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionRefusedError
        return await super().file_of(token, view)


@pytest.fixture
async def client(room: Room, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The file stands behind /f/TOKEN."""
    objects = ObjectStore(f"file://{tmp_path}")
    await give_out(room, await objects.put_by_content(DATA, "image/png"))
    async with client_of(room, objects) as client:
        yield client


async def give_out(room: Room, file: FileRef) -> None:
    asked = request()
    await take_in(room.requests, mug(), asked)
    await take_in(room.outcomes, made(asked, file, token=TOKEN))


async def test_a_link_shows_the_file_and_lets_it_be_kept_for_good(client: httpx.AsyncClient) -> None:
    shown = await client.get(f"/f/{TOKEN}")
    assert (shown.status_code, shown.content) == (200, DATA)
    assert shown.headers["content-type"] == "image/png"
    assert shown.headers["content-length"] == str(len(DATA))
    assert shown.headers["content-disposition"] == "inline"
    assert shown.headers["etag"] == f'"{SHA256}"'
    assert "immutable" in shown.headers["cache-control"]


async def test_head_tells_the_same_without_the_bytes(client: httpx.AsyncClient) -> None:
    told = await client.head(f"/f/{TOKEN}")
    assert (told.status_code, told.content, told.headers["content-length"]) == (200, b"", str(len(DATA)))


async def test_who_has_the_file_already_gets_no_bytes(client: httpx.AsyncClient) -> None:
    for tags in (f'"{SHA256}"', f'W/"{SHA256}"', f'"other", "{SHA256}"'):
        shown = await client.get(f"/f/{TOKEN}", headers={"If-None-Match": tags})
        assert (shown.status_code, shown.content) == (304, b"")


async def test_a_part_of_the_file_may_be_asked_for(client: httpx.AsyncClient) -> None:
    size = len(DATA)
    parts = {"0-3": (0, 4), "10-": (10, size), "-5": (size - 5, size), "4-99999": (4, size)}
    for asked, (start, end) in parts.items():
        shown = await client.get(f"/f/{TOKEN}", headers={"Range": f"bytes={asked}"})
        assert (shown.status_code, shown.content) == (206, DATA[start:end])
        assert shown.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"


async def test_a_part_that_is_not_in_the_file_is_told_so(client: httpx.AsyncClient) -> None:
    for asked in (f"{len(DATA)}-", "-0", "5-4"):
        shown = await client.get(f"/f/{TOKEN}", headers={"Range": f"bytes={asked}"})
        assert (shown.status_code, shown.headers["content-range"]) == (416, f"bytes */{len(DATA)}")


async def test_parts_that_are_not_given_are_answered_with_the_whole(client: httpx.AsyncClient) -> None:
    for asked in ("bytes=0-1,4-5", "lines=1-2", "bytes=-"):
        assert (await client.get(f"/f/{TOKEN}", headers={"Range": asked})).content == DATA


async def test_a_part_of_another_file_is_answered_with_the_whole(client: httpx.AsyncClient) -> None:
    shown = await client.get(f"/f/{TOKEN}", headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert (shown.status_code, shown.content) == (200, DATA)


async def test_unknown_revoked_and_impossible_links_and_lost_files_cannot_be_told_apart(
    client: httpx.AsyncClient, room: Room, tmp_path: Path
) -> None:
    answers = [await client.get(f"/f/{token}") for token in ("y" * 43, "short", "%00" * 43, "%F0%9F%98%80")]
    kept = (tmp_path / object_key(SHA256)).rename(tmp_path / "away")
    answers.append(await client.get(f"/f/{TOKEN}"))
    kept.rename(tmp_path / object_key(SHA256))
    await room.rows("delete from links")
    answers.append(await client.get(f"/f/{TOKEN}"))
    assert {(answer.status_code, answer.content, tuple(answer.headers.raw)) for answer in answers} == {
        (404, b"There is no such file.\n", tuple(answers[0].headers.raw))
    }


async def test_a_view_is_shown_behind_the_same_link(client: httpx.AsyncClient, room: Room, tmp_path: Path) -> None:
    small = await ObjectStore(f"file://{tmp_path}").put_by_content(b"small", "image/webp")
    await room.rows(f"insert into files (sha256, size, media_type) values ('{small.sha256}', 5, 'image/webp')")
    await room.rows(f"insert into views values ('{SHA256}', 'preview', '{small.sha256}')")
    shown = await client.get(f"/f/{TOKEN}/preview")
    assert (shown.status_code, shown.content, shown.headers["content-type"]) == (200, b"small", "image/webp")
    assert (await client.get(f"/f/{TOKEN}/mockup")).status_code == 404
    assert (await client.get(f"/f/{'y' * 43}/preview")).status_code == 404


async def test_a_bucket_is_shown_by_a_link_that_ends_soon(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    await give_out(room, FileRef(sha256=SHA256, size=len(DATA), media_type="image/png"))
    async with client_of(room, ObjectStore("s3://prints/platen")) as client:
        shown = await client.get(f"/f/{TOKEN}")
    assert shown.status_code == 302
    assert object_key(SHA256) in shown.headers["location"]
    assert shown.headers["cache-control"] == "no-store"


async def test_a_link_waits_for_a_database_that_comes_back(room: Room, tmp_path: Path) -> None:
    objects = ObjectStore(f"file://{tmp_path}")
    await give_out(room, await objects.put_by_content(DATA, "image/png"))
    async with client_of(room, objects, AwayAtFirst(room, 2)) as client:
        shown = await client.get(f"/f/{TOKEN}")
    assert (shown.status_code, shown.content) == (200, DATA)


async def test_a_file_that_the_object_store_cannot_give_now_says_come_back_later(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    file = tmp_path / object_key(SHA256)
    file.unlink()
    # It is there, and opening it fails.
    file.symlink_to(file)
    shown = await client.get(f"/f/{TOKEN}")
    assert (shown.status_code, shown.headers["retry-after"], shown.headers["cache-control"]) == (503, "5", "no-store")


async def test_a_link_that_cannot_be_looked_up_now_says_come_back_later(room: Room, tmp_path: Path) -> None:
    async with client_of(room, ObjectStore(f"file://{tmp_path}"), AwayAtFirst(room, 1000), patience_s=0) as client:
        shown = await client.get(f"/f/{TOKEN}")
    assert (shown.status_code, shown.headers["retry-after"], shown.headers["cache-control"]) == (503, "5", "no-store")
