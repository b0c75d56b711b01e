"""How to read every order of a shop that changed, when rows move while one reads.

The shop answers orders by modified time, ascending, at second precision, and `modified_after` leaves that second itself out.
Each next request therefore starts one second before the last order read, so that this second is read again from its start: a
position in time does not shift when rows move away, a page number does. Only where one page holds nothing but a single second
are page numbers needed. There the pages are read there and back: an order that moves to a later second shifts those behind it
one place to the left, where reading forward would step over one of them; nothing can slip past on the way back. Only of a
second that is over: where nothing later was seen before the way back, more may have been written into it meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from platen_sync.model import PageAsked

SECOND = timedelta(seconds=1)

LATE = timedelta(minutes=2)
"""A shop may commit an order this much later than the modified time it writes into it."""


def first_page(watermark: datetime, floor: datetime) -> PageAsked:
    """Where a run begins: `watermark` is the last second that is out, `floor` the first one that matters."""
    return PageAsked(after=max(watermark - LATE, floor - SECOND))


def next_page(asked: PageAsked, modified: Sequence[datetime], per_page: int) -> PageAsked | None:
    """What to ask after a page that held orders of these modified times, ascending; None at the end."""
    full = len(modified) >= per_page
    if asked.second is None:
        if not full:
            return None
        if modified[0] < modified[-1]:
            return PageAsked(after=modified[-1] - SECOND)
        return replace(asked, page=2, second=modified[0])
    if not asked.back and full and modified[-1] == asked.second:
        return replace(asked, page=asked.page + 1)
    if asked.page > 1:
        is_over = asked.is_over if asked.back else bool(modified) and modified[-1] > asked.second
        return replace(asked, page=asked.page - 1, back=True, is_over=is_over)
    return PageAsked(after=asked.second)


def watermark_after(watermark: datetime, asked: PageAsked, modified: Sequence[datetime]) -> datetime:
    """The last second of which every order is out once this page is: reading strictly after it misses nothing."""
    if asked.after > watermark:
        return watermark  # what lies between was not asked for, or may not be over
    if asked.second is not None:
        is_out = asked.is_over and asked.page == 1
        return max(watermark, asked.second) if is_out else watermark
    return max(watermark, modified[-1] - SECOND) if modified else watermark
