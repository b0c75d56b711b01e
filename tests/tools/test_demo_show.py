"""The live table fits the screen it is drawn on."""

from __future__ import annotations

from platen_cli.demo.board import Board
from platen_cli.demo.show import News, table
from platen_cli.demo.story import Plan
from platen_contracts.status import OrderStatus
from rich.console import Console

from .test_demo_check import an_order


def a_screen(board: Board, *, width: int, height: int | None) -> list[str]:
    screen = Console(width=width, height=height or 100)
    with screen.capture() as shown:
        screen.print(table(board, 0, height))
    return shown.get().splitlines()


def a_board_of(count: int, *, settled: int) -> Board:
    """The first `settled` of `count` orders have come to where the story ends."""
    orders = [
        an_order().model_copy(update={"order_id": f"{n:032x}", "shop_order_id": str(n), "number": f"#{1000 + n}-2"})
        for n in range(count)
    ]
    ends = [OrderStatus.NEW if n < settled else OrderStatus.SENT for n in range(count)]
    plans = {order.shop_order_id: Plan({}, {order.vendor_id: end}) for order, end in zip(orders, ends, strict=True)}
    return Board(plans, {order.order_id: order for order in orders})


def test_orders_that_have_settled_give_way_where_the_screen_is_short_of_lines() -> None:
    lines = a_screen(a_board_of(34, settled=30), width=120, height=24)
    assert len(lines) < 24
    assert all(any(f"#{1000 + n}-2" in line for line in lines) for n in range(30, 34))
    assert lines[-1].strip() == "and 14 more"


def test_a_screen_with_room_and_the_last_word_show_every_order() -> None:
    board = a_board_of(34, settled=0)
    for height in (50, None):
        assert sum("-2" in line for line in a_screen(board, width=120, height=height)) == 34


def test_numbers_stay_whole_on_a_terminal_of_80_columns() -> None:
    lines = a_screen(a_board_of(2, settled=1), width=80, height=24)
    assert any("#1000-2" in line for line in lines)
    assert all(len(line) <= 80 for line in lines)


def test_a_log_has_a_line_only_where_an_order_has_come_to_something_else() -> None:
    news, order = News(), an_order()
    sent = order.model_copy(update={"status": OrderStatus.SENT})
    another = order.model_copy(update={"order_id": "f" * 32})
    seen = [order, order.model_copy(update={"version": 2}), another, sent, sent.model_copy(update={"version": 4}), order]
    lines = [news.of(each) for each in seen]
    assert [bool(line) for line in lines] == [True, False, True, True, False, True]
    assert lines[3].endswith(": Sent")
