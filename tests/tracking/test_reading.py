"""What was read, against what was last told."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from platen_contracts.tracking import ShipmentUpdated, VendorOrderChanged
from platen_messaging.outcome import Ignored
from platen_tracking.decide.reading import ABSENCES
from platen_vendors.model import Shipment, Snapshot

from .world import EXTERNAL, MUG, ORDER, POSTER, VENDOR, VENDOR_ORDER, Book, after, parcel, shown

FIRST, SECOND = parcel("1", {MUG: 1}), parcel("2", {MUG: 1, POSTER: 1})


@pytest.fixture
def book() -> Book:
    book = Book()
    book.accept()
    return book


CASES: dict[str, tuple[Snapshot, Snapshot, list[type]]] = {
    "nothing": (shown("pending"), shown("pending"), []),
    "another word": (shown("pending"), shown("inprocess"), [VendorOrderChanged]),
    "a word nobody knows": (shown("pending"), shown("teleported"), [VendorOrderChanged]),
    "put on hold": (shown("inprocess"), shown("onhold"), [VendorOrderChanged]),
    "a first parcel": (shown("inprocess"), shown("partial", FIRST), [ShipmentUpdated, VendorOrderChanged]),
    "a second parcel": (shown("partial", FIRST), shown("partial", FIRST, SECOND), [ShipmentUpdated]),
    "the same parcel": (shown("partial", FIRST), shown("partial", FIRST), []),
    "parcels in another order": (shown("partial", FIRST, SECOND), shown("partial", SECOND, FIRST), []),
    "a number that came later": (
        shown("partial", parcel("1", {MUG: 1}, tracking_number=None, tracking_url=None)),
        shown("partial", FIRST),
        [ShipmentUpdated],
    ),
    "a number that went away": (
        shown("partial", FIRST),
        shown("partial", parcel("1", {MUG: 1}, tracking_number=None, tracking_url=None)),
        [],
    ),
    "a number that was corrected": (
        shown("partial", FIRST),
        shown("partial", parcel("1", {MUG: 1}, tracking_number="T9")),
        [ShipmentUpdated],
    ),
    "a parcel that is no longer shown": (shown("partial", FIRST), shown("partial"), []),
    "a reshipment": (
        shown("fulfilled", FIRST, SECOND),
        shown("fulfilled", FIRST, SECOND, parcel("3", {MUG: 1}, reshipment=True)),
        [ShipmentUpdated],
    ),
    "cancelled": (shown("pending"), shown("canceled", cancelled={MUG: 2, POSTER: 1}), [VendorOrderChanged]),
    "the rest cancelled": (
        shown("partial", FIRST),
        shown("canceled", FIRST, cancelled={MUG: 1, POSTER: 1}),
        [VendorOrderChanged],
    ),
    "failed": (shown("inprocess"), shown("failed"), [VendorOrderChanged]),
}


@pytest.mark.parametrize("name", CASES)
def test_only_what_changed_is_told(book: Book, name: str) -> None:
    before, now, expected = CASES[name]
    book.read(before, asked=1)
    book.told.clear()
    book.read(now, asked=2)
    assert [type(message) for message in book.told] == expected


def test_parcels_are_told_before_the_end_that_they_belong_to(book: Book) -> None:
    book.read(shown("canceled", FIRST, cancelled={MUG: 1, POSTER: 1}), asked=1)
    parcels, ending = book.told
    assert isinstance(parcels, ShipmentUpdated)
    assert parcels.parcels["1"].units == {MUG: 1}
    assert isinstance(ending, VendorOrderChanged)
    assert (ending.raw, ending.status, ending.ended) == ("canceled", "cancelled", True)
    assert ending.cancelled_units == {MUG: 1, POSTER: 1}


def test_messages_name_the_order_and_when_the_vendor_was_asked(book: Book) -> None:
    book.read(shown("pending", FIRST), asked=7, settled=9)
    for message in (*book.shipments, *book.changes):
        told = (message.order_id, message.vendor_id, message.vendor_order_id, message.external_id, message.read_at)
        assert told == (ORDER, VENDOR, VENDOR_ORDER, EXTERNAL, after(7))


def test_a_second_parcel_never_takes_the_place_of_the_first(book: Book) -> None:
    book.read(shown("partial", FIRST), asked=1)
    book.read(shown("fulfilled", SECOND), asked=2)
    assert [sorted(it.parcels) for it in book.shipments] == [["1"], ["1", "2"]]
    assert [it.parcels["1"].tracking_number for it in book.shipments] == ["T1", "T1"]


def test_a_late_answer_to_an_older_question_is_ignored(book: Book) -> None:
    book.read(shown("fulfilled", FIRST, SECOND), asked=5)
    book.told.clear()
    assert isinstance(book.read(shown("inprocess"), asked=4, settled=9), Ignored)
    assert isinstance(book.read(shown("inprocess"), asked=5, settled=9), Ignored)
    assert isinstance(book.miss(asked=4, absent=True), Ignored)
    assert (book.told, book.order.told and book.order.told.raw) == ([], "fulfilled")


def test_units_of_a_line_that_somebody_added_at_the_vendor_are_left_out(book: Book) -> None:
    book.read(shown("partial", parcel("1", {"extra-mug": 1, POSTER: 1}), cancelled={"extra-mug": 1}), asked=1)
    assert book.shipments[0].parcels["1"].units == {POSTER: 1}
    assert book.changes[0].cancelled_units == {}


def test_more_than_a_hundred_parcels_are_told_in_several_messages(book: Book) -> None:
    book.read(shown("partial", *(parcel(str(number), {MUG: 1}) for number in range(205))), asked=1)
    assert [len(it.parcels) for it in book.shipments] == [100, 100, 5]


def test_an_order_of_somebody_else_under_the_same_number_is_not_believed(book: Book) -> None:
    book.read(shown("canceled", external_id="somebody-elses"), asked=1)
    assert (book.told, book.order.failures, book.next_in) == ([], 1, 3)


def test_an_order_made_by_hand_without_an_external_id_is_believed(book: Book) -> None:
    book.read(shown("pending", external_id=None), asked=1)
    assert [it.raw for it in book.changes] == ["pending"]


def test_readings_that_fail_are_tried_again_ever_later(book: Book) -> None:
    waits: list[float] = []
    for asked in range(1, 15):
        book.miss(asked)
        waits.append(book.next_in - asked)
    assert waits[:5] == [2, 4, 8, 16, 32]
    assert waits[-1] == 3600
    book.read(shown("pending"), asked=20)
    assert (book.order.failures, book.next_in) == (0, 320)


def test_an_account_that_wants_a_pause_is_not_counted_against_the_order(book: Book) -> None:
    book.lease(until=31)
    book.miss(asked=1, again_at=after(90))
    assert (book.order.failures, book.next_in, book.watch.leased_until) == (0, 90, None)


def test_an_order_that_the_vendor_has_no_more_is_told_once_and_only_after_several_looks(book: Book) -> None:
    for asked in range(ABSENCES - 1):
        book.miss(asked, absent=True)
    assert book.told == []
    for asked in range(ABSENCES, ABSENCES + 3):
        book.miss(asked, absent=True)
    assert [(it.raw, it.status, it.ended) for it in book.changes] == [("not found", "unknown", False)]
    book.read(shown("pending"), asked=100)
    assert book.changes[-1].raw == "pending"


def test_a_failure_in_between_begins_the_count_of_absences_again(book: Book) -> None:
    for asked in range(ABSENCES * 2):
        book.miss(asked, absent=asked % ABSENCES != 0)
    assert book.told == []


def test_what_is_followed_no_longer_is_ignored() -> None:
    book = Book()
    assert isinstance(book.read(shown("pending"), asked=1), Ignored)
    assert isinstance(book.miss(asked=1), Ignored)
    assert book.states == {}


STEPS = st.sampled_from(["hold", "release", "first", "second", "number", "reship", "cancel", "fail"])


def history_of(steps: Sequence[str]) -> list[Snapshot]:
    """What a vendor shows after each step: parcels are only ever added and completed."""
    raw, parcels = "pending", dict[str, Shipment]()
    history = [shown(raw)]
    for step in steps:
        match step:
            case "hold":
                raw = "onhold"
            case "release":
                raw = "inprocess"
            case "first":
                raw = "partial"
                parcels.setdefault("1", parcel("1", {MUG: 1}, tracking_number=None, tracking_url=None))
            case "second":
                raw = "fulfilled"
                parcels.setdefault("2", SECOND)
            case "number":
                parcels |= {"1": FIRST} if "1" in parcels else {}
            case "reship":
                parcels.setdefault("3", parcel("3", {MUG: 1}, reshipment=True))
            case _:
                raw = "canceled" if step == "cancel" else "failed"
        history.append(shown(raw, *parcels.values()))
    return history


@st.composite
def readings(draw: Any) -> tuple[list[Snapshot], list[int]]:
    """A vendor's history, and which moments of it arrive in which order: any, doubled, but the last one among them."""
    history = history_of(draw(st.lists(STEPS, max_size=8)))
    moments = draw(st.lists(st.integers(0, len(history) - 1), max_size=12))
    place = draw(st.integers(0, len(moments)))
    return history, [*moments[:place], len(history) - 1, *moments[place:]]


