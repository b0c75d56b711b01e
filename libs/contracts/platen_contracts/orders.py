"""Owned by `orders`, the single authority: the commands it obeys, its replies, and what it tells the world of an order."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from platen_contracts.common import Actor, Address, Answers, ArtworkRef, FileRef, Money, Name, Text
from platen_contracts.message import Id, Message, Moment, OpenTo, Part, Personal, Sha256
from platen_contracts.status import ActivityKind, FileState, ItemState, OrderStatus


class OrderCommand(Message):
    """What every command names. The command's id is the message's; seen twice it is answered once."""

    order_id: Id
    actor: Actor
    expected_version: int | None = Field(default=None, ge=1)
    """The version it was decided on; stale if a person or the shop changed the order since."""
    dry_run: bool = False
    """Answer what would happen, and do nothing."""
    bulk_id: Id | None = None


class Personalise(OrderCommand, owner="orders"):
    """Set answers of one item; options not named keep theirs."""

    item_id: Id
    answers: Annotated[Answers, Personal()]


class SetArtwork(OrderCommand, owner="orders"):
    """Add, replace or update the artwork of one item. Its answers must fit what the new artwork asks."""

    item_id: Id
    artwork: ArtworkRef
    answers: Annotated[Answers | None, Personal()] = None
    """Set together with the artwork, where the old answers do not fit the new one; options not named keep theirs."""


class SplitLine(OrderCommand, owner="orders"):
    """Split an item by quantity into items of these sizes; they add up to what it had."""

    item_id: Id
    quantities: list[int] = Field(max_length=1000)


class SplitOff(OrderCommand, owner="orders"):
    """Move items into a new order of their own."""

    item_ids: list[Id] = Field(max_length=1000)


class IgnoreItem(OrderCommand, owner="orders"):
    item_id: Id


class RestoreItem(OrderCommand, owner="orders"):
    item_id: Id


class Render(OrderCommand, owner="orders"):
    """Draw the print files that are not current; `again` draws the named items' current ones too."""

    item_ids: list[Id] | None = None
    """Absent: every live item."""
    again: bool = False


class EditShipping(OrderCommand, owner="orders"):
    recipient: Annotated[Address, Personal()]


class Send(OrderCommand, owner="orders"):
    """Send to the vendor. `expected_version` is required: nobody sends a file nobody looked at."""


class Retry(OrderCommand, owner="orders"):
    """Send again after a failure. `expected_version` is required."""


class StopSending(OrderCommand, owner="orders"):
    pass


class Settle(OrderCommand, owner="orders"):
    """End a doubt by a person's word: the vendor took it under `vendor_order_id`, or did not."""

    accepted: bool
    vendor_order_id: str | None = None
    reason: Annotated[Text, Personal()]


class Archive(OrderCommand, owner="orders"):
    pass


class Unarchive(OrderCommand, owner="orders"):
    pass


class Erase(OrderCommand, owner="orders"):
    """Personal data goes, the order stays. Admins only."""


class RecordHandOver(OrderCommand, owner="orders"):
    """Custom vendors: the operator gave the vendor the print files."""


class RecordParcel(OrderCommand, owner="orders"):
    """Custom vendors: a parcel that the vendor told the operator of. Named again, it is corrected."""

    parcel: str
    """The operator's name for it within the order, such as `1`. Everyone may see it: no tracking number."""
    carrier: str | None = None
    tracking_number: Annotated[str | None, Personal()] = None
    tracking_url: Annotated[str | None, Personal()] = None
    units: dict[Id, int]
    """By item."""


class CommandReply(Message):
    """Exactly one for each command id."""

    command_id: str
    order_id: Id
    version: int = Field(ge=0)
    """Of the order after the command; a dry run changes nothing (its `patch` says what would be). 0: there is no such order."""
    dry_run: bool = False
    bulk_id: Id | None = None


class CommandApplied(CommandReply, owner="orders"):
    status: OrderStatus
    """After the command, or with `dry_run` what it would be."""
    patch: dict[str, Any] = Field(default_factory=dict[str, Any])
    """JSON Merge Patch of the public snapshot: what changed, or with `dry_run` would."""


class CommandIgnored(CommandReply, owner="orders"):
    """It already is so."""

    reason: str


class CommandRefused(CommandReply, owner="orders"):
    code: str
    reason: str
    """A sentence for the operator: what is wrong, and what to do."""
    field: str | None = None
    allowed: list[str] = Field(default_factory=list[str])
    """The actions that the order allows now."""


class Activity(Part):
    """What is under way with the vendor."""

    kind: Annotated[str, OpenTo(ActivityKind)]
    since: Moment | None = None
    attempt: int | None = None
    next_try: Moment | None = None
    reason: str | None = None


class Attention(Part):
    """Something a person should look at. Its key in the snapshot is its code, or `code:about` where it is one of several."""

    since: Moment
    remedy: str
    about: str | None = None
    """The key of the parcel or item that it is about, or the activity or status that lasts too long."""


