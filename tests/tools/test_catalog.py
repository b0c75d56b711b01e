"""A catalog's pictures land where render looks for them."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from platen_cli.catalog import push
from platen_cli.catalog.read import Catalog, Picture
from platen_cli.errors import UserError
from platen_render.gateway import ObjectStore


async def test_pictures_are_found_by_render_also_in_a_folder_with_a_space(tmp_path: Path, kafka_bootstrap: str) -> None:
    objects = (tmp_path / "my data").as_uri()
    sha256 = hashlib.sha256(b"ink").hexdigest()
    await push(Catalog(pictures={sha256: Picture(b"ink", "image/png")}), kafka_bootstrap, objects)
    assert await ObjectStore(objects).get(sha256) == b"ink"


async def test_pictures_in_a_bucket_say_what_they_are(kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[bytes] = []

    async def bucket(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        heads.append(head)
        await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0]))
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(bucket, "127.0.0.1", 0)
    given = {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "REGION": "eu-central-1", "ALLOW_HTTP": "true"}
    for name, value in (given | {"ENDPOINT": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}).items():
        monkeypatch.setenv(f"AWS_{name}", value)
    async with server:
        await push(Catalog(pictures={"": Picture(b"ink", "image/webp")}), kafka_bootstrap, "s3://prints/platen")
    [head] = heads
    assert head.startswith(f"put /prints/platen/files/{hashlib.sha256(b'ink').hexdigest()[:2]}/".encode())
    assert b"content-type: image/webp\r\n" in head


@pytest.mark.parametrize("objects", ["/srv/files", "s3:///prefix", "file:///proc/none"])
async def test_a_store_that_cannot_be_opened_is_one_line(objects: str) -> None:
    with pytest.raises(UserError, match=r"^PLATEN_OBJECTS: .*give [^\n]*$"):
        await push(Catalog(), "127.0.0.1:9", objects)