@given(readings())
def test_any_order_and_duplication_of_readings_ends_in_what_the_newest_says(given_: tuple[list[Snapshot], list[int]]) -> None:
    history, arrivals = given_
    book, straight = Book(), Book()
    book.accept(at=-1)
    straight.accept(at=-1)
    for place, moment in enumerate(arrivals):
        book.read(history[moment], asked=moment, settled=100 + place)
    straight.read(history[-1], asked=len(history) - 1)
    assert (book.order.told, book.order.parcels) == (straight.order.told, straight.order.parcels)
    assert book.changes[-1].raw == history[-1].status_raw
    told = {key: it for message in book.shipments for key, it in message.parcels.items()}
    assert told == {key: it for message in straight.shipments for key, it in message.parcels.items()}
    assert [it.read_at for it in book.changes] == sorted({it.read_at for it in book.changes})


@given(readings())
def test_nothing_is_told_twice(given_: tuple[list[Snapshot], list[int]]) -> None:
    history, arrivals = given_
    book = Book()
    book.accept(at=-1)
    for place, moment in enumerate(arrivals):
        book.read(history[moment], asked=moment, settled=100 + place)
    words = [(it.raw, it.status, it.cancelled_units, it.ended) for it in book.changes]
    assert all(one != next_ for one, next_ in pairwise(words))
    sets = [it.parcels for it in book.shipments]
    assert all(one != next_ for one, next_ in pairwise(sets))
