"""Every message sync decides, on states in memory: runs, hints, the catalog, tracking back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from platen_contracts.catalog import Shop
from platen_contracts.common import Actor
from platen_contracts.envelope import Meta
from platen_contracts.message import Message
from platen_contracts.orders import Activity, OrderPrivate, OrderSnapshot, PrivateTracking, SnapshotParcel
from platen_contracts.status import ActivityKind, OrderStatus
from platen_contracts.sync import (
    CancelSync,
    ForgetShopOrder,
    ReconcileShop,
    ShopOrderObserved,
    SkippedOrder,
    SyncProgressed,
    SyncShop,
    TrackingNotPosted,
    TrackingPosted,
)
from platen_messaging.handlers import Tombstone
from platen_messaging.outcome import Applied, Context, Ignored, Outcome, Outgoing
from platen_sync.decide import posting
from platen_sync.decide.facts import (
    Hinted,
    LinkCame,
    OrderNotRead,
    OrderRead,
    OrdersReread,
    PageRead,
    PollDue,
    PostingBegun,
    PostingDone,
    PostingFailed,
    RunFailed,
)
from platen_sync.decide.hints import gone
from platen_sync.decide.paging import SECOND
from platen_sync.decide.woocommerce import read_order
from platen_sync.handlers import HANDLERS
from platen_sync.model import Account, Listed, PlatenOrder, RunKind, SeenOrder, ShopOrder, State, VendorKept

from .conftest import listing, shop, vendor
from .test_observing import woo_line, woo_order

M = TypeVar("M", bound=Message)

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ME = Actor(kind="operator", name="kim")
ORDER = "a" * 32


class World:
    """States in memory and a clock; `tell` decides a message as the desk would and keeps what it says."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self.now = START
        self.sent: list[Outgoing] = []
        self._told = 0

    def tell(self, message: Message | Tombstone) -> Outcome[State]:
        self._told += 1
        keys = sorted(set(HANDLERS.touches(message)))
        loaded = {key: self._loaded(key) for key in keys if key in self.states}
        meta = Meta(f"{self._told:032x}", "", "test", "", self.now)
        outcome = HANDLERS.decide(loaded, message, Context(self.now, meta))
        if isinstance(outcome, Applied):
            self.states |= outcome.states
            self.sent += outcome.messages
        return outcome

    def _loaded(self, key: str) -> State:
        """As the store does: a listing comes with its vendor."""
        state = self.states[key]
        if isinstance(state, Listed) and state.listing is not None:
            kept = self.states.get(f"vendor/{state.listing.vendor_id}")
            return Listed(state.shop_id, state.listing_id, state.listing, kept.vendor if isinstance(kept, VendorKept) else None)
        return state

    def said(self, kind: type[M]) -> list[M]:
        return [one.message for one in self.sent if isinstance(one.message, kind)]

    @property
    def account(self) -> Account:
        state = self.states["shop/shop-a"]
        assert isinstance(state, Account)
        return state

    @property
    def order(self) -> PlatenOrder:
        state = self.states[f"order/{ORDER}"]
        assert isinstance(state, PlatenOrder)
        return state

    def shop_order(self, shop_order_id: str) -> ShopOrder:
        state = self.states[f"shop-order/shop-a/{shop_order_id}"]
        assert isinstance(state, ShopOrder)
        return state

    def page(self, *orders: SeenOrder, per_page: int = 100, unreadable: tuple[SkippedOrder, ...] = ()) -> Outcome[State]:
        """The answer to what the run under way has asked."""
        run = self.account.runs[0]
        assert run.asked is not None
        modified = [order.modified_at for order in orders]
        return self.tell(
            PageRead(
                shop_id="shop-a",
                run_id=run.run_id,
                asked=run.asked,
                per_page=per_page,
                read_at=self.now,
                modified=modified,
                orders=list(orders),
                unreadable=list(unreadable),
            )
        )


@pytest.fixture
def world() -> World:
    world = World()
    for message in (shop("https://shop.example"), vendor(), listing()):
        world.tell(message)
    return world


