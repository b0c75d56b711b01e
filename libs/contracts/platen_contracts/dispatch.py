"""Owned by `dispatch`: what it is asked to send, and what came of it. A generation is one accepted Send or Retry."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from platen_contracts.common import Actor, Address, Currency, Money, Name, Text, VendorProduct
from platen_contracts.message import Id, Message, Moment, Part, Personal, Sha256


class PrintFile(Part):
    sha256: Sha256
    link: Annotated[str, Personal()]


class DispatchItem(Part):
    item_id: Id
    title: Text
    quantity: int = Field(ge=1, le=1000)
    product: VendorProduct
    price: Money | None = None
    files: dict[Name, PrintFile]
    """By side."""


class DispatchRequested(Message, owner="dispatch"):
    """Send this, exactly as it stands here: self-contained and frozen."""

    order_id: Id
    generation: int = Field(ge=1)
    vendor_id: Name
    number: str
    """What the operator calls the order; shown to the vendor."""
    currency: Currency
    recipient: Address
    items: list[DispatchItem] = Field(min_length=1, max_length=200)


class DispatchWithdrawRequested(Message, owner="dispatch"):
    """Do not send this generation, if it is not too late."""

    order_id: Id
    generation: int = Field(ge=1)
    actor: Actor


class DispatchSettleRequested(Message, owner="dispatch"):
    """A person has looked: the generation in doubt was accepted under this id, or was not."""

    order_id: Id
    generation: int = Field(ge=1)
    accepted: bool
    vendor_order_id: str | None = None
    reason: Annotated[Text, Personal()]
    actor: Actor


class DispatchForgetRequested(Message, owner="dispatch"):
    """The order was erased: nothing personal of it is kept, once what is under way has ended."""

    order_id: Id


class DispatchResult(Message):
    """What every result says: of which generation. They count by strength, not by arrival."""

    order_id: Id
    generation: int = Field(ge=1)


class DispatchStarted(DispatchResult, owner="dispatch"):
    attempt: int = Field(ge=1)
    submission: int = Field(ge=1)
    """Part of the vendor's `external_id`; rises only when the earlier vendor order was read back as cancelled."""
    external_id: str


class DispatchDelayed(DispatchResult, owner="dispatch"):
    """This attempt did not arrive, and that is proven; there is a next try."""

    attempt: int = Field(ge=1)
    next_try: Moment
    code: str
    lane_paused: bool = False
    """The vendor's whole lane waits (throttled, signed out): the order is not to blame."""


class DispatchAccepted(DispatchResult, owner="dispatch"):
    """The vendor has it, confirmed and not a draft."""

    vendor_id: Name
    vendor_order_id: str
    external_id: str
    submission: int = Field(ge=1)
    items: dict[Id, int]
    """Units per item that the vendor took."""
    differs: list[str] = Field(default_factory=list[str])
    """Where what the vendor has is not what this generation meant: it took an older one."""


class DispatchRefused(DispatchResult, owner="dispatch"):
    """Nothing was taken, and trying again as it is would not help."""

    code: str
    field: str | None = None
    remedy: str
    vendor_words: Annotated[Text | None, Personal()] = None


class DispatchInDoubt(DispatchResult, owner="dispatch"):
    """It is not known whether the vendor has it. Never becomes a refusal by waiting."""

    attempt: int = Field(ge=1)
    reason: str
    next_look: Moment | None = None


class DispatchWithdrawn(DispatchResult, owner="dispatch"):
    """It was not sent and will not be."""

    by: Literal["withdraw", "settle"] = "withdraw"
