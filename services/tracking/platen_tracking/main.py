"""Wiring only."""

from platen_messaging.lane import Lane
from platen_messaging.service import Service, run
from platen_messaging.waiting import Task
from platen_outside.redact import redact_library_logs
from platen_vendors.accounts import Accounts

from platen_tracking.handlers import FROM_TOPICS, OWN, STATUS
from platen_tracking.poll import Poll
from platen_tracking.settings import Settings
from platen_tracking.store.due import Due
from platen_tracking.store.rows import TrackingStore
from platen_tracking.web import Webhooks
from platen_tracking.worker import Registration


def build(settings: Settings) -> Service:
    """Three lanes in, readings at the vendors, webhooks that bring readings forward."""
    redact_library_logs()
    service = Service(
        "tracking",
        settings,
        store=TrackingStore(),
        lanes=[
            Lane("dispatch", ("dispatch.results",), FROM_TOPICS),
            Lane("catalog", ("catalog.vendors",), FROM_TOPICS),
            Lane("status", ("orders.status",), STATUS),
        ],
    )
    desk, due = service.desk(OWN), Due(service.engine)
    accounts = Accounts(settings.vendor_secrets, settings.tracking_rate_share)
    service.tasks.append(Task("poll", Poll(desk, due, accounts).run))
    if settings.tracking_public_url is not None:
        worker = Registration(due, accounts, settings.vendor_secrets, settings.tracking_public_url)
        service.tasks.append(Task("webhooks", worker.run))
    service.routes += Webhooks(desk, due, accounts, settings.vendor_secrets).routes
    return service


def main() -> None:
    run(build, Settings)
