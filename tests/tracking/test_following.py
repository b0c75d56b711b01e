"""Which vendor orders are followed, and what webhooks do."""

import pytest
from platen_messaging.outcome import Ignored
from platen_tracking.decide import pace
from platen_tracking.model import Watch

from .world import KEY, MUG, ORDER, Book, after, parcel, shown, vendor


@pytest.fixture
def book() -> Book:
    book = Book()
    book.knows(vendor(poll_every_s=100))
    return book


def test_an_accepted_order_is_read_when_its_account_says(book: Book) -> None:
    book.accept(at=5)
    assert (book.order.order_id, book.order.generation, book.next_in) == (ORDER, 1, 105)
    assert book.told == []


def test_an_order_of_an_account_not_heard_of_yet_is_read_as_soon_as_it_is() -> None:
    book = Book()
    book.accept(at=5)
    assert book.next_in == 5


def test_the_same_acceptance_again_changes_nothing(book: Book) -> None:
    book.accept(generation=2)
    assert isinstance(book.accept(at=1, generation=2), Ignored)
    assert isinstance(book.accept(at=1, generation=1), Ignored)


def test_a_webhook_brings_the_reading_forward(book: Book) -> None:
    book.accept()
    book.hint(at=10)
    assert book.next_in == 12


def test_webhooks_in_a_row_make_one_reading(book: Book) -> None:
    book.accept()
    book.hint(at=10)
    assert all(isinstance(book.hint(at=10 + step / 1000), Ignored) for step in range(1, 1000))
    assert book.next_in == 12


def test_a_webhook_never_puts_a_reading_off(book: Book) -> None:
    book.accept()
    book.hint(at=99.5)
    assert (book.next_in, book.watch.hinted_at) == (100, after(99.5))


def test_a_webhook_while_the_order_is_being_read_makes_another_reading(book: Book) -> None:
    book.accept()
    book.lease(until=130)
    book.hint(at=101)
    book.read(shown("pending"), asked=100, settled=102)
    assert (book.next_in, book.watch.leased_until) == (103, None)
    book.read(shown("pending"), asked=103)
    assert (book.next_in, book.watch.hinted_at) == (203, None)


def test_a_webhook_before_the_acceptance_is_honoured_when_it_comes(book: Book) -> None:
    book.hint(at=0)
    assert book.watch == Watch(hinted_at=after(0))
    book.accept(at=3600)
    assert book.next_in == 3600


def test_a_webhook_is_not_remembered_for_longer_than_a_day(book: Book) -> None:
    book.hint(at=0)
    late = pace.HINT_KEPT.total_seconds() + 1
    book.accept(at=late)
    assert (book.next_in, book.watch.hinted_at) == (late + 100, None)


def test_webhooks_that_bring_nothing_new_are_merged_for_ever_longer(book: Book) -> None:
    book.accept()
    book.read(shown("pending"), asked=1)
    waits: list[float] = []
    at = 10.0
    for _ in range(7):
        book.hint(at)
        waits.append(book.next_in - at)
        at = book.next_in
        book.read(shown("pending"), asked=at)
    assert waits == [2, 4, 8, 16, 32, 64, 64]
    book.hint(at)
    book.read(shown("fulfilled", parcel("1", {MUG: 1})), asked=book.next_in)
    book.hint(at=300)
    assert book.next_in == 302


def test_a_newer_generation_of_the_same_vendor_order_is_told_again(book: Book) -> None:
    """Dispatch mended a failed order and confirmed it again; if it fails again, that is news."""
    book.accept()
    book.read(shown("failed", parcel("1", {MUG: 1})), asked=1)
    book.accept(at=50, generation=2)
    assert isinstance(book.read(shown("failed"), asked=49, settled=51), Ignored)
    book.read(shown("failed"), asked=60)
    assert [(it.raw, it.read_at) for it in book.changes] == [("failed", after(1)), ("failed", after(60))]
    assert book.order.parcels.keys() == {"1"}
    assert KEY in book.states
