"""Wiring of the toy."""

from __future__ import annotations

from platen_messaging.lane import Lane
from platen_messaging.service import Service, run
from platen_messaging.settings import ServiceSettings

from .contract import CATALOGUE
from .decide import HANDLERS
from .store import Counters

LANE = Lane("counts", ("toy.adds", "toy.commands", "toy.totals"), HANDLERS, max_records=100)


def build(settings: ServiceSettings, store: Counters | None = None) -> Service:
    return Service("toy", settings, store=store or Counters(), lanes=[LANE], package="toy_counter", catalogue=CATALOGUE)


if __name__ == "__main__":
    run(build, ServiceSettings)
