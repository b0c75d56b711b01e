"""When a vendor order is read next."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from platen_tracking.decide import pace
from platen_tracking.model import Followed, Parcel, Told, Watch

from .world import EXTERNAL, ITEMS, MUG, ORDER, POSTER, T0, Book, parcel, shown

POLL = timedelta(minutes=5)
DAY = timedelta(days=1)
ALL_SHIPPED = {"1": Parcel({MUG: 2}, tracking_number="T1"), "2": Parcel({POSTER: 1}, tracking_number="T2")}

OPEN = Followed(
    order_id=ORDER,
    generation=1,
    external_id=EXTERNAL,
    items=ITEMS,
    cause_id="c",
    correlation_id="c",
    news_at=T0,
    told=Told("inprocess", "in_production"),
)
SHIPPED = replace(OPEN, told=Told("fulfilled", "shipped"), parcels=ALL_SHIPPED)


def wait(order: Followed, age: timedelta) -> timedelta | None:
    at = pace.next_reading(order, POLL, T0 + age)
    return None if at is None else at - (T0 + age)


@pytest.mark.parametrize(
    ("age", "factor"),
    [(timedelta(0), 1), (timedelta(hours=2), 1), (timedelta(hours=4), 2), (DAY, 12), (100 * DAY, 12)],
)
def test_an_open_order_is_read_ever_more_rarely(age: timedelta, factor: int) -> None:
    assert wait(OPEN, age) == POLL * factor


def test_an_open_order_of_which_nothing_is_heard_for_half_a_year_is_given_up() -> None:
    assert wait(OPEN, pace.GIVE_UP) is None


@pytest.mark.parametrize(
    "order",
    [
        SHIPPED,
        replace(OPEN, told=Told("failed", "failed", ended=True)),
        replace(OPEN, told=Told("canceled", "cancelled", {MUG: 2, POSTER: 1}, ended=True)),
        replace(OPEN, told=Told("partial", "partially_shipped", {POSTER: 1}), parcels={"1": ALL_SHIPPED["1"]}),
    ],
)
def test_a_finished_order_is_read_once_a_day_for_a_month(order: Followed) -> None:
    assert wait(order, timedelta(0)) == DAY
    assert wait(order, 29 * DAY) == DAY
    assert wait(order, 30 * DAY) is None


def test_an_order_whose_tracking_number_is_missing_is_still_read_often() -> None:
    waiting = replace(SHIPPED, parcels=ALL_SHIPPED | {"2": Parcel({POSTER: 1})})
    assert wait(waiting, timedelta(0)) == POLL
    assert wait(waiting, pace.LATE_DETAILS + DAY) == DAY


def test_a_reshipment_does_not_stand_for_what_was_never_shipped() -> None:
    parcels = {"1": ALL_SHIPPED["1"], "2": Parcel({POSTER: 1}, tracking_number="T2", reshipment=True)}
    assert wait(replace(OPEN, parcels=parcels), timedelta(0)) == POLL


def test_an_account_that_is_asked_less_than_daily_is_not_asked_more_when_all_is_done() -> None:
    assert pace.next_reading(SHIPPED, 3 * DAY, T0) == T0 + 3 * DAY


def test_the_row_goes_away_with_the_last_reading() -> None:
    book = Book()
    book.accept()
    done = shown("fulfilled", parcel("1", {MUG: 2}), parcel("2", {POSTER: 1}))
    book.read(done, asked=1)
    book.read(done, asked=31 * DAY.total_seconds())
    assert book.watch == Watch()
