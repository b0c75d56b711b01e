"""Vendor accounts come and go with the catalog. Requests of an unknown one wait: no worker takes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from platen_contracts.catalog import Vendor
from platen_messaging.handlers import Tombstone
from platen_messaging.outcome import Applied, Context, Ignored, Outcome

from platen_dispatch.model import Entry, Lane, vendor_key


def on_vendor(states: Mapping[str, Entry], vendor: Vendor, _: Context) -> Outcome[Entry]:
    return _held(states, vendor.vendor_id, vendor)


def on_tombstone(states: Mapping[str, Entry], gone: Tombstone, _: Context) -> Outcome[Entry]:
    return _held(states, gone.key, None)


def _held(states: Mapping[str, Entry], vendor_id: str, vendor: Vendor | None) -> Outcome[Entry]:
    held = states.get(vendor_key(vendor_id))
    lane = held if isinstance(held, Lane) else Lane(vendor_id)
    if lane.vendor == vendor:
        return Ignored("known")
    return Applied({vendor_key(vendor_id): dataclasses.replace(lane, vendor=vendor)})
