"""A folder of YAML into the catalog's messages; every mistake is named with file, line, field and remedy.

vendors.yaml   a list of Vendor documents
shops.yaml     a list of Shop documents
listings.yaml  a list of Listing documents
artworks/*.yaml  one Artwork version each (docs/artworks.md); files are named by a path beside the document
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from platen_contracts.catalog import Artwork, Listing, Shop, Vendor
from platen_contracts.message import Message

from platen_cli.errors import UserError

from .artworks import mistakes_in
from .documents import as_steps, load, parse
from .files import Files, Picture

__all__ = ["Catalog", "Picture", "read_catalog"]

M = TypeVar("M", bound=Message)


@dataclass
class Catalog:
    vendors: list[Vendor] = field(default_factory=list[Vendor])
    shops: list[Shop] = field(default_factory=list[Shop])
    listings: list[Listing] = field(default_factory=list[Listing])
    artworks: list[Artwork] = field(default_factory=list[Artwork])
    pictures: dict[str, Picture] = field(default_factory=dict[str, Picture])
    """Pictures and fonts by sha256."""


def read_catalog(folder: Path, fill: Mapping[str, str] | None = None) -> Catalog:
    """Reads and checks the whole folder; `fill` replaces `${NAME}` in the documents.

    Raises `UserError` with one line per mistake.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; name the one that holds vendors.yaml, shops.yaml, listings.yaml, artworks/")
    reader = _Reader(folder, dict(fill or {}))
    catalog = Catalog(
        vendors=reader.all_of("vendors.yaml", Vendor),
        shops=reader.all_of("shops.yaml", Shop),
        listings=reader.all_of("listings.yaml", Listing),
        artworks=reader.artworks(),
        pictures=reader.files.held,
    )
    _check_references(catalog, reader.mistakes.append)
    if reader.mistakes:
        raise UserError("\n".join(reader.mistakes))
    return catalog


class _Reader:
    def __init__(self, folder: Path, fill: dict[str, str]) -> None:
        self._folder = folder
        self._fill = fill
        self.mistakes: list[str] = []
        self.files = Files(folder, self.mistakes.append)

    def all_of(self, name: str, model: type[M]) -> list[M]:
        path = self._folder / name
        if not path.exists():
            return []
        document = load(path, name, self._fill, self.mistakes)
        if document.content is None:
            return []
        if not isinstance(document.content, list):
            self.mistakes.append(f"{name}: a list of documents is expected; begin each with `- `")
            return []
        self.files.take(document, path.parent)
        contents = enumerate(cast("list[Any]", document.content))
        parsed = [parse(document, (place,), content, model, self.mistakes) for place, content in contents]
        return [message for message in parsed if message is not None]

    def artworks(self) -> list[Artwork]:
        paths = sorted((self._folder / "artworks").glob("*.yaml"))
        found = [self._artwork(path) for path in paths]
        artworks = [artwork for artwork in found if artwork is not None]
        versions = [(artwork.artwork_id, artwork.version) for artwork in artworks]
        for name, version in sorted({each for each in versions if versions.count(each) > 1}):
            self.mistakes.append(f"artworks/: {name} version {version} is there twice; give one of them a version of its own")
        return artworks

    def _artwork(self, path: Path) -> Artwork | None:
        document = load(path, path.relative_to(self._folder).as_posix(), self._fill, self.mistakes)
        if document.content is None:
            return None
        self.files.take(document, path.parent)
        artwork = parse(document, (), document.content, Artwork, self.mistakes)
        if artwork is not None:
            self.mistakes += [document.mistake(as_steps(where), words) for where, words in mistakes_in(artwork, self.files.held)]
        return artwork


def _check_references(catalog: Catalog, mistake: Callable[[str], None]) -> None:
    """A kind of document of which the folder has none may have been pushed before; what is misspelt should not pass."""
    vendors = {vendor.vendor_id for vendor in catalog.vendors}
    shops = {shop.shop_id for shop in catalog.shops}
    artworks = {(artwork.artwork_id, artwork.version): artwork for artwork in catalog.artworks}
    for place, listing in enumerate(catalog.listings):
        name = f"listings.yaml[{place}]"
        if shops and listing.shop_id not in shops:
            mistake(f"{name}: shop_id: {listing.shop_id!r} is not in shops.yaml; there are {', '.join(sorted(shops))}")
        if vendors and listing.vendor_id not in vendors:
            mistake(f"{name}: vendor_id: {listing.vendor_id!r} is not in vendors.yaml; there are {', '.join(sorted(vendors))}")
        if listing.artwork is None:
            continue
        artwork = artworks.get((listing.artwork.artwork_id, listing.artwork.version))
        if artworks and artwork is None:
            mistake(f"{name}: artwork: {listing.artwork.artwork_id} version {listing.artwork.version} is not in artworks/")
        if artwork is None:
            continue
        for question, option in listing.questions.items():
            if option not in artwork.options:
                known = ", ".join(sorted(artwork.options)) or "none"
                mistake(f"{name}: questions.{question}: the artwork has no option {option!r}; it has {known}")
