from pathlib import Path

import pytest

from .conftest import Plant
from .rules import effects, handlers_never_publish, one_transaction_boundary


def test_a_house_in_order_has_no_fault(house: Path) -> None:
    assert handlers_never_publish(house) == []
    assert one_transaction_boundary(house) == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("await broker.publish(b'')", ".publish() publishes"),
        ("await self.producer.send_and_wait('t', b'')", ".send_and_wait() publishes"),
        ("producer.produce('t', b'')", ".produce() publishes"),
        ("await (await producer()).send('t', b'')", "awaits .send()"),
    ],
)
@pytest.mark.parametrize("room", ["handlers", "worker", "poll", "web"])
def test_publishing_from_a_room_is_named(plant: Plant, room: str, line: str, fault: str) -> None:
    house = plant(f"{room}.py", f"async def on_render_requested(self, broker, producer):\n    {line}\n")
    (told,) = handlers_never_publish(house)
    assert told.startswith(f"services/render/platen_render/{room}.py:2: {fault}")


@pytest.mark.parametrize(
    "line", ["from aiokafka import AIOKafkaProducer", "import confluent_kafka", "import faststream.kafka as fk"]
)
@pytest.mark.parametrize("place", ["gateway.py", "libs/outside/platen_outside/call.py"])
def test_a_kafka_client_outside_messaging_is_named(plant: Plant, place: str, line: str) -> None:
    (told,) = handlers_never_publish(plant(place, line + "\n"))
    assert told.endswith("only libs/messaging talks to Kafka")


def test_a_gateway_may_send_requests_and_messaging_may_publish(plant: Plant) -> None:
    plant("gateway.py", "async def ask(client, request):\n    return await client.send(request)\n")
    house = plant(
        "libs/messaging/platen_messaging/relay.py", "import aiokafka\n\n\nasync def f(p):\n    await p.send_and_wait('t')\n"
    )
    assert handlers_never_publish(house) == []


@pytest.mark.parametrize("method", ["begin", "begin_nested", "commit", "rollback"])
def test_a_second_transaction_boundary_is_named(plant: Plant, method: str) -> None:
    house = plant("store.py", f"async def save(engine):\n    async with engine.{method}() as tx:\n        pass\n")
    (told,) = one_transaction_boundary(house)
    assert told.startswith(f"services/render/platen_render/store.py:2: .{method}() is libs/messaging's")


@pytest.mark.parametrize(
    "text",
    [
        "from sqlalchemy.ext.asyncio import create_async_engine\n\nENGINE = create_async_engine('postgresql://')\n",
        "from sqlalchemy.ext import asyncio as sa\n\nSESSION = sa.AsyncSession()\n",
        "import sqlalchemy.orm\n\nSESSION = sqlalchemy.orm.Session()\n",
    ],
)
def test_an_engine_or_session_of_its_own_is_named(plant: Plant, text: str) -> None:
    (told,) = one_transaction_boundary(plant("store.py", text))
    assert told.endswith("makes a way around the one transaction boundary")


def test_a_function_that_is_called_begin_is_no_transaction(plant: Plant) -> None:
    house = plant("handlers.py", "from platen_render.decide import posting\n\nposting.begin('order')\n")
    assert one_transaction_boundary(house) == []


def test_a_stated_exception_is_let_through(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    house = plant("store.py", "def save(tx):\n    tx.commit()\n")
    assert len(one_transaction_boundary(house)) == 1
    monkeypatch.setitem(effects.OWN_TRANSACTIONS, "services/render/platen_render/store.py", "a reason")
    assert one_transaction_boundary(house) == []


def test_messaging_and_the_sandbox_have_transactions_of_their_own(plant: Plant) -> None:
    plant("libs/messaging/platen_messaging/desk.py", "def apply(tx):\n    tx.commit()\n")
    assert one_transaction_boundary(plant("sandbox/platen_sandbox/ledger.py", "def keep(tx):\n    tx.commit()\n")) == []
