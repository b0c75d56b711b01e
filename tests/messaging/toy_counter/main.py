"""Wiring of the toy."""

from __future__ import annotations

import dataclasses

from platen_messaging.lane import Lane
from platen_messaging.service import Service, run
from platen_messaging.settings import ServiceSettings

from .contract import CATALOGUE
from .decide import HANDLERS
from .store import Counters

LANE = Lane("counts", ("toy.adds", "toy.commands", "toy.totals"), HANDLERS, max_records=100)


def build(settings: ServiceSettings, store: Counters | None = None, *, keeps_place: bool = False) -> Service:
    lanes = [dataclasses.replace(LANE, keeps_place=keeps_place)]
    return Service("toy", settings, store=store or Counters(), lanes=lanes, package="toy_counter", catalogue=CATALOGUE)


if __name__ == "__main__":
    run(build, ServiceSettings)
