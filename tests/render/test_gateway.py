import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from platen_contracts.common import object_key
from platen_render.gateway import CHUNK_BYTES, FileMissing, ObjectStore


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(f"file://{tmp_path}/made here")


async def test_a_file_is_kept_under_the_sha256_of_its_bytes(store: ObjectStore, tmp_path: Path) -> None:
    file = await store.put_by_content(b"ink", "image/png")
    sha256 = hashlib.sha256(b"ink").hexdigest()
    assert (file.sha256, file.size, file.media_type) == (sha256, 3, "image/png")
    assert (tmp_path / "made here" / "files" / sha256[:2] / sha256).read_bytes() == b"ink"
    assert await store.get(sha256) == b"ink"


async def test_the_same_bytes_are_written_once(store: ObjectStore, tmp_path: Path) -> None:
    first = await store.put_by_content(b"ink", "image/png")
    kept = tmp_path / "made here" / object_key(first.sha256)
    written = kept.stat().st_mtime_ns
    assert await store.put_by_content(b"ink", "image/png") == first
    assert kept.stat().st_mtime_ns == written


async def test_a_large_file_streams_in_chunks(store: ObjectStore) -> None:
    data = bytes(range(256)) * 40_000
    file = await store.put_by_content(data, "image/png")
    chunks = [chunk async for chunk in await store.stream(file.sha256)]
    assert b"".join(chunks) == data
    assert 2 <= len(chunks) <= len(data) / CHUNK_BYTES + 1


async def test_a_file_that_is_not_there_is_missing_before_anything_streams(store: ObjectStore) -> None:
    with pytest.raises(FileMissing, match="aa"):
        await store.get("aa" * 32)
    with pytest.raises(FileMissing):
        await store.stream("aa" * 32)


async def test_a_folder_has_no_links_of_its_own(store: ObjectStore) -> None:
    assert await store.link("aa" * 32, timedelta(minutes=5)) is None


async def test_a_bucket_signs_short_lived_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    link = await ObjectStore("s3://prints/platen").link("ab" * 32, timedelta(minutes=5))
    assert link is not None
    assert f"/prints/platen/files/ab/{'ab' * 32}?" in link
    assert "X-Amz-Expires=300" in link


@pytest.mark.parametrize("url", ["", "/srv/files", "file://elsewhere/files", "ftp://host/files", "s3:///prefix"])
def test_a_wrong_setting_names_the_variable_and_what_is_allowed(url: str) -> None:
    with pytest.raises(ValueError, match=r"PLATEN_OBJECTS: .* give file:///folder or s3://bucket/prefix"):
        ObjectStore(url)
