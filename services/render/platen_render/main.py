"""Wiring only."""

import sys

from platen_messaging.lane import Lane
from platen_messaging.service import Service, run
from platen_messaging.waiting import Task
from platen_outside.fetch import Allowed, fetch

from platen_render.gateway import ObjectStore
from platen_render.handlers import FILES, REQUESTS, STATUS, outcomes
from platen_render.poll import Collector
from platen_render.settings import Settings
from platen_render.store import RenderStore
from platen_render.store.links import Links
from platen_render.store.published import PublishedArtworks
from platen_render.store.queue import Queue
from platen_render.store.shelf import Shelf
from platen_render.web import Files, Interactive
from platen_render.worker import RenderPool
from platen_render.worker.buyers import BuyersPhotos
from platen_render.worker.job import Jobs
from platen_render.worker.photos import MAX_BYTES, MEDIA_TYPES
from platen_render.worker.previews import Previews
from platen_render.worker.runner import Pace, Runner


def build(settings: Settings, pace: Pace | None = None) -> Service:
    objects = _opened(settings.objects)
    lanes = [
        Lane("requests", ("render.requests", "catalog.artworks"), REQUESTS),
        Lane("status", ("orders.status",), STATUS),
    ]
    service = Service("render", settings, store=RenderStore(settings.retention), lanes=lanes)
    shelf = Shelf(service.engine, settings.retention)
    allowed, pace = Allowed.of(settings.photo_hosts), pace or Pace()
    photos = BuyersPhotos(shelf, objects, lambda address: fetch(address, MEDIA_TYPES, allowed=allowed))
    runner = Runner(
        service.desk(outcomes(settings.files_url)),
        Queue(service.engine),
        Jobs(shelf, objects, photos, service.health, pace.patience),
        service.health,
        lambda: RenderPool(settings.render_workers, settings.render_time_limit_s, memory_mb=settings.render_memory_mb),
        pace,
    )
    collector = Collector(service.desk(FILES), shelf, objects, service.health)
    service.tasks += [Task("worker", runner.run), Task("files", collector.run)]
    previews = Previews(PublishedArtworks(service.engine), objects, settings.render_memory_mb)
    key = settings.render_ticket_key.get_secret_value() if settings.render_ticket_key else None
    if key is not None:
        service.tasks.append(Task("previews", previews.run))
    service.routes += Files(Links(service.engine), objects).routes
    service.routes += Interactive(key, previews, shelf, objects, MAX_BYTES).routes
    return service


def _opened(url: str) -> ObjectStore:
    try:
        return ObjectStore(url)
    except ValueError as wrong:
        sys.exit(str(wrong))


def main() -> None:
    run(build, Settings)
