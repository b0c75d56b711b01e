"""What previews keep at hand, and that it goes."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from platen_contracts.catalog import Artwork
from platen_contracts.common import ArtworkRef
from platen_render.gateway import ObjectStore
from platen_render.store.published import PublishedArtworks
from platen_render.worker.previews import Previews

from tests.support import until

from .asking import mug


class Mugs(PublishedArtworks):
    """Mug in every version."""

    def __init__(self) -> None: ...

    async def get(self, reference: str) -> Artwork | None:
        return mug(int(reference.partition("/")[2]))


class SlowStore(ObjectStore):
    """Hands out only while `open` is set."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"file://{folder}")
        self.open, self.asked = asyncio.Event(), 0

    async def get(self, sha256: str) -> bytes:
        self.asked += 1
        await self.open.wait()
        return await super().get(sha256)


@pytest.fixture
def at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def objects(tmp_path: Path) -> SlowStore:
    return SlowStore(tmp_path / "objects")


class Turns:
    """Says when photos are forgotten, in place of the clock."""

    def __init__(self) -> None:
        self.waited_for, self._said = 0, asyncio.Queue[bool]()

    async def wait(self, stop: asyncio.Event, seconds: float) -> bool:
        del stop, seconds
        self.waited_for += 1
        return await self._said.get()

    async def forget(self) -> None:
        before = self.waited_for
        await self._said.put(False)
        await until(lambda: self.waited_for > before)

    async def stop(self) -> None:
        await self._said.put(True)


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    turns = Turns()
    monkeypatch.setattr("platen_render.worker.previews.wait", turns.wait)
    return turns


@pytest.fixture
async def previews(at_hand: Path, objects: SlowStore, turns: Turns) -> AsyncIterator[Previews]:
    previews = Previews(Mugs(), objects)
    work = asyncio.create_task(previews.run(asyncio.Event()))
    await until(lambda: turns.waited_for)
    yield previews
    await turns.stop()
    await work
    assert not lies(at_hand, "*")


async def preview(previews: Previews, version: int = 1, **answers: Any) -> bytes:
    return await previews.preview(ArtworkRef(artwork_id="mug", version=version), "front", answers)


def lies(at_hand: Path, name: str) -> int:
    return len(list(at_hand.rglob(name)))


async def test_a_photo_forgotten_while_it_is_fetched_goes_when_it_has_come(
    at_hand: Path, objects: SlowStore, turns: Turns, previews: Previews
) -> None:
    photo = await objects.put_by_content(b"a photo", "image/jpeg")
    asking = asyncio.create_task(preview(previews, photo=photo))
    await until(lambda: objects.asked)
    await turns.forget()
    objects.open.set()
    await asyncio.gather(asking, return_exceptions=True)
    await until(lambda: not lies(at_hand, photo.sha256), seconds=10)


async def test_photos_are_forgotten_from_time_to_time_and_artworks_stay(
    at_hand: Path, objects: SlowStore, turns: Turns, previews: Previews
) -> None:
    photo = await objects.put_by_content(b"a photo", "image/jpeg")
    objects.open.set()
    await asyncio.gather(preview(previews, photo=photo), return_exceptions=True)
    assert (lies(at_hand, photo.sha256), lies(at_hand, "artwork.json")) == (1, 1)
    await turns.forget()
    await until(lambda: not lies(at_hand, photo.sha256), seconds=10)
    assert lies(at_hand, "artwork.json") == 1


async def test_what_is_laid_out_again_while_the_older_one_goes_stays(
    at_hand: Path, previews: Previews, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platen_render.worker.previews.KEPT", 1)
    go, gone, remove = threading.Event(), list[Path](), shutil.rmtree

    def slowly(path: Path, **options: Any) -> None:
        go.wait(60)
        remove(path, **options)
        gone.append(path)

    monkeypatch.setattr("shutil.rmtree", slowly)
    await preview(previews)
    other = asyncio.create_task(preview(previews, 2))
    await until(lambda: lies(at_hand, "artwork.json") == 2)
    again = asyncio.create_task(preview(previews))
    await until(lambda: again.done() or other.done())
    go.set()
    await asyncio.gather(other, again)
    await until(lambda: len(gone) == 2)
    assert lies(at_hand, "artwork.json") == 1


async def test_a_stop_waits_for_nothing_that_is_on_its_way(objects: SlowStore, previews: Previews) -> None:
    photo = await objects.put_by_content(b"a photo", "image/jpeg")
    asking = asyncio.create_task(preview(previews, photo=photo))
    await until(lambda: objects.asked)
    asking.cancel()
