"""A catalog's pictures land where render looks for them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from platen_cli.catalog import push
from platen_cli.catalog.read import Catalog
from platen_render.gateway import ObjectStore


async def test_pictures_are_found_by_render_also_in_a_folder_with_a_space(tmp_path: Path, kafka_bootstrap: str) -> None:
    objects = (tmp_path / "my data").as_uri()
    sha256 = hashlib.sha256(b"ink").hexdigest()
    await push(Catalog(pictures={sha256: b"ink"}), kafka_bootstrap, objects)
    assert await ObjectStore(objects).get(sha256) == b"ink"
