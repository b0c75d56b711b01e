"""From a shop order as it was seen to what is reported of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from platen_contracts.catalog import Listing, Shop, VendorKind
from platen_contracts.common import Answer, Answers
from platen_contracts.sync import Link, ShopLine, ShopOrderObserved, SkippedOrder

from platen_sync.model import Listed, SeenLine, SeenOrder, ShopOrder, Standing, Waiting, Wants

Catalog = Callable[[str], Listed | None]
"""What is known of a listing of the shop at hand."""

MOST_LINES = 200
MOST_UNITS = 1000
MOST_BYTES = 1_000_000
"""Of the report; the topic takes 1 MiB."""


@dataclass(frozen=True, slots=True)
class Reported:
    """It goes out as `observed`; `state` is what to keep."""

    state: ShopOrder
    observed: ShopOrderObserved


@dataclass(frozen=True, slots=True)
class Known:
    """Nothing new."""

    state: ShopOrder


@dataclass(frozen=True, slots=True)
class Skipped:
    """Kept, but not reported (yet)."""

    state: ShopOrder
    why: SkippedOrder


def observe(held: ShopOrder, seen: SeenOrder, read_at: datetime, catalog: Catalog, shop: Shop) -> Reported | Known | Skipped:
    """What to make of an order that was just read. An older reading than the one held changes nothing."""
    if held.erased:
        seen = seen.without_personal()
    if held.seen is not None and held.read_at is not None and (seen.modified_at, read_at) < (held.seen.modified_at, held.read_at):
        return Known(_answered(held, read_at))
    bare = shop.policies.import_missing_artwork
    lines = {line.line_id: resolve(line, catalog, import_missing_artwork=bare) for line in seen.lines}
    state = replace(
        _answered(held, read_at),
        seen=seen,
        read_at=read_at,
        waiting=tuple({wait: None for one in lines.values() for wait in one.waiting}),
    )
    if not held.reported and (why := _reason_to_wait(seen, lines, shop.sync_from)):
        return Skipped(state, why)
    if why := _too_large(seen):
        return Skipped(state, why)
    if held.reported and held.seen == seen and held.waiting == state.waiting:
        return Known(state)
    observed = observation(held.shop_id, seen, read_at, {line_id: one.link for line_id, one in lines.items()})
    if (size := len(observed.model_dump_json())) > MOST_BYTES:
        remedy = f"it comes to {size} bytes, at most {MOST_BYTES} are allowed; shorten its answers or split it in the shop"
        return Skipped(state, _skipped(seen, "too_large", remedy))
    return Reported(replace(state, reported=True), observed)


def erased(held: ShopOrder) -> ShopOrder:
    """Every order made of it was erased."""
    return replace(held, erased=True, seen=held.seen.without_personal() if held.seen else None)


def relink(held: ShopOrder, catalog: Catalog, shop: Shop) -> Reported | Known | Skipped:
    """A listing or a vendor came: the same order, looked at with what is known now."""
    if held.seen is None or held.read_at is None:
        return Known(held)
    return observe(held, held.seen, held.read_at, catalog, shop)


def observation(shop_id: str, seen: SeenOrder, read_at: datetime, links: Mapping[str, Link | None]) -> ShopOrderObserved:
    """The whole shop order, as it travels."""
    return ShopOrderObserved(
        shop_id=shop_id,
        shop_order_id=seen.shop_order_id,
        number=seen.number,
        modified_at=seen.modified_at,
        read_at=read_at,
        placed_at=seen.placed_at,
        cancelled=seen.standing is Standing.CANCELLED,
        currency=seen.currency,
        recipient=seen.recipient,
        buyer_note=seen.buyer_note,
        lines=[
            ShopLine(
                line_id=line.line_id,
                title=line.title,
                variant=line.variant,
                sku=line.sku,
                quantity=line.quantity,
                price=line.price,
                link=links.get(line.line_id),
            )
            for line in seen.lines
        ],
    )


@dataclass(frozen=True, slots=True)
class Resolved:
    """A line's link, and whose coming would make more of it."""

    link: Link | None
    waiting: tuple[Waiting, ...] = ()


