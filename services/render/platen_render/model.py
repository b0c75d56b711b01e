"""What render knows: the requests not answered yet, what was drawn, and who may see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from platen_contracts import artwork_v1
from platen_contracts.catalog import Artwork
from platen_contracts.common import ArtworkRef, FileRef
from platen_contracts.envelope import Meta
from platen_contracts.message import Id, Message
from platen_contracts.render import RenderRequested
from pydantic import Field


class Problem(Exception):
    """Why what was asked for cannot be had, and what one can do about it: `code`, `field` (the option or layer, where one is to
    blame), `message` (may quote what the buyer wrote), `remedy` (never does)."""

    def __init__(self, code: str, field: str | None, message: str, remedy: str) -> None:
        super().__init__(code, field, message, remedy)
        self.code = code
        self.field = field
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.field}: {self.message}; {self.remedy}" if self.field else f"{self.message}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Job:
    """A request not answered yet, frozen as it came. `in_hand`: a worker draws it now."""

    request: RenderRequested
    cause: Meta
    in_hand: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """One side of one item of an order: its open jobs by request id, the tokens of its links by the file's sha256, and the
    photos that its newest request names, by sha256."""

    jobs: Mapping[str, Job] = field(default_factory=dict[str, Job])
    tokens: Mapping[str, str] = field(default_factory=dict[str, str])
    photos: Mapping[str, FileRef] = field(default_factory=dict[str, FileRef])


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Every request of an order, whatever its side, that is not answered yet."""

    requests: tuple[RenderRequested, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """A file, the inputs it was drawn from and who drew it: whoever asks the same of the same renderer gets the same."""

    input_hash: str
    renderer: str
    file: FileRef
    views: Mapping[str, FileRef] = field(default_factory=dict[str, FileRef])
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderKnown:
    """What an order says of itself: whether its files are in use, and which. `named`: the sha256 of each in its snapshot."""

    order_id: str
    version: int = 0
    erased: bool = False
    archived_since: datetime | None = None
    named: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Given:
    """A link to a file: who has its token sees the file. `revoked`: its order is erased."""

    order_id: str
    item_id: str
    side: str
    revoked: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that may be done with, and every link to it.

    `due`: it is time to look whether it is in use. `look_at`: when to look again; None: now it goes, nothing can bring it back.
    """

    sha256: str
    due: bool
    in_use: bool
    links: tuple[Given, ...] = ()
    look_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unwanted:
    """Files that were made in vain: to be looked at now."""

    sha256s: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """An artwork version that is kept already."""

    reference: str


State = Side | Unanswered | Drawing | Published | Artwork | OrderKnown | Kept | Unwanted


class JobFact(Message):
    """What the worker found out about one job."""

    request_id: Id
    order_id: Id
    item_id: Id
    side: str

    @property
    def key(self) -> str:
        return side_key(self.order_id, self.item_id, self.side)


class FileMade(JobFact, owner="render"):
    """The file is in the object store. `token` is a fresh secret, used unless the side has a link to this file already."""

    file: FileRef
    renderer: str
    token: str
    views: dict[str, FileRef] = Field(default_factory=dict[str, FileRef])
    warnings: list[str] = Field(default_factory=list[str])


class DrawingFailed(JobFact, owner="render"):
    """It cannot be drawn. Nothing here quotes what the buyer wrote."""

    code: str
    field: str | None = None
    remedy: str


class FileDue(Message, owner="render"):
    """It is time to look whether anybody uses this file."""

    sha256: str


def order_key(order_id: str) -> str:
    return f"order:{order_id}"


def unanswered_key(order_id: str) -> str:
    """To be loaded with the order's own key, whose lock holds off new ones."""
    return f"unanswered:{order_id}"


def file_key(sha256: str) -> str:
    return f"file:{sha256}"


def side_key(order_id: str, item_id: str, side: str) -> str:
    return f"side:{order_id}/{item_id}/{side}"


def drawing_key(drawing: Drawing) -> str:
    return f"drawing:{drawing.input_hash}/{drawing.renderer}/{drawing.file.sha256}"


def reference_of(artwork: ArtworkRef | Artwork | artwork_v1.Artwork) -> str:
    """`artwork id/version`, as the key of catalog.artworks."""
    return f"{artwork.artwork_id}/{artwork.version}"


def artwork_key(artwork: ArtworkRef | Artwork | artwork_v1.Artwork) -> str:
    return f"artwork:{reference_of(artwork)}"
