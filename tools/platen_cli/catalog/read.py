"""A folder of YAML into the catalog's messages; every mistake is named with file, field and remedy.

vendors.yaml   a list of Vendor documents
shops.yaml     a list of Shop documents
listings.yaml  a list of Listing documents
artworks/*.yaml  one Artwork version each; an image layer names its picture by a path beside the document
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import yaml
from platen_contracts.catalog import Artwork, Listing, Shop, Vendor
from platen_contracts.message import Message
from pydantic import ValidationError

from platen_cli.errors import UserError

M = TypeVar("M", bound=Message)
Document = dict[str, Any]

MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}


class Picture(NamedTuple):
    data: bytes
    media_type: str


@dataclass
class Catalog:
    vendors: list[Vendor] = field(default_factory=list[Vendor])
    shops: list[Shop] = field(default_factory=list[Shop])
    listings: list[Listing] = field(default_factory=list[Listing])
    artworks: list[Artwork] = field(default_factory=list[Artwork])
    pictures: dict[str, Picture] = field(default_factory=dict[str, Picture])
    """By sha256."""


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
    )
    for path in sorted((folder / "artworks").glob("*.yaml")):
        document = reader.load(path)
        for where, layer in _image_layers(document):
            reader.take_picture(path, where, layer, catalog.pictures)
        artwork = reader.parse(path, "", document, Artwork)
        if artwork is not None:
            catalog.artworks.append(artwork)
    _check_references(catalog, reader.mistakes.append)
    if reader.mistakes:
        raise UserError("\n".join(reader.mistakes))
    return catalog


class _Reader:
    def __init__(self, folder: Path, fill: dict[str, str]) -> None:
        self._folder = folder
        self._fill = fill
        self.mistakes: list[str] = []

    def all_of(self, name: str, model: type[M]) -> list[M]:
        path = self._folder / name
        if not path.exists():
            return []
        documents = self.load(path)
        if not isinstance(documents, list):
            self.mistakes.append(f"{name}: a list of documents is expected; begin each with `- `")
            return []
        parsed = [self.parse(path, f"[{place}]", document, model) for place, document in enumerate(cast("list[Any]", documents))]
        return [document for document in parsed if document is not None]

    def load(self, path: Path) -> Any:
        text = path.read_text(encoding="utf-8")
        for name, value in self._fill.items():
            text = text.replace(f"${{{name}}}", value)
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as problem:
            mark = getattr(problem, "problem_mark", None)
            line = "" if mark is None else f":{mark.line + 1}"
            self.mistakes.append(f"{path.relative_to(self._folder)}{line}: not YAML ({getattr(problem, 'problem', problem)})")
            return None

    def parse(self, path: Path, where: str, document: Any, model: type[M]) -> M | None:
        if document is None:
            return None
        try:
            return model.model_validate(document)
        except ValidationError as wrong:
            for error in wrong.errors(include_url=False, include_context=False):
                steps = ".".join(str(step) for step in error["loc"])
                name = f"{path.relative_to(self._folder)}{where}"
                self.mistakes.append(f"{name}: {steps}: {error['msg']} (seen: {str(error['input'])[:80]})")
            return None

    def take_picture(self, document: Path, where: str, layer: Document, pictures: dict[str, Picture]) -> None:
        """Puts a FileRef in place of a path."""
        name = f"{document.relative_to(self._folder)}: {where}.file"
        given = layer.get("file")
        if not isinstance(given, str):
            return
        path = (document.parent / given).resolve()
        if not path.is_relative_to(self._folder.resolve()):
            self.mistakes.append(f"{name}: {given} lies outside the catalog's folder; copy it inside")
        elif not path.is_file():
            self.mistakes.append(f"{name}: there is no file {given}; paths are relative to the document")
        elif path.suffix.lower() not in MEDIA_TYPES:
            self.mistakes.append(f"{name}: {given} is none of {', '.join(sorted(MEDIA_TYPES))}")
        else:
            picture = Picture(path.read_bytes(), MEDIA_TYPES[path.suffix.lower()])
            sha256 = hashlib.sha256(picture.data).hexdigest()
            pictures[sha256] = picture
            layer["file"] = {"sha256": sha256, "size": len(picture.data), "media_type": picture.media_type}


def _image_layers(document: Any) -> Iterable[tuple[str, Document]]:
    sides: Any = document.get("sides", {}) if isinstance(document, dict) else {}
    for side, content in sides.items() if isinstance(sides, dict) else ():
        layers: Any = content.get("layers", []) if isinstance(content, dict) else []
        for place, layer in enumerate(layers if isinstance(layers, list) else ()):
            if isinstance(layer, dict) and layer.get("kind") == "image":
                yield f"sides.{side}.layers.{place}", layer


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
