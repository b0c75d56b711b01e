"""What shops and vendor accounts consist of. Everything here is plain JSON inside, so that the journal can keep it."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Json = dict[str, Any]

EDITABLE = frozenset({"draft", "failed"})
CANCELABLE = frozenset({"draft", "pending", "failed"})
LIVE = frozenset({"inreview", "pending", "inprocess", "onhold", "partial", "fulfilled"})


@dataclass
class Shop:
    """A WooCommerce store. `utc_offset_minutes` is its wall clock: not GMT by default, so that nobody confuses the two."""

    id: str
    key: str
    secret: str
    tracking_plugin: bool = True
    utc_offset_minutes: int = 120
    currency: str = "USD"


@dataclass
class ShopOrder:
    """`body` is the REST resource as the shop answers it; `trackings` and `notes` are only ever appended to."""

    shop: str
    id: int
    body: Json
    trackings: list[Json] = field(default_factory=list)
    notes: list[Json] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.shop}/{self.id}"


@dataclass
class ShopHook:
    shop: str
    id: int
    body: Json
    secret: str
    failures: int = 0

    @property
    def key(self) -> str:
        return f"{self.shop}/{self.id}"


@dataclass
class Plan:
    """What becomes of a confirmed order: the account's rule, or one for the orders that `match` names.

    `pace` is the (least, most) seconds from confirmation to shipping; `manual` waits for `/sandbox/vendors/.../ship`.
    """

    mode: Literal["auto", "manual"] = "auto"
    pace: tuple[float, float] = (1.0, 3.0)
    outcome: Literal["ship", "fail", "cancel", "hold"] = "ship"
    parcels: int = 1
    reason: str = ""
    match: dict[str, str] = field(default_factory=dict)


@dataclass
class Account:
    """A Printful store. `print_sizes` maps a catalogue variant id to (width, height) in inches; it decides the DPI check."""

    id: str
    token: str
    store: int
    plan: Plan = field(default_factory=Plan)
    plans: list[Plan] = field(default_factory=list)
    webhook: Json | None = None
    rate_limit: int = 6000
    print_sizes: dict[str, tuple[float, float]] = field(default_factory=dict)
    restricted_variants: list[int] = field(default_factory=list)
    callback_backoff: list[float] = field(default_factory=lambda: [0.2, 1.0, 3.0, 10.0])

    @staticmethod
    def from_json(value: Json) -> "Account":
        return Account(**{**value, "plan": Plan(**value["plan"]), "plans": [Plan(**plan) for plan in value["plans"]]})


@dataclass
class VendorOrder:
    """`body` is Printful's order as given, `files` what the vendor downloaded, `history` every status, oldest first."""

    account: str
    id: int
    body: Json
    status: str
    created: int
    updated: int
    confirmed: bool = False
    held_from: str = ""
    run: int = 0
    """Rises whenever the order is confirmed, ended or held, so that a production run which is out of date stops by itself."""
    shipments: list[Json] = field(default_factory=list)
    files: list[Json] = field(default_factory=list)
    history: list[Json] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.account}/{self.id}"

    @property
    def external_id(self) -> str | None:
        return self.body.get("external_id")

    @property
    def recipient_name(self) -> str:
        return str(self.body["recipient"].get("name") or "")


def to_json(entity: Any) -> Json:
    return asdict(entity)
