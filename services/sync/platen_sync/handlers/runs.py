"""Commands, and what their runs found out. `decide.runs` decides."""

from __future__ import annotations

from platen_contracts.catalog import Shop
from platen_contracts.common import Actor
from platen_contracts.sync import CancelSync, ReconcileShop, SyncShop
from platen_messaging.outcome import Context, Ignored, Outcome

from platen_sync.decide import observing, runs
from platen_sync.decide.facts import (
    OrdersReread,
    PageRead,
    PollDue,
    RunFailed,
)
from platen_sync.handlers.states import States, account_in, applied, catalog_in, shop_order_in
from platen_sync.model import (
    Run,
    RunKind,
    State,
)


def sync(states: States, command: SyncShop, context: Context) -> Outcome[State]:
    run = _new_run(RunKind.ASKED, command.actor, context).model_copy(update={"since": command.since})
    return _begun(runs.start(account_in(states, command.shop_id), run), context)


def reconcile(states: States, command: ReconcileShop, context: Context) -> Outcome[State]:
    return _begun(runs.start(account_in(states, command.shop_id), _new_run(RunKind.RECONCILE, command.actor, context)), context)


def poll_due(states: States, fact: PollDue, context: Context) -> Outcome[State]:
    account = account_in(states, fact.shop_id)
    if account.shop is None or account.runs or account.poll_at is None or account.poll_at > context.now:
        return Ignored("not due")
    return _begun(runs.start(account, _new_run(RunKind.POLL, runs.POLLER, context)), context)


def _new_run(kind: RunKind, actor: Actor, context: Context) -> Run:
    return Run(run_id=context.id("run"), kind=kind, actor=actor, began_at=context.now)


def _begun(step: runs.Step | str, context: Context) -> Outcome[State]:
    return Ignored(step) if isinstance(step, str) else applied(step, context)


def cancel(states: States, command: CancelSync, context: Context) -> Outcome[State]:
    account = account_in(states, command.shop_id)
    return applied(runs.cancel(account), context) if account.runs else Ignored("no run is under way")


def run_failed(states: States, fact: RunFailed, context: Context) -> Outcome[State]:
    account = account_in(states, fact.shop_id)
    run = runs.find(account, fact.run_id)
    return applied(runs.fail(account, run, fact.problem, context.now), context) if run else Ignored("the run is over")


def page_read(states: States, fact: PageRead, context: Context) -> Outcome[State]:
    account = account_in(states, fact.shop_id)
    run = runs.find(account, fact.run_id)
    if run is None or account.shop is None:
        return Ignored("the run is over")
    if run.asked != fact.asked:
        return Ignored("the page was taken already")
    count = _counted(states, fact, account.shop)
    return applied(runs.page_taken(account, run, fact.modified, fact.per_page, count, context.now), context)


def reread(states: States, fact: OrdersReread, context: Context) -> Outcome[State]:
    account = account_in(states, fact.shop_id)
    run = runs.find(account, fact.run_id)
    if run is None or account.shop is None:
        return Ignored("the run is over")
    if run.passed != fact.passed:
        return Ignored("the step was taken already")
    count = _counted(states, fact, account.shop)
    return applied(runs.reread(account, run, fact.until, count, context.now), context)


def _counted(states: States, fact: PageRead | OrdersReread, shop: Shop) -> runs.Count:
    catalog, count = catalog_in(states, shop.shop_id), runs.Count(fact.run_id)
    for seen in fact.orders:
        held = shop_order_in(states, shop.shop_id, seen.shop_order_id)
        count.take(observing.observe(held, seen, fact.read_at, catalog, shop))
    count.take_unreadable(fact.unreadable)
    return count
