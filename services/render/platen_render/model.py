"""What render knows: the requests not answered yet, what was drawn, and who may see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from platen_contracts import artwork_v1
from platen_contracts.catalog import Artwork
from platen_contracts.common import ArtworkRef, FileRef
from platen_contracts.envelope import Meta
from platen_contracts.message import Id, Message
from platen_contracts.render import RenderRequested


@dataclass(frozen=True, slots=True)
class Job:
    """A request not answered yet, frozen as it came. `in_hand`: a worker draws it now."""

    request: RenderRequested
    cause: Meta
    in_hand: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """One side of one item of an order: its open jobs by request id, the tokens of its links by the file's sha256."""

    jobs: Mapping[str, Job] = field(default_factory=dict[str, Job])
    tokens: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Drawing:
    """A file, the inputs it was drawn from and who drew it: whoever asks the same of the same renderer gets the same."""

    input_hash: str
    renderer: str
    file: FileRef


@dataclass(frozen=True, slots=True)
class Published:
    """An artwork version that is kept already."""

    reference: str


State = Side | Drawing | Published | Artwork


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


class DrawingFailed(JobFact, owner="render"):
    """It cannot be drawn. Nothing here quotes what the buyer wrote."""

    code: str
    field: str | None = None
    remedy: str


def side_key(order_id: str, item_id: str, side: str) -> str:
    return f"side:{order_id}/{item_id}/{side}"


def drawing_key(drawing: Drawing) -> str:
    return f"drawing:{drawing.input_hash}/{drawing.renderer}/{drawing.file.sha256}"


def reference_of(artwork: ArtworkRef | Artwork | artwork_v1.Artwork) -> str:
    """`artwork id/version`, as the key of catalog.artworks."""
    return f"{artwork.artwork_id}/{artwork.version}"


def artwork_key(artwork: ArtworkRef | Artwork | artwork_v1.Artwork) -> str:
    return f"artwork:{reference_of(artwork)}"