class Failure(Part):
    code: str
    field: str | None = None
    remedy: str


class SnapshotSide(Part):
    state: Annotated[str, OpenTo(FileState)]
    file: FileRef | None = None
    failure: Failure | None = None


class SnapshotItem(Part):
    line_id: str
    title: Text
    variant: Text | None = None
    quantity: int
    state: Annotated[str, OpenTo(ItemState)]
    artwork: ArtworkRef | None = None
    price: Money | None = None
    sides: dict[str, SnapshotSide] = Field(default_factory=dict[str, SnapshotSide])
    shipped: int = 0
    cancelled: int = 0
    actions: dict[str, str] = Field(default_factory=dict[str, str])
    """Name to `allowed` or the reason code why not."""


class SnapshotParcel(Part):
    carrier: str | None = None
    service: str | None = None
    shipped_at: Moment | None = None
    units: dict[str, int]
    reshipment: bool = False
    posted: bool = False
    """The shop has its tracking."""


class HandOver(Part):
    """The operator gave a custom vendor the print files; what was edited in a later version the vendor does not have."""

    at: Moment
    version: int


class VendorOrder(Part):
    vendor_order_id: str
    generation: int
    status: str | None = None
    status_raw: str | None = None


class OrderSnapshot(Message, owner="orders"):
    """The order as anyone may know it. Nothing in it is null (absent instead) and no collection is a list (objects by id)."""

    order_id: Id
    version: int = Field(ge=1)
    number: str
    shop_id: Name
    shop_order_id: str
    vendor_id: Name
    custom: bool = False
    parent: Id | None = None
    """The order that this one was split off from."""
    parent_version: int | None = None
    """The version of the parent that did it."""
    children: dict[str, int] = Field(default_factory=dict[str, int])
    """Orders split off from this one, with the version of this order that did it."""
    status: OrderStatus
    status_since: Moment
    created_at: Moment
    placed_at: Moment
    edited_version: int = Field(ge=1)
    """The last version in which a person or the shop changed something; a command decided on an older one is stale."""
    generation: int = 0
    """How often it was sent, retries by command included."""
    erased: bool = False
    activity: Activity
    attention: dict[str, Attention] = Field(default_factory=dict[str, Attention])
    failure: Failure | None = None
    """Why the last generation failed, while it is Failed to send."""
    vendor_order: VendorOrder | None = None
    hand_over: HandOver | None = None
    items: dict[str, SnapshotItem]
    parcels: dict[str, SnapshotParcel] = Field(default_factory=dict[str, SnapshotParcel])
    actions: dict[str, str]
    """Name to `allowed` or the reason code why not."""


class Cause(Part):
    """The message that made the change."""

    id: str
    type: str


class OrderChanged(Message, owner="orders"):
    """One version of an order. `patch` is the JSON Merge Patch from the snapshot before; an order as of any version is a fold."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    order_id: Id
    version: int = Field(ge=1)
    at: Moment
    actor: Actor
    cause: Cause
    from_status: OrderStatus | None = Field(default=None, validation_alias="from", serialization_alias="from")
    to_status: OrderStatus = Field(validation_alias="to", serialization_alias="to")
    patch: dict[str, Any]
    """A null in it removes the field."""
    personal_changed: list[str] = Field(default_factory=list[str])
    """Names of personal fields that changed, without their values."""


class PrivateTracking(Part):
    tracking_number: str | None = None
    tracking_url: str | None = None


class PrivateItem(Part):
    answers: Annotated[Answers, Personal()] = Field(default_factory=dict)
    files: Annotated[dict[str, str], Personal()] = Field(default_factory=dict[str, str])
    """Print file link by side."""
    hashes: dict[str, Sha256] = Field(default_factory=dict[str, str])
    """Input hash of the file by side."""


class ShopValue(Part):
    """What the shop says of a field now."""

    value: Any | None = None
    """Absent: the shop took it away."""


class OrderPrivate(Message, owner="orders"):
    """What only the operators and the services they let in may know. A tombstone erases."""

    order_id: Id
    version: int = Field(ge=1)
    shop_id: Name
    shop_order_id: str
    recipient: Annotated[Address | None, Personal()] = None
    buyer_note: Annotated[Text | None, Personal()] = None
    items: Annotated[dict[str, PrivateItem], Personal()] = Field(default_factory=dict[str, PrivateItem])
    tracking: Annotated[dict[str, PrivateTracking], Personal()] = Field(default_factory=dict[str, PrivateTracking])
    vendor_words: Annotated[Text | None, Personal()] = None
    shop: Annotated[dict[str, ShopValue], Personal()] = Field(default_factory=dict[str, ShopValue])
    """Fields (`recipient.address`, `items.<id>.answers.<option>`, `lines.<line>.quantity`, …) that the shop changed and that
    were not taken over: an operator had edited them too, or it was too late."""
