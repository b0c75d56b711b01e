"""An erased order is followed on, but nothing personal of it is kept: that its parcels left, not under which number."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace
from platen_contracts.orders import OrderSnapshot
from platen_messaging.outcome import Applied, Context, Ignored, Outcome

from platen_tracking.model import Erased, Parcel, State, States, Watch, erased_key


def on_order(states: States, order: OrderSnapshot, _: Context) -> Outcome[State]:
    """Orders says so in every snapshot from then on; a vendor order that is heard of later is followed as erased."""
    key = erased_key(order.order_id)
    if not order.erased or key in states:
        return Ignored("it is not erased, or forgotten already")
    forgotten = {
        name: replace(watch, order=replace(watch.order, erased=True, parcels=bare(watch.order.parcels)))
        for name, watch in states.items()
        if isinstance(watch, Watch) and watch.order is not None and watch.order.order_id == order.order_id
    }
    return Applied({key: Erased(), **forgotten})


def bare(parcels: Mapping[str, Parcel]) -> dict[str, Parcel]:
    """Without tracking numbers and links."""
    return {name: replace(parcel, tracking_number=None, tracking_url=None) for name, parcel in parcels.items()}
