"""Wiring only."""

from datetime import timedelta

from platen_messaging.lane import Lane
from platen_messaging.service import Service, run
from platen_messaging.waiting import Task
from platen_outside.redact import redact_library_logs
from platen_vendors.accounts import Accounts

from platen_dispatch.handlers import REQUESTS, TURNS
from platen_dispatch.settings import Settings
from platen_dispatch.store import Claims, DispatchStore
from platen_dispatch.worker import Worker


def build(settings: Settings) -> Service:
    """One lane for what orders asks, one for the catalog, and a worker that goes to the vendors."""
    redact_library_logs()
    store = DispatchStore()
    lanes = [
        Lane("requests", ("dispatch.requests",), REQUESTS, keeps_place=True, on_rewound=store.doubt),
        Lane("catalog", ("catalog.vendors",), REQUESTS, keeps_place=True),
    ]
    service = Service("dispatch", settings, store=store, lanes=lanes)
    worker = Worker(
        service.desk(TURNS),
        Claims(service.engine),
        Accounts(settings.vendor_secrets, settings.dispatch_rate_share),
        concurrency=settings.dispatch_concurrency,
        lease=timedelta(seconds=settings.dispatch_lease_s),
        in_place=lambda: service.in_place("requests"),
    )
    store.on_change = worker.nudge
    service.tasks.append(Task("worker", worker.run))
    return service


def main() -> None:
    run(build, Settings)
