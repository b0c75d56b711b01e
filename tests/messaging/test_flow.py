"""The whole path on the real broker and database."""

from __future__ import annotations

from toy_counter.contract import Add
from toy_counter.harness import Toy


async def test_a_fact_is_counted_and_told(toy: Toy) -> None:
    await toy.start()
    await toy.send(Add(by=2))
    await toy.total_is(2)
