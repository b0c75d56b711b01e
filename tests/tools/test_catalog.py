"""A catalog's pictures land where render looks for them."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from PIL import Image
from platen_cli.catalog import push, read_catalog
from platen_cli.catalog.read import Catalog, Picture
from platen_cli.demo.play import CATALOG, SMALL
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


ARTWORK = """\
artwork_id: mug
version: 1
title: Mug
width_mm: 200
height_mm: 90
dpi: 150
unit: mm
safe: 3
options:
  name: {kind: text, label: Name, max_length: 20, forbidden_words: words.txt}
  pet: {kind: choice, label: Pet, choices: [dog, cat]}
  family: {kind: names, label: Family, max_count: 2}
sides:
  front:
    layers:
      - {kind: text, option: name, x: 10, y: 10, width: 100, height: 30, font: Pacifico, size: 20}
      - kind: image
        option: pet
        files: {dog: dog.png, cat: dog.png}
        width: 40
        height: 40
      - kind: names
        option: family
        x: 100
        y: 10
        width: 80
        height: 60
        layouts:
          1: [{kind: text, option: family, item: 1, width: 80, height: 60, font: Noto Sans, size: 20}]
          2: [{kind: text, option: family, item: 2, width: 80, height: 60, font: Noto Sans, size: 20}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "artworks").mkdir()
    (tmp_path / "artworks/words.txt").write_text("darn\n\nheck\n")
    Image.new("RGB", (8, 8), "#804020").save(tmp_path / "artworks/dog.png")
    return tmp_path


def mistakes(folder: Path, artwork: str) -> list[str]:
    (folder / "artworks/mug.yaml").write_text(artwork)
    with pytest.raises(UserError) as wrong:
        read_catalog(folder)
    return str(wrong.value).splitlines()


def test_an_artwork_in_millimetres_with_files_and_words_is_read(folder: Path) -> None:
    (folder / "artworks/mug.yaml").write_text(ARTWORK)
    catalog = read_catalog(folder)
    (artwork,) = catalog.artworks
    assert (artwork.width_px, artwork.height_px) == (1181, 531)
    assert artwork.options["name"].forbidden_words == ["darn", "heck"]
    assert len(catalog.pictures) == 1


@pytest.mark.parametrize(
    ("right", "wrong", "line", "told"),
    [
        ("safe: 3", "saef: 3", 8, "saef: no such field; write safe, or take it out"),
        ("width: 100, height", "widht: 100, height", 16, "sides.front.layers.0.width: is missing; add it"),
        ("kind: names\n", "kind: nmaes\n", 22, "sides.front.layers.2"),
        ("option: pet", "option: pets", 18, "'pets' is not among options"),
        ("option: pet", "option: name", 18, "'name' is of kind text; choice is needed"),
        ("cat: dog.png", "cat: cat.png", 19, "files.cat: there is no file cat.png; paths are relative to the document"),
        ("cat: dog.png", "cow: dog.png", 19, "files: 'cow' is no choice of the option; it has dog, cat"),
        ("dog: dog.png, cat", "dog: ../../dog.png, cat", 19, "files.dog: ../../dog.png lies outside the catalog's folder"),
        ("font: Pacifico", "font: Comic Sans", 16, "font 'Comic Sans' is not available; use one of: Bebas Neue"),
        ("max_count: 2", "max_count: 4", 28, "layouts: there is none for 3, 4 names; add it, or narrow min_count and max_count"),
        ("x: 10, y: 10, width: 100", "x: 1, y: 10, width: 100", 16, "the box comes nearer than 3 to the canvas's edge"),
        ("x: 10, y: 10, width: 100", "x: 300, y: 10, width: 100", 16, "lies wholly outside the canvas of 199.983 x 89.916"),
        (
            "size: 20}\n      - kind",
            "size: 20, min_size: 30}\n      - kind",
            16,
            "min_size: is larger than size (30 > 20)",
        ),
        ("size: 20}\n      - kind", "size: 20, colour: red}\n      - kind", 16, "colour: string should match pattern"),
        ("      - kind: image", "     - kind: image", 17, "not YAML"),
    ],
)
def test_a_mistake_is_told_with_file_line_field_and_remedy(folder: Path, right: str, wrong: str, line: int, told: str) -> None:
    assert right in ARTWORK
    found = mistakes(folder, ARTWORK.replace(right, wrong, 1))
    assert any(mistake.startswith(f"artworks/mug.yaml:{line}: ") and told in mistake for mistake in found), found


def test_every_mistake_is_told_at_once(folder: Path) -> None:
    found = mistakes(folder, ARTWORK.replace("safe: 3", "saef: 3").replace("kind: choice", "kind: chioce"))
    assert [mistake.split(": ")[0] for mistake in found] == ["artworks/mug.yaml:11", "artworks/mug.yaml:8"]


def test_what_the_demo_fills_in_is_told_where_nobody_has() -> None:
    with pytest.raises(UserError) as caught:
        read_catalog(CATALOG)
    words = "was not filled in (the demo does it in its own); write the value"
    assert str(caught.value).splitlines() == [
        f"vendors.yaml:5: ${{SANDBOX}} {words}",
        f"vendors.yaml:11: ${{SANDBOX}} {words}",
        f"shops.yaml:4: ${{SANDBOX}} {words}",
        f"listings.yaml:6: ${{WIDTH}} {words}",
        f"listings.yaml:6: ${{HEIGHT}} {words}",
    ]
    assert read_catalog(CATALOG, {"SANDBOX": "http://127.0.0.1:8190"} | SMALL).listings


def test_a_line_that_is_commented_out_is_left_to_be_filled_in(folder: Path) -> None:
    (folder / "artworks/mug.yaml").write_text(f"# by ${{DESIGNER}}\n{ARTWORK}")
    assert read_catalog(folder).artworks


def test_a_file_that_is_no_picture_at_all_is_found_by_the_trial(folder: Path) -> None:
    (folder / "artworks/dog.png").write_bytes(b"GIF89a")
    (told,) = mistakes(folder, ARTWORK)
    assert told.startswith("artworks/mug.yaml:17: sides.front.layers.1: the file starts with")


LISTINGS = """\
- shop_id: gifts
  listing_id: "11"
  title: Mug with a name
  vendor_id: south
  product: {variant_id: "1"}
  profile: &press
    profile_id: press
    version: 1
    width_px: 1181
    height_px: 531
    dpi: 150
    media_type: image/tiff
    icc: press.icc
    mockups: {desk: {photo: artworks/dog.png, width: 8, height: 8}}
- {shop_id: gifts, listing_id: "12", title: The same, vendor_id: south, product: {variant_id: "1"}, profile: *press}
"""


def test_a_listing_names_its_colour_profile_and_mockups_by_path(folder: Path) -> None:
    (folder / "listings.yaml").write_text(LISTINGS)
    (folder / "press.icc").write_bytes(b"profile")
    catalog = read_catalog(folder)
    for listing in catalog.listings:
        assert listing.profile.icc is not None
        assert catalog.pictures[listing.profile.icc.sha256].data == b"profile"
        assert listing.profile.mockups["desk"].photo.sha256 in catalog.pictures


def test_a_colour_profile_that_is_not_there_is_a_mistake_of_its_line(folder: Path) -> None:
    (folder / "listings.yaml").write_text(LISTINGS)
    with pytest.raises(UserError, match=r"listings\.yaml:13.*there is no file press\.icc"):
        read_catalog(folder)
