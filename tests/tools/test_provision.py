"""Topics and databases as the catalogue and the services want them."""

# pyright: reportPrivateImportUsage=false
from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType
from platen_cli.errors import Unreachable, UserError
from platen_cli.local import Postgres
from platen_cli.provision import delete_topics, describe_topics, ensure_database, migrate, provision_topics, topics
from platen_cli.provision.databases import connect_admin, database_url, hide_password
from platen_cli.provision.topics import wanted_settings
from platen_contracts.topics import CATALOGUE, DAY_MS

from tests.conftest import Database

STATUS, RESULTS = CATALOGUE["orders.status"], CATALOGUE["sync.results"]


async def test_the_whole_catalogue_is_created_once_and_then_left_alone(kafka_bootstrap: str, topic_prefix: str) -> None:
    first = await provision_topics(kafka_bootstrap, prefix=topic_prefix)
    again = await provision_topics(kafka_bootstrap, prefix=topic_prefix)
    described = await describe_topics(kafka_bootstrap, prefix=topic_prefix)
    await delete_topics(kafka_bootstrap, [report.name for report in first])
    assert {report.state for report in first} == {"created"}
    assert {report.state for report in again} == {"unchanged"}
    assert {report.name: report.partitions for report in described} == {
        topic_prefix + topic.name: topic.partitions for topic in CATALOGUE.values()
    }
    assert all(
        dict(report.settings) == wanted_settings(CATALOGUE[report.name.removeprefix(topic_prefix)]) for report in described
    )


async def until_described(bootstrap: str, prefix: str, state: str) -> None:
    """A broker shows a changed setting moments after it acknowledged the change."""
    deadline = time.monotonic() + 20
    while (await describe_topics(bootstrap, [STATUS], prefix))[0].state != state:
        assert time.monotonic() < deadline, f"{STATUS.name} was never {state}"


async def test_a_wrong_setting_is_corrected_and_an_unrelated_one_is_kept(kafka_bootstrap: str, topic_prefix: str) -> None:
    await provision_topics(kafka_bootstrap, [STATUS], topic_prefix)
    name = topic_prefix + STATUS.name
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    changed = [
        ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET),
        ConfigEntry("flush.messages", "1234", incremental_operation=AlterConfigOpType.SET),
    ]
    for done in admin.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, name, incremental_configs=changed)]).values():
        done.result(20)
    await until_described(kafka_bootstrap, topic_prefix, "differs")
    [report] = await provision_topics(kafka_bootstrap, [STATUS], topic_prefix)
    assert (report.state, report.detail) == ("corrected", "cleanup.policy delete -> compact")
    await until_described(kafka_bootstrap, topic_prefix, "unchanged")
    [asked] = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
    assert asked.result(20)["flush.messages"].value == "1234"
    await delete_topics(kafka_bootstrap, [name])


async def test_partitions_that_differ_are_told_and_left(kafka_bootstrap: str, topic_prefix: str) -> None:
    name = topic_prefix + RESULTS.name
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    admin.create_topics([NewTopic(name, 2)])[name].result(20)
    [report] = await provision_topics(kafka_bootstrap, [RESULTS], topic_prefix)
    assert report.state == "differs"
    assert report.partitions == 2
    assert "2 partitions where the catalogue says 12: left" in report.detail
    await delete_topics(kafka_bootstrap, [name])


def test_personal_data_is_gone_when_the_catalogue_says_so() -> None:
    for topic in CATALOGUE.values():
        settings = wanted_settings(topic)
        if topic.personal and topic.retention_ms is not None:
            assert int(settings["retention.ms"]) + int(settings["segment.ms"]) <= 14 * DAY_MS
        elif topic.personal:
            assert int(settings["max.compaction.lag.ms"]) <= DAY_MS


async def test_a_broker_that_is_not_there_is_one_line(topic_prefix: str) -> None:
    with pytest.raises(Unreachable, match=r"PLATEN_KAFKA=127.0.0.1:9: no broker answers there; start it"):
        await provision_topics("127.0.0.1:9", [STATUS], topic_prefix)


