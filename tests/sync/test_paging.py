"""Every order is read, whatever moves meanwhile, and the watermark never runs ahead."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from platen_sync.decide.paging import LATE, SECOND, first_page, next_page, watermark_after
from platen_sync.model import PageAsked

from tests.examples import examples

START = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


class FakeShop:
    """Orders by id with their modified second, answered as WooCommerce does: strictly after, by (modified, id), by page."""

    def __init__(self, modified: dict[int, int]) -> None:
        self.modified = dict(modified)
        self.asked: list[PageAsked] = []

    def answer(self, asked: PageAsked, per_page: int) -> list[tuple[int, datetime]]:
        self.asked.append(asked)
        rows = sorted((at(second), order) for order, second in self.modified.items() if at(second) > asked.after)
        return [(order, moment) for moment, order in rows[(asked.page - 1) * per_page : asked.page * per_page]]


Pair = tuple[int, datetime]


def read_all(
    shop: FakeShop,
    per_page: int,
    moves: list[list[tuple[int, int]]],
    asked: PageAsked | None,
    watermark: datetime,
    seen: set[Pair],
) -> datetime:
    """Runs to the end, adding (order, modified) to `seen`; `moves[n]` come after the n-th answer. Returns the watermark."""
    steps = 0
    while asked is not None:
        page = shop.answer(asked, per_page)
        seen |= set(page)
        modified = [moment for _, moment in page]
        watermark = watermark_after(watermark, asked, modified)
        asked = next_page(asked, modified, per_page)
        behind = {(order, at(second)) for order, second in shop.modified.items() if at(second) <= watermark} - seen
        assert not behind, f"the watermark {watermark} passed {behind}"
        for order, later in moves[steps] if steps < len(moves) else []:
            if order in shop.modified:
                shop.modified[order] = max(shop.modified.values()) + later
        steps += 1
        assert steps < 10_000, "the run does not end"
    return watermark


orders = st.dictionaries(st.integers(1, 60), st.integers(0, 6), max_size=40)
moves = st.lists(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 2)), max_size=4), max_size=12)


@examples(400)
@given(orders, st.integers(2, 7), moves)
def test_every_order_is_seen_and_the_watermark_passes_none_though_others_move_while_paging(
    modified: dict[int, int], per_page: int, moves: list[list[tuple[int, int]]]
) -> None:
    shop, seen = FakeShop(modified), set[Pair]()

    read_all(shop, per_page, moves, first_page(START - SECOND, START), START - SECOND, seen)

    assert {order for order, _ in seen} == set(modified)


@examples(400)
@given(orders, st.integers(2, 7), moves)
@example({1: 0, 2: 1, 3: 1}, 2, [[], [], [], [(1, 0)]])  # written into the shop's newest second once that was read
@example({1: 0, 28: 0, 2: 2, 3: 1}, 2, [[], [], [], [(1, 0)], [], [(28, 0)]])  # and while it was read
def test_a_second_run_that_begins_at_the_watermark_finds_whatever_changed_behind_the_first_ones_back(
    modified: dict[int, int], per_page: int, moves: list[list[tuple[int, int]]]
) -> None:
    shop, seen = FakeShop(modified), set[Pair]()

    watermark = read_all(shop, per_page, moves, first_page(START - SECOND, START), START - SECOND, seen)
    read_all(shop, per_page, [], PageAsked(after=watermark), watermark, seen)

    assert {(order, at(second)) for order, second in shop.modified.items()} <= seen


@examples(200)
@given(orders, st.integers(2, 7))
def test_a_page_number_is_used_only_while_one_page_holds_a_single_second(modified: dict[int, int], per_page: int) -> None:
    shop = FakeShop(modified)

    read_all(shop, per_page, [], first_page(START - SECOND, START), START - SECOND, set())

    for asked in shop.asked:
        if asked.page > 1:
            assert asked.second is not None
            in_second = [order for order, second in shop.modified.items() if at(second) == asked.second]
            assert len(in_second) >= per_page


def test_more_orders_in_one_second_than_a_page_holds_are_all_read_though_the_first_ones_move_away() -> None:
    shop, seen = FakeShop(dict.fromkeys(range(1, 8), 3) | {8: 4}), set[Pair]()

    read_all(shop, 2, [[(1, 1)], [(2, 1)], [(3, 1)]], first_page(START - SECOND, START), START - SECOND, seen)

    assert {order for order, _ in seen} == set(range(1, 9))


def test_a_next_request_begins_one_second_before_the_last_order_so_that_its_second_is_read_again() -> None:
    assert next_page(PageAsked(after=at(0)), [at(1), at(5)], 2) == PageAsked(after=at(4))


def test_a_page_that_is_not_full_ends_the_run() -> None:
    assert next_page(PageAsked(after=at(0)), [at(1), at(5)], 3) is None
    assert next_page(PageAsked(after=at(0)), [], 3) is None


def test_a_run_begins_before_the_watermark_but_never_before_the_first_second_that_matters() -> None:
    late = START + timedelta(hours=1)
    assert first_page(late, START).after == late - LATE
    assert first_page(START, START).after == START - SECOND


@pytest.mark.parametrize("page", [1, 2, 3])
def test_the_watermark_stays_while_a_single_second_is_read_and_takes_it_once_it_is_out(page: int) -> None:
    asked = PageAsked(after=at(0), page=page, second=at(3))
    assert watermark_after(at(0), asked, [at(3), at(3)]) == at(0)
    back = PageAsked(after=at(0), page=page, second=at(3), back=True, is_over=True)
    assert watermark_after(at(0), back, [at(3), at(3)]) == (at(3) if page == 1 else at(0))


def test_a_second_in_which_the_shop_may_still_write_is_not_taken() -> None:
    shop, start = FakeShop(dict.fromkeys(range(1, 5), 3)), first_page(START - SECOND, START)

    assert read_all(shop, 2, [], start, START - SECOND, set()) == at(2)
    shop.modified[5] = 4
    assert read_all(shop, 2, [], start, START - SECOND, set()) == at(3)