def seen(order_id: int = 1001, second: int = 0, **given: Any) -> SeenOrder:
    modified = (START - timedelta(hours=1) + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")
    return read_order(woo_order(id=order_id, number=str(order_id), date_modified_gmt=modified, **given))


# --- runs


def test_a_sync_tells_at_once_that_it_runs_then_what_it_found_then_that_it_is_over(world: World) -> None:
    world.tell(SyncShop(shop_id="shop-a", actor=ME))
    world.page(seen(1), seen(2, status="pending"), seen(3))

    told = world.said(SyncProgressed)
    assert [one.state for one in told] == ["running", "finished"]
    assert (told[-1].found, told[-1].imported, told[-1].skipped_count, told[-1].already_there) == (3, 2, 1, 0)
    assert told[-1].skipped[0].code == "not_paid"
    assert len({one.run_id for one in told}) == 1
    assert [one.shop_order_id for one in world.said(ShopOrderObserved)] == ["1", "3"]
    assert [one.key for one in world.sent if isinstance(one.message, ShopOrderObserved)] == ["shop-a/1", "shop-a/3"]
    assert world.account.runs == ()


def test_every_message_of_a_page_has_an_id_of_its_own(world: World) -> None:
    world.tell(SyncShop(shop_id="shop-a", actor=ME))
    world.page(*(seen(number) for number in range(1, 9)))
    assert len({one.id for one in world.sent}) == len(world.sent)


def test_a_second_sync_finds_everything_there_already(world: World) -> None:
    for _ in range(2):
        world.tell(SyncShop(shop_id="shop-a", actor=ME))
        world.page(seen(1), seen(2))
    last = world.said(SyncProgressed)[-1]
    assert (last.found, last.imported, last.already_there) == (2, 0, 2)
    assert len(world.said(ShopOrderObserved)) == 2


def test_an_order_read_on_two_pages_of_a_run_is_counted_once(world: World) -> None:
    world.tell(SyncShop(shop_id="shop-a", actor=ME))
    world.page(seen(1, 1), seen(2, 2), per_page=2)
    world.page(seen(2, 2))
    last = world.said(SyncProgressed)[-1]
    assert (last.state, last.found, last.imported, last.already_there) == ("finished", 2, 2, 0)


def test_a_page_and_its_watermark_are_saved_together_and_a_page_told_twice_counts_once(world: World) -> None:
    world.tell(SyncShop(shop_id="shop-a", actor=ME))
    run = world.account.runs[0]
    assert run.asked is not None
    page = seen(1, 1), seen(2, 5)
    outcome = world.page(*page, per_page=2)
    assert isinstance(outcome, Applied)
    assert {"shop/shop-a", "shop-order/shop-a/1", "shop-order/shop-a/2"} == outcome.states.keys()
    assert world.account.watermark == page[1].modified_at - SECOND
    fact = PageRead(
        shop_id="shop-a", run_id=run.run_id, asked=run.asked, per_page=2, read_at=world.now, modified=[], orders=[], unreadable=[]
    )
    assert isinstance(world.tell(fact), Ignored)


def test_a_run_since_a_later_time_does_not_move_the_watermark_over_what_it_left_out(world: World) -> None:
    before = world.account.watermark
    world.tell(SyncShop(shop_id="shop-a", actor=ME, since=START - timedelta(minutes=30)))
    world.page(seen(1, 3600))
    assert world.account.watermark == before


def test_unreadable_orders_are_counted_as_failed_and_named(world: World) -> None:
    world.tell(SyncShop(shop_id="shop-a", actor=ME))
    world.page(seen(1), unreadable=(SkippedOrder(shop_order_id="2", code="unreadable", remedy="correct it"),))
    last = world.said(SyncProgressed)[-1]
    assert (last.found, last.imported, last.failed) == (2, 1, 1)
    assert last.skipped[0].shop_order_id == "2"


def test_only_the_latest_hundred_skipped_are_named_and_all_are_counted(world: World) -> None:
    world.tell(SyncShop(shop_id="shop-a", actor=ME))
    world.page(*(seen(number, status="pending") for number in range(1, 151)), per_page=200)
    last = world.said(SyncProgressed)[-1]
    assert (len(last.skipped), last.skipped_count) == (100, 150)
    assert last.skipped[-1].shop_order_id == "150"


def test_a_sync_of_a_shop_that_the_catalog_tells_of_only_afterwards_begins_when_it_does() -> None:
    world = World()
    world.tell(SyncShop(shop_id="shop-a", actor=ME))
    assert world.account.runs[0].asked is None
    assert world.said(SyncProgressed)[-1].state == "running"
    world.tell(shop("https://shop.example"))
    assert world.account.runs[0].asked is not None
    world.page()
    assert world.said(SyncProgressed)[-1].state == "finished"


def test_a_second_click_starts_no_second_run(world: World) -> None:
    world.tell(SyncShop(shop_id="shop-a", actor=ME))
    assert isinstance(world.tell(SyncShop(shop_id="shop-a", actor=ME)), Ignored)
    assert isinstance(world.tell(ReconcileShop(shop_id="shop-a", actor=ME)), Applied)
    assert [run.kind for run in world.account.runs] == [RunKind.ASKED, RunKind.RECONCILE]


def test_a_cancelled_run_is_over_and_takes_no_further_page(world: World) -> None:
    world.tell(SyncShop(shop_id="shop-a", actor=ME))
    run = world.account.runs[0]
    assert run.asked is not None
    world.tell(CancelSync(shop_id="shop-a", actor=ME))
    late = PageRead(
        shop_id="shop-a",
        run_id=run.run_id,
        asked=run.asked,
        per_page=9,
        read_at=world.now,
        modified=[],
        orders=[seen()],
        unreadable=[],
    )
    assert isinstance(world.tell(late), Ignored)
    assert world.said(SyncProgressed)[-1].state == "cancelled"
    assert not world.said(ShopOrderObserved)
    assert isinstance(world.tell(CancelSync(shop_id="shop-a", actor=ME)), Ignored)


def test_a_failed_run_tells_the_problem_and_the_poll_tries_again_later(world: World) -> None:
    world.tell(SyncShop(shop_id="shop-a", actor=ME))
    world.tell(RunFailed(shop_id="shop-a", run_id=world.account.runs[0].run_id, problem="no secrets: …"))
    assert (world.said(SyncProgressed)[-1].state, world.said(SyncProgressed)[-1].problem) == ("failed", "no secrets: …")
    assert world.account.runs == ()
    assert world.account.poll_at is not None
    assert world.account.poll_at > world.now


def test_a_poll_is_quiet_until_there_is_news_and_after_a_failure(world: World) -> None:
    def poll(*orders: SeenOrder) -> list[str]:
        world.now += timedelta(hours=2)
        before = len(world.said(SyncProgressed))
        assert isinstance(world.tell(PollDue(shop_id="shop-a")), Applied)
        world.page(*orders)
        return [one.state for one in world.said(SyncProgressed)[before:]]

    assert poll() == []
    assert poll(seen(1)) == ["finished"]
    assert poll(seen(1)) == []
    world.now += timedelta(hours=2)
    world.tell(PollDue(shop_id="shop-a"))
    world.tell(RunFailed(shop_id="shop-a", run_id=world.account.runs[0].run_id, problem="away"))
    assert poll() == ["finished"]


def test_a_poll_that_is_not_due_or_meets_a_run_starts_none(world: World) -> None:
    assert isinstance(world.tell(PollDue(shop_id="shop-a")), Applied)
    assert isinstance(world.tell(PollDue(shop_id="shop-a")), Ignored)
    world.page()
    assert isinstance(world.tell(PollDue(shop_id="shop-a")), Ignored)
    assert isinstance(world.tell(PollDue(shop_id="shop-z")), Ignored)


def test_a_reconciliation_reports_only_what_differs_and_ends_when_nothing_is_left(world: World) -> None:
    world.tell(SyncShop(shop_id="shop-a", actor=ME))
    world.page(seen(1), seen(2), seen(3))
    world.tell(ReconcileShop(shop_id="shop-a", actor=ME))
    run_id = world.account.runs[0].run_id
    deleted = gone(world.shop_order("3").seen)
    assert deleted is not None

    def step(passed: str, until: str, *orders: SeenOrder) -> Outcome[State]:
        world.now += timedelta(seconds=1)
        fact = OrdersReread(shop_id="shop-a", run_id=run_id, passed=passed, until=until, read_at=world.now, orders=list(orders))
        return world.tell(fact)

    step("", "3", seen(1), seen(2, customer_note="New"), deleted)
    assert isinstance(step("", "3"), Ignored)
    step("3", "3")

    assert [(one.shop_order_id, one.cancelled) for one in world.said(ShopOrderObserved)[3:]] == [("2", False), ("3", True)]
    assert world.said(ShopOrderObserved)[-1].lines[0].link is not None
    last = world.said(SyncProgressed)[-1]
    assert (last.state, last.found, last.imported, last.already_there) == ("finished", 3, 2, 1)


def test_an_earlier_start_day_is_read_from_there(world: World) -> None:
    world.tell(SyncShop(shop_id="shop-a", actor=ME))
    world.page(seen(1, 60))
    earlier = shop("https://shop.example").model_copy(update={"sync_from": datetime(2025, 1, 1, tzinfo=UTC)})
    world.tell(earlier)
    assert world.account.watermark == earlier.sync_from - SECOND
    world.tell(SyncShop(shop_id="shop-a", actor=ME))
    asked = world.account.runs[0].asked
    assert asked is not None
    assert asked.after == earlier.sync_from - SECOND


def test_a_shop_taken_out_of_the_catalog_ends_its_runs(world: World) -> None:
    world.tell(SyncShop(shop_id="shop-a", actor=ME))
    world.tell(Tombstone("catalog.shops", "shop-a"))
    assert world.said(SyncProgressed)[-1].state == "cancelled"
    assert world.account.shop is None


# --- hints and the catalog


def test_a_hint_asks_for_a_reading_and_the_reading_reports_the_order(world: World) -> None:
    world.tell(Hinted(shop_id="shop-a", shop_order_id="1"))
    assert world.shop_order("1").read_next == world.now
    world.now += SECOND
    world.tell(OrderRead(shop_id="shop-a", read_at=world.now, seen=seen(1)))
    assert world.shop_order("1").read_next is None
    assert [one.shop_order_id for one in world.said(ShopOrderObserved)] == ["1"]


def test_a_hint_that_cannot_be_followed_is_tried_later_each_time_and_dropped_in_the_end(world: World) -> None:
    world.tell(Hinted(shop_id="shop-a", shop_order_id="1"))
    waits: list[timedelta] = []
    while (due := world.shop_order("1").read_next) is not None:
        world.now = max(world.now, due) + SECOND
        world.tell(OrderNotRead(shop_id="shop-a", shop_order_id="1", read_at=world.now))
        if again := world.shop_order("1").read_next:
            waits.append(again - world.now)
    assert waits == sorted(waits)
    assert len(waits) == 5


def test_a_line_is_linked_once_its_vendor_comes(world: World) -> None:
    world.tell(listing("12", "late-vendor"))
    world.tell(SyncShop(shop_id="shop-a", actor=ME))
    world.page(seen(1, line_items=[woo_line(product_id=12)]))
    assert not world.said(ShopOrderObserved)
    assert world.said(SyncProgressed)[-1].skipped[0].code == "no_line_linked"

    world.tell(vendor("late-vendor", "custom"))
    world.tell(LinkCame(shop_id="shop-a", shop_order_id="1", listing_ids=["12"]))

    reported = world.said(ShopOrderObserved)[-1]
    assert reported.lines[0].link is not None
    assert reported.lines[0].link.custom


def test_a_listing_or_vendor_taken_out_of_the_catalog_links_no_further_order(world: World) -> None:
    world.tell(Tombstone("catalog.listings", "shop-a/11"))
    world.tell(SyncShop(shop_id="shop-a", actor=ME))
    world.page(seen(1))
    assert world.said(SyncProgressed)[-1].skipped_count == 1


# --- tracking back


def snapshot(version: int = 1, posted: bool = False, **parcels: str) -> OrderSnapshot:
    return OrderSnapshot(
        order_id=ORDER,
        version=version,
        number="#1001",
        shop_id="shop-a",
        shop_order_id="1001",
        vendor_id="printful-main",
        status=OrderStatus.SENT,
        status_since=START,
        created_at=START,
        placed_at=START,
        edited_version=1,
        activity=Activity(kind=ActivityKind.NONE),
        items={},
        parcels={key: SnapshotParcel(carrier=carrier, units={}, posted=posted) for key, carrier in parcels.items()},
        actions={},
    )


def private(version: int = 1, **numbers: str) -> OrderPrivate:
    tracking = {key: PrivateTracking(tracking_number=number) for key, number in numbers.items()}
    return OrderPrivate(order_id=ORDER, version=version, shop_id="shop-a", shop_order_id="1001", tracking=tracking)


@pytest.mark.parametrize("status_first", [True, False])
def test_a_parcel_is_to_be_posted_once_both_halves_are_known(world: World, status_first: bool) -> None:
    halves: list[Message] = [snapshot(p1="UPS"), private(p1="1Z999")]
    for half in halves if status_first else reversed(halves):
        assert not world.states.get(f"order/{ORDER}") or not world.order.postings
        world.tell(half)
    assert world.order.postings["p1"].due_at == world.now


def test_a_parcel_without_a_number_or_posted_before_is_not_to_be_posted(world: World) -> None:
    world.tell(private(p1="1Z999"))
    world.tell(snapshot(posted=True, p1="UPS", p2="UPS"))
    assert world.order.postings == {}


def test_versions_not_above_the_one_held_change_nothing(world: World) -> None:
    world.tell(snapshot(3, p1="UPS"))
    assert isinstance(world.tell(snapshot(3)), Ignored)
    world.tell(private(2, p1="1Z999"))
    assert isinstance(world.tell(private(1)), Ignored)


def posted(number: str) -> PostingDone:
    return PostingDone(order_id=ORDER, parcel="p1", tracking_number=number)


def wanted(world: World) -> None:
    world.tell(snapshot(p1="UPS"))
    world.tell(private(p1="1Z999"))


def test_a_number_that_changes_after_it_was_posted_is_posted_too_once(world: World) -> None:
    wanted(world)
    world.tell(posted("1Z999"))
    world.tell(snapshot(2, posted=True, p1="UPS"))
    assert world.order.postings["p1"].due_at is None
    world.tell(private(2, p1="1Z000"))
    assert (world.order.postings["p1"].tracking_number, world.order.postings["p1"].due_at) == ("1Z000", world.now)
    world.tell(posted("1Z000"))
    world.tell(snapshot(3, p1="UPS"))
    world.tell(private(3, p1="1Z000"))
    assert world.order.postings["p1"].due_at is None
    assert len(world.said(TrackingPosted)) == 2


def test_a_number_that_changes_before_it_is_sent_takes_the_place_of_the_old_one(world: World) -> None:
    wanted(world)
    world.tell(private(2, p1="1Z000"))
    begun = PostingBegun(order_id=ORDER, parcel="p1", tracking_number="1Z999", read_at=world.now)
    assert isinstance(world.tell(begun), Ignored), "what is about to be posted is not what is wanted any more"
    assert isinstance(world.tell(posted("1Z999")), Ignored)
    assert isinstance(world.tell(begun.model_copy(update={"tracking_number": "1Z000"})), Applied)


@pytest.mark.parametrize("arrived", [True, False])
def test_a_number_that_changes_while_the_old_one_is_sent_follows_it(world: World, arrived: bool) -> None:
    wanted(world)
    world.tell(PostingBegun(order_id=ORDER, parcel="p1", tracking_number="1Z999", read_at=world.now))
    world.tell(private(2, p1="1Z000"))
    assert world.order.postings["p1"].tracking_number == "1Z999"
    world.tell(posted("1Z999") if arrived else PostingFailed(order_id=ORDER, parcel="p1", code="shop_busy", remedy="-"))
    assert (world.order.postings["p1"].tracking_number, world.order.postings["p1"].due_at) == ("1Z000", world.now)
    assert len(world.said(TrackingPosted)) == (1 if arrived else 0)


def test_an_intent_holds_off_a_second_one_until_the_first_has_settled(world: World) -> None:
    wanted(world)
    begun = PostingBegun(order_id=ORDER, parcel="p1", tracking_number="1Z999", read_at=world.now)
    assert isinstance(world.tell(begun), Applied)
    due = world.order.postings["p1"].due_at
    assert due == world.now + posting.SETTLE

    world.now += posting.SETTLE / 2
    assert isinstance(world.tell(begun.model_copy(update={"read_at": world.now})), Ignored)
    world.now += posting.SETTLE
    assert isinstance(world.tell(begun.model_copy(update={"read_at": world.now})), Applied)


def test_a_posted_parcel_is_told_once(world: World) -> None:
    wanted(world)
    assert isinstance(world.tell(posted("1Z999")), Applied)
    assert isinstance(world.tell(posted("1Z999")), Ignored)
    assert [(one.order_id, one.parcel) for one in world.said(TrackingPosted)] == [(ORDER, "p1")]
    assert world.sent[-1].key == ORDER


def test_trouble_is_told_once_and_tried_again_with_growing_waits(world: World) -> None:
    wanted(world)
    waits: list[timedelta] = []
    for _ in range(12):
        fact = PostingFailed(order_id=ORDER, parcel="p1", code="shop_refused_credentials", remedy="check the key", tell=True)
        world.tell(fact)
        due = world.order.postings["p1"].due_at
        assert due is not None
        waits.append(due - world.now)
        world.now = due
    assert waits == sorted(waits)
    assert waits[-1] == posting.LONGEST_WAIT
    assert [one.code for one in world.said(TrackingNotPosted)] == ["shop_refused_credentials"]
    world.tell(posted("1Z999"))
    assert len(world.said(TrackingPosted)) == 1


def test_an_unknown_outcome_waits_until_it_has_settled(world: World) -> None:
    wanted(world)
    world.tell(PostingBegun(order_id=ORDER, parcel="p1", tracking_number="1Z999", read_at=world.now))
    world.tell(PostingFailed(order_id=ORDER, parcel="p1", code="outcome_unknown", remedy="-", maybe_done=True))
    due = world.order.postings["p1"].due_at
    assert due is not None
    assert due >= world.now + posting.SETTLE
    assert not world.said(TrackingNotPosted)


def test_a_refusal_for_good_ends_it(world: World) -> None:
    wanted(world)
    world.tell(PostingFailed(order_id=ORDER, parcel="p1", code="order_gone", remedy="-", tell=True, for_good=True))
    assert world.order.postings["p1"].due_at is None
    assert len(world.said(TrackingNotPosted)) == 1
    assert isinstance(world.tell(posted("1Z999")), Ignored)


def test_an_erased_order_keeps_no_number_and_posts_none(world: World) -> None:
    wanted(world)
    world.tell(Tombstone("orders.private", ORDER))
    assert world.order.tracking == {}
    world.tell(private(2, p1="1Z000"))
    assert world.order.postings["p1"].due_at is None
    assert "1Z999" not in repr(world.order)


def test_the_handlers_name_every_message_that_sync_reads() -> None:
    from platen_contracts.topics import read_by

    read = {message for topic in read_by("sync") for message in topic.messages}
    assert read <= set(HANDLERS.types.values())
    assert Shop in read


# --- erasure


def test_a_forgotten_shop_order_is_kept_and_reported_without_personal_data_ever_after(world: World) -> None:
    world.tell(OrderRead(shop_id="shop-a", seen=seen(), read_at=START))
    assert world.shop_order("1001").seen != seen().without_personal()
    forget = ForgetShopOrder(shop_id="shop-a", shop_order_id="1001", actor=ME)
    world.tell(forget)
    assert world.shop_order("1001").seen == seen().without_personal()
    assert isinstance(world.tell(forget), Ignored)
    world.tell(OrderRead(shop_id="shop-a", seen=seen(second=5, status="cancelled"), read_at=START + timedelta(minutes=1)))
    kept, told = world.shop_order("1001"), world.said(ShopOrderObserved)[-1]
    assert kept.seen == seen(second=5, status="cancelled").without_personal()
    assert (told.cancelled, told.recipient, told.buyer_note) == (True, None, None)
    assert all(line.link is None or line.link.answers == {} for line in told.lines)


def test_a_shop_order_that_was_never_seen_can_be_forgotten_too(world: World) -> None:
    world.tell(ForgetShopOrder(shop_id="shop-a", shop_order_id="1001", actor=ME))
    world.tell(OrderRead(shop_id="shop-a", seen=seen(), read_at=START))
    assert world.shop_order("1001").seen == seen().without_personal()