async def test_a_broker_that_missed_its_heartbeats_is_asked_again(
    kafka_bootstrap: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = iter(("All brokers are currently fenced.", ""))

    class Busy(AdminClient):
        def create_topics(self, new_topics: list[NewTopic], *given: Any, **named: Any) -> dict[str, Any]:
            if not (words := next(refusals)):
                return super().create_topics(new_topics, *given, **named)
            refused = Future[None]()
            refused.set_exception(KafkaException(KafkaError(KafkaError.INVALID_REPLICATION_FACTOR, words)))
            return {topic.topic: refused for topic in new_topics}

    monkeypatch.setattr(topics, "_admin", lambda bootstrap: Busy({"bootstrap.servers": bootstrap}))
    (report,) = await provision_topics(kafka_bootstrap, [STATUS], topic_prefix)
    assert report.state == "created"
    assert (await describe_topics(kafka_bootstrap, [STATUS], topic_prefix))[0].state == "unchanged"
    assert not list(refusals)
    await delete_topics(kafka_bootstrap, [report.name])


async def test_a_refusal_that_does_not_pass_is_one_line(
    kafka_bootstrap: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "wanted_settings", lambda topic: {"cleanup.policy": "no such policy"})
    with pytest.raises(UserError, match=r"the broker refused to set up topics .*no such policy"):
        await provision_topics(kafka_bootstrap, [STATUS], topic_prefix)


async def test_a_service_owns_its_database_and_cannot_enter_another_ones(postgres_admin_url: str) -> None:
    mark = secrets.token_hex(4)
    names = [f"platen_a{mark}", f"platen_b{mark}"]
    urls = [await ensure_database(postgres_admin_url, name, name, "pa'ss") for name in names]
    assert urls == [await ensure_database(postgres_admin_url, name, name, "pa'ss") for name in names]
    try:
        own = await asyncpg.connect(urls[0])
        assert await own.fetchrow("SELECT current_user, current_database()") == (names[0], names[0])
        await own.execute("CREATE TABLE mine (n int)")
        await own.close()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(database_url(postgres_admin_url, names[1], names[0], "pa'ss"))
    finally:
        admin = await connect_admin(postgres_admin_url)
        for name in names:
            await admin.execute(f'DROP DATABASE "{name}"')
            await admin.execute(f'DROP ROLE "{name}"')
        await admin.close()


@pytest.fixture
async def name(postgres_admin_url: str) -> AsyncIterator[str]:
    """Of a database and a role that a test may make; both are dropped after it, and so is the role `admin_<name>`."""
    name = f"platen_{secrets.token_hex(4)}"
    yield name
    admin = await connect_admin(postgres_admin_url)
    await admin.execute(f'DROP DATABASE IF EXISTS "{name}"')
    await admin.execute(f'DROP ROLE IF EXISTS "{name}"')
    await admin.execute(f'DROP ROLE IF EXISTS "admin_{name}"')
    await admin.close()


async def is_open(admin_url: str, database: str) -> bool:
    admin = await connect_admin(admin_url)
    found = await admin.fetchval("SELECT has_database_privilege('public', $1::text, 'CONNECT')", database)
    await admin.close()
    return bool(found)


async def small_admin(admin_url: str, name: str) -> str:
    """The URL of an admin that is no superuser."""
    admin = await connect_admin(admin_url)
    await admin.execute(f"CREATE ROLE \"admin_{name}\" LOGIN CREATEDB CREATEROLE PASSWORD 'small'")
    await admin.close()
    return database_url(admin_url, "postgres", f"admin_{name}", "small")


async def test_a_database_that_is_there_already_is_closed_to_other_roles(postgres_admin_url: str, name: str) -> None:
    admin = await connect_admin(postgres_admin_url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    await admin.close()
    assert await is_open(postgres_admin_url, name)
    await ensure_database(postgres_admin_url, name, name)
    assert not await is_open(postgres_admin_url, name)


async def test_set_ups_at_the_same_time_do_not_fail_each_other(postgres_admin_url: str, name: str) -> None:
    await asyncio.gather(*(ensure_database(postgres_admin_url, name, name) for _ in range(12)))
    assert not await is_open(postgres_admin_url, name)


async def test_an_admin_that_is_no_superuser_closes_the_database_of_a_role_it_was_granted(
    postgres_admin_url: str, name: str
) -> None:
    url = await small_admin(postgres_admin_url, name)
    await ensure_database(url, name, name)
    admin = await connect_admin(postgres_admin_url)
    await admin.execute(f'GRANT CONNECT ON DATABASE "{name}" TO PUBLIC')
    await admin.close()
    await ensure_database(url, name, name)
    assert not await is_open(postgres_admin_url, name)


async def test_an_open_database_that_the_admin_may_not_close_is_one_line_with_the_remedy(
    postgres_admin_url: str, name: str
) -> None:
    admin = await connect_admin(postgres_admin_url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    url = await small_admin(postgres_admin_url, name)
    remedy = f'REVOKE CONNECT ON DATABASE "{name}" FROM PUBLIC'
    with pytest.raises(UserError, match=rf"^PLATEN_POSTGRES_ADMIN: may not close database {name} .*: {remedy}$"):
        await ensure_database(url, name, name)
    await admin.execute(remedy)
    await admin.close()
    await ensure_database(url, name, name)


async def test_a_role_without_the_password_that_postgres_asks_for_is_one_line_that_names_the_variable(tmp_path: Path) -> None:
    async with Postgres(tmp_path / "postgres", fsync=False) as postgres:
        await postgres.stop()
        rules = tmp_path / "postgres/cluster/pg_hba.conf"
        rules.write_text("local all postgres trust\nlocal all all scram-sha-256\n")
        await postgres.start()
        url = await ensure_database(postgres.admin_url, "platen_orders", "platen_orders")
        with pytest.raises(UserError, match=r"^PLATEN_PASSWORD_ORDERS: .*; set this to one of your choice") as caught:
            await migrate(url, "platen_orders")
        assert "\n" not in str(caught.value)
        assert await migrate(
            await ensure_database(postgres.admin_url, "platen_orders", "platen_orders", "sesame"), "platen_orders"
        )


async def test_another_services_database_is_not_migrated(database: Database) -> None:
    with pytest.raises(UserError, match="it is the database of platen_sync; give platen_orders its own"):
        await migrate(await database("platen_sync"), "platen_orders")


@pytest.mark.parametrize(
    ("admin", "url"),
    [
        ("postgresql:///postgres?host=/run/pg&user=postgres", "postgresql:///db?host=/run/pg&user=role"),
        ("postgresql://root:s@h:5433/postgres?sslmode=require", "postgresql://role@h:5433/db?sslmode=require"),
    ],
)
def test_a_service_url_is_the_admin_url_with_its_own_database_and_role(admin: str, url: str) -> None:
    assert database_url(admin, "db", "role") == url


def test_a_password_is_escaped_in_a_url_and_hidden_in_messages() -> None:
    over_tcp = database_url("postgresql://a:b@h/postgres", "db", "role", "p@ss/sesame")
    over_socket = database_url("postgresql:///postgres?host=/s", "db", "role", "p@ss/sesame")
    assert over_tcp == "postgresql://role:p%40ss%2Fsesame@h/db"
    assert hide_password(over_tcp) == "postgresql://role:***@h/db"
    assert "sesame" not in hide_password(over_socket)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://root:secret@h/x", r"must look like postgresql://user:password@host:5432/postgres"),
        ("postgresql://u:secret@127.0.0.1:9/x", r"nothing answers there .* start Postgres"),
    ],
)
async def test_an_admin_url_that_does_not_work_is_one_line_without_the_password(url: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        await connect_admin(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
