"""Shops and their runs: what starts one, what a page adds to it, how it ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from platen_contracts.catalog import Shop
from platen_contracts.common import Actor
from platen_contracts.sync import RunState, ShopOrderObserved, SkippedOrder, SyncProgressed

from platen_sync.decide import paging
from platen_sync.decide.observing import Known, Reported, Skipped
from platen_sync.model import Account, PageAsked, Run, RunKind, ShopOrder

POLLER = Actor(kind="service", name="sync")
MOST_SKIPPED = 100

SHOP_PATIENCE = timedelta(seconds=10)
"""A command may overtake the catalog by this much; then its run fails for want of the shop."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a decision leaves behind. `reports` and `told` go out in this order."""

    account: Account
    orders: Sequence[ShopOrder] = ()
    reports: Sequence[ShopOrderObserved] = ()
    told: Sequence[SyncProgressed] = ()

    @property
    def messages(self) -> tuple[ShopOrderObserved | SyncProgressed, ...]:
        return (*self.reports, *self.told)


def shop_came(account: Account, shop: Shop, now: datetime) -> Account:
    """The catalog's word on the shop. An earlier `sync_from` is read from there; the first poll is at once."""
    start = shop.sync_from - paging.SECOND
    reset = account.watermark is None or account.shop is None or shop.sync_from < account.shop.sync_from
    watermark = min(account.watermark or start, start) if reset else account.watermark
    runs = tuple(
        run if run.asked else run.model_copy(update={"asked": _first(shop, watermark, run.since)}) for run in account.runs
    )
    return replace(account, shop=shop, watermark=watermark, poll_at=now, runs=runs)


def shop_gone(account: Account) -> Step:
    """Taken out of the catalog: its runs end, what was read stays."""
    return cancel(replace(account, shop=None, poll_at=None))


def start(account: Account, run: Run) -> Step | str:
    """One more run, or the reason why none is needed. A shop that the catalog has not told of yet is waited for."""
    if any(one.kind is run.kind and one.since == run.since for one in account.runs):
        return "such a run is already under way"
    if account.shop is not None:
        run = run.model_copy(update={"asked": _first(account.shop, account.watermark, run.since)})
    told = [] if run.kind is RunKind.POLL else [progress(account.shop_id, run, RunState.RUNNING)]
    return Step(replace(account, runs=(*account.runs, run)), told=told)


def cancel(account: Account) -> Step:
    told = [progress(account.shop_id, run, RunState.CANCELLED) for run in account.runs if run.kind is not RunKind.POLL]
    return Step(replace(account, runs=()), told=told)


def fail(account: Account, run: Run, problem: str, now: datetime) -> Step:
    """The run is over; the next poll tries again."""
    rest = replace(account, runs=_without(account, run), poll_at=_next_poll(account, now), failing=True)
    return Step(rest, told=[progress(account.shop_id, run, RunState.FAILED, problem)])


def find(account: Account, run_id: str) -> Run | None:
    return next((run for run in account.runs if run.run_id == run_id), None)


@dataclass(slots=True)
class Count:
    """What the orders of one step came to. An order that was counted in this run before is not counted again."""

    run_id: str
    found: int = 0
    imported: int = 0
    already_there: int = 0
    failed: int = 0
    skipped: list[SkippedOrder] = field(default_factory=list[SkippedOrder])
    orders: list[ShopOrder] = field(default_factory=list[ShopOrder])
    reports: list[ShopOrderObserved] = field(default_factory=list[ShopOrderObserved])

    def take(self, outcome: Reported | Known | Skipped) -> None:
        counted = outcome.state.last_run == self.run_id
        self.orders.append(replace(outcome.state, last_run=self.run_id))
        if isinstance(outcome, Reported):
            self.reports.append(outcome.observed)
        if counted:
            return
        self.found += 1
        match outcome:
            case Reported():
                self.imported += 1
            case Known():
                self.already_there += 1
            case Skipped(why=why):
                self.skipped.append(why)

    def take_unreadable(self, orders: Iterable[SkippedOrder]) -> None:
        for why in orders:
            self.found += 1
            self.failed += 1
            self.skipped.append(why)

    def added_to(self, run: Run) -> Run:
        return run.model_copy(
            update={
                "found": run.found + self.found,
                "imported": run.imported + self.imported,
                "already_there": run.already_there + self.already_there,
                "failed": run.failed + self.failed,
                "skipped": [*run.skipped, *self.skipped][-MOST_SKIPPED:],
                "skipped_count": run.skipped_count + len(self.skipped),
            }
        )


def page_taken(account: Account, run: Run, modified: Sequence[datetime], per_page: int, count: Count, now: datetime) -> Step:
    """The run after a page: on to the next, or over. The watermark moves with the orders that go out in the same transaction."""
    asked = run.asked
    assert asked is not None, "a run of pages has always asked for one"
    watermark = account.watermark and paging.watermark_after(account.watermark, asked, modified)
    after = paging.next_page(asked, modified, per_page)
    counted = count.added_to(run).model_copy(update={"asked": after})
    return _go_on(replace(account, watermark=watermark), counted, count, now, over=after is None)


def reread(account: Account, run: Run, until: str, count: Count, now: datetime) -> Step:
    """A reconciliation after one more step; a step without orders ends it."""
    counted = count.added_to(run).model_copy(update={"passed": until})
    return _go_on(account, counted, count, now, over=until == run.passed)


def progress(shop_id: str, run: Run, state: RunState, problem: str | None = None) -> SyncProgressed:
    return SyncProgressed(
        shop_id=shop_id,
        run_id=run.run_id,
        state=state,
        found=run.found,
        imported=run.imported,
        already_there=run.already_there,
        skipped=run.skipped,
        skipped_count=run.skipped_count,
        failed=run.failed,
        problem=problem,
    )


def _go_on(account: Account, run: Run, count: Count, now: datetime, *, over: bool) -> Step:
    if over:
        rest = replace(account, runs=_without(account, run), poll_at=_next_poll(account, now), failing=False)
        worth = run.kind is not RunKind.POLL or account.failing or run.imported > 0 or run.failed > 0
        return Step(rest, count.orders, count.reports, [progress(account.shop_id, run, RunState.FINISHED)] if worth else [])
    runs = tuple(run if one.run_id == run.run_id else one for one in account.runs)
    worth = run.kind is not RunKind.POLL or count.imported > 0
    return Step(
        replace(account, runs=runs),
        count.orders,
        count.reports,
        [progress(account.shop_id, run, RunState.RUNNING)] if worth else [],
    )


def _without(account: Account, run: Run) -> tuple[Run, ...]:
    return tuple(one for one in account.runs if one.run_id != run.run_id)


def _next_poll(account: Account, now: datetime) -> datetime | None:
    return now + timedelta(seconds=account.shop.poll_every_s) if account.shop else None


def _first(shop: Shop, watermark: datetime | None, since: datetime | None) -> PageAsked:
    if since is not None:
        return PageAsked(after=max(since, shop.sync_from) - paging.SECOND)
    return paging.first_page(watermark or shop.sync_from - paging.SECOND, shop.sync_from)
