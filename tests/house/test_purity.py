from pathlib import Path

import pytest

from .conftest import Plant
from .rules import clock_and_ids_come_in

IMPURE = [
    ("from datetime import UTC, datetime\n\nnow = datetime.now(UTC)\n", "datetime.datetime.now"),
    ("import datetime as dt\n\nnow = dt.datetime.utcnow()\n", "datetime.datetime.utcnow"),
    ("from datetime import date\n\nday = date.today()\n", "datetime.date.today"),
    ("import time\n\nnow = time.time()\n", "time.time"),
    ("from time import monotonic as clock\n\nnow = clock()\n", "time.monotonic"),
    ("from uuid import uuid4\n\nmake = uuid4\n", "uuid.uuid4"),
    ("import uuid\n\nname = uuid.uuid4().hex\n", "uuid.uuid4"),
    ("import random\n\nroll = random.Random().random()\n", "random.Random"),
    ("from random import choice\n\nroll = choice([1])\n", "random.choice"),
    ("import secrets\n\ntoken = secrets.token_hex()\n", "secrets.token_hex"),
    ("import os\n\nhome = os.environ['HOME']\n", "os.environ"),
    ("from platen_messaging.desk import utcnow\n\nnow = utcnow()\n", "platen_messaging.desk.utcnow"),
]


def test_a_house_in_order_has_no_fault(house: Path) -> None:
    assert clock_and_ids_come_in(house) == []


@pytest.mark.parametrize(("text", "name"), IMPURE)
@pytest.mark.parametrize("room", ["decide.py", "decide/facts.py", "model.py", "transitions.py"])
def test_what_differs_each_time_is_named_in_a_pure_room(plant: Plant, room: str, text: str, name: str) -> None:
    assert clock_and_ids_come_in(plant(room, text)) == [
        f"services/render/platen_render/{room}:3: {name} differs each time; let the context bring it (`now`, `id`)"
    ]


@pytest.mark.parametrize("room", ["worker", "poll", "gateway", "main", "store"])
def test_rooms_at_the_edge_may_look_at_the_clock(plant: Plant, room: str) -> None:
    assert clock_and_ids_come_in(plant(f"{room}.py", IMPURE[0][0])) == []


def test_times_that_come_in_may_be_used(plant: Plant) -> None:
    text = """
    from datetime import datetime, timedelta, time
    from uuid import UUID

    def due(now: datetime, random: int) -> datetime:
        return datetime.fromisoformat("2026-11-23T00:00:00Z") + timedelta(seconds=random) if time(1) else now
    """
    assert clock_and_ids_come_in(plant("decide.py", text)) == []