def resolve(line: SeenLine, catalog: Catalog, *, import_missing_artwork: bool) -> Resolved:
    """The most specific listing speaks for a line. One whose vendor is not heard of yet leaves it unlinked until it comes.

    So does one without an artwork, unless the shop wants its orders imported as they are.
    """
    for place, listing_id in enumerate(line.listing_ids):
        listed = catalog(listing_id)
        if listed is None or listed.listing is None:
            continue
        candidates = line.listing_ids[: place + 1]
        if listed.vendor is None:
            return Resolved(None, tuple(Waiting(one, Wants.LINK) for one in candidates))
        waiting = () if listed.listing.artwork else tuple(Waiting(one, Wants.ARTWORK) for one in candidates)
        if waiting and not import_missing_artwork:
            return Resolved(None, waiting)
        link = Link(
            listing_id=listing_id,
            vendor_id=listed.listing.vendor_id,
            custom=listed.vendor.kind == VendorKind.CUSTOM,
            product=listed.listing.product,
            profile=listed.listing.profile,
            artwork=listed.listing.artwork,
            answers=answers(line, listed.listing),
        )
        return Resolved(link, waiting)
    return Resolved(None, tuple(Waiting(one, Wants.LINK) for one in line.listing_ids))


def answers(line: SeenLine, listing: Listing) -> Answers:
    """The buyer's answers by the artwork's option names. A field is found by its key, else by the label the buyer saw."""
    by_key = {field.key: field for field in line.fields}
    by_label = {field.label: field for field in line.fields}
    found: dict[str, Answer] = {}
    for question, option in listing.questions.items():
        field = by_key.get(question.strip()) or by_label.get(question.strip())
        if field is not None:
            found[option] = field.values[0] if len(field.values) == 1 else list(field.values)
    return found


def _answered(held: ShopOrder, read_at: datetime) -> ShopOrder:
    """A reading that began after the hint answers it."""
    if held.hinted_at is not None and held.hinted_at > read_at:
        return held
    return replace(held, hinted_at=None, read_next=None, tries=0)


def _reason_to_wait(seen: SeenOrder, lines: Mapping[str, Resolved], sync_from: datetime) -> SkippedOrder | None:
    """Why an order that was never reported stays here. Once reported, it is reported whatever becomes of it."""
    if seen.standing is Standing.CANCELLED:
        return _skipped(seen, "cancelled", f"nothing to do: it was {seen.word} in the shop before it was imported")
    if seen.standing is Standing.UNPAID:
        return _skipped(seen, "not_paid", f"it is {seen.word} in the shop and is imported once it is processing or completed")
    if seen.standing is Standing.OTHER:
        remedy = f"its status {seen.word!r} is not WooCommerce's own; set it to processing in the shop to import it"
        return _skipped(seen, "unknown_status", remedy)
    if seen.placed_at < sync_from:
        remedy = f"it was placed before {sync_from:%Y-%m-%d %H:%M} UTC; set the shop's sync_from to an earlier day to import it"
        return _skipped(seen, "placed_before_start", remedy)
    if all(one.link is None for one in lines.values()):
        wanted = ", ".join(dict.fromkeys(line.listing_ids[0] for line in seen.lines)) or "none"
        remedy = f"no line has a vendor and an artwork; push a listing with both for {wanted}, and it is imported by itself"
        return _skipped(seen, "no_line_linked", remedy)
    return None


def _too_large(seen: SeenOrder) -> SkippedOrder | None:
    if len(seen.lines) > MOST_LINES:
        return _skipped(
            seen, "too_many_lines", f"it has {len(seen.lines)} lines, at most {MOST_LINES} are allowed; split it in the shop"
        )
    most = max((line.quantity for line in seen.lines), default=0)
    if most > MOST_UNITS:
        return _skipped(
            seen, "too_many_units", f"a line has {most} units, at most {MOST_UNITS} are allowed; split the line in the shop"
        )
    return None


def _skipped(seen: SeenOrder, code: str, remedy: str) -> SkippedOrder:
    return SkippedOrder(shop_order_id=seen.shop_order_id, code=code, remedy=remedy)
