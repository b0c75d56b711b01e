import asyncio

import pytest

from tests.support import until


async def test_until_gives_what_the_condition_found_plain_or_awaited() -> None:
    found = iter([None, 0, "there"])
    assert await until(lambda: next(found)) == "there"
    assert await until(lambda: asyncio.sleep(0, "awaited")) == "awaited"


async def test_until_fails_at_its_deadline_with_what_was_seen_last() -> None:
    with pytest.raises(AssertionError, match="did not hold within 0 s; last seen: 0"):
        await until(lambda: 0, 0)
    with pytest.raises(AssertionError, match="last seen: 'the books'"):
        await until(lambda: False, 0, lambda: asyncio.sleep(0, "the books"))
