"""The supervisor: every service a process, started again when it dies, nothing left when it stops."""

from __future__ import annotations

import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from platen_cli.errors import UserError
from platen_cli.provision import delete_topics
from platen_cli.provision.databases import connect_admin
from platen_cli.stack import Given, Stack
from platen_cli.stack import stack as stack_module
from platen_cli.stack.process import pause_before_restart
from platen_cli.stack.run import is_running, read_run
from platen_cli.stack.stack import SECRETS
from platen_contracts.topics import CATALOGUE

from tests.support import until

from .conftest import MakeService, of_run


@pytest.fixture
async def given(kafka_bootstrap: str, postgres_admin_url: str, topic_prefix: str) -> AsyncIterator[Given]:
    """The run's own broker and cluster, with names nobody else uses."""
    suffix = f"_{secrets.token_hex(3)}"
    yield Given(kafka_bootstrap, postgres_admin_url, topic_prefix=topic_prefix, database_suffix=suffix)
    await delete_topics(kafka_bootstrap, [topic_prefix + name for name in CATALOGUE])
    admin = await connect_admin(postgres_admin_url)
    for row in await admin.fetch("SELECT datname FROM pg_database WHERE datname LIKE $1", f"%{suffix}"):
        await admin.execute(f'DROP DATABASE "{row["datname"]}" WITH (FORCE)')
    await admin.close()


async def is_ready(stack: Stack) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(stack.urls["fake"] + "/ready")).status_code == 200


async def test_a_stack_serves_and_its_end_leaves_no_process(given: Given, make_service: MakeService, tmp_path: Path) -> None:
    make_service("fake", "subprocess.Popen(['sleep', '300'])")
    lines: list[tuple[str, str]] = []
    async with Stack(
        tmp_path / "data", ports="auto", services=["fake"], given=given, on_line=lambda *line: lines.append(line)
    ) as stack:
        assert await is_ready(stack)
        connection = await asyncpg.connect(stack.database("fake"))
        assert await connection.fetchval("SELECT current_user") == "platen_fake"
        await connection.close()
        assert len(of_run(stack.data)) == 2
        run = read_run(stack.data)
        assert run["services"]["fake"]["pid"] == stack.process("fake").pid
    assert ("fake", "draining") in lines
    assert "draining" in (tmp_path / "data" / "logs" / "fake.log").read_text()
    assert not of_run(stack.data)
    assert not is_running(stack.data)
    with pytest.raises(UserError, match=r"nothing runs in .* start it with `platen up`"):
        read_run(stack.data)


async def test_a_killed_service_is_started_again_at_the_same_address_with_its_orphans_gone(
    given: Given, make_service: MakeService, tmp_path: Path
) -> None:
    make_service("fake", "subprocess.Popen(['sleep', '300'])")
    async with Stack(tmp_path / "data", ports="auto", services=["fake"], given=given) as stack:
        process, url = stack.process("fake"), stack.urls["fake"]
        first = process.pid
        assert first is not None
        os.kill(first, 9)
        await until(lambda: process.pid not in (None, first))
        await process.wait_ready()
        assert (process.restarts, stack.urls["fake"]) == (1, url)
        told = read_run(stack.data)["services"]["fake"]
        assert (told["pid"], told["url"], told["restarts"]) == (process.pid, url, 1)
        assert len(of_run(stack.data)) == 2


async def test_a_database_server_that_dies_is_started_again(given: Given, make_service: MakeService, tmp_path: Path) -> None:
    make_service("fake")
    own = Given(given.kafka, "", topic_prefix=given.topic_prefix, database_suffix=given.database_suffix)
    said: list[tuple[str, str]] = []
    async with Stack(
        tmp_path / "data", ports="auto", services=["fake"], given=own, on_progress=lambda *line: said.append(line)
    ) as stack:
        assert stack.postgres is not None
        first = stack.postgres.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: stack.postgres is not None and stack.postgres.pid not in (None, first))
        await until(lambda: sum(line[0] == "postgres" and line[1].startswith("ready") for line in said) == 2)
        connection = await asyncpg.connect(stack.database("fake"))
        await connection.close()
    assert any("ended by itself" in line for name, line in said if name == "postgres")


async def test_a_broker_that_is_given_and_not_up_yet_is_waited_for(
    given: Given, make_service: MakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_service("fake")
    monkeypatch.setattr(stack_module, "PATIENCE", 1.0)
    away = Given("127.0.0.1:9", given.postgres_admin, database_suffix=given.database_suffix)
    said: list[tuple[str, str]] = []
    with pytest.raises(UserError, match="no broker answers there"):
        async with Stack(
            tmp_path / "data", ports="auto", services=["fake"], given=away, on_progress=lambda *line: said.append(line)
        ):
            pass
    assert any(name == "kafka" and "waiting up to 1 s" in line for name, line in said)


async def test_a_service_that_does_not_heed_sigterm_is_ended_by_force(
    given: Given, make_service: MakeService, tmp_path: Path
) -> None:
    make_service("deaf", "signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    async with Stack(tmp_path / "data", ports="auto", services=["deaf"], given=given) as stack:
        process = stack.process("deaf")
        await process.stop(grace=0.3)
        assert process.pid is None
        assert not of_run(stack.data)


async def test_a_service_that_cannot_start_ends_the_start_with_its_own_last_words(
    given: Given, make_service: MakeService, tmp_path: Path
) -> None:
    make_service("wrong", "sys.exit('PLATEN_SPEED=fast: must be a number')")
    make_service("fake")
    with pytest.raises(UserError, match=r"wrong ended 3 times before it was ready: PLATEN_SPEED=fast: must be a number"):
        async with Stack(tmp_path / "data", ports="auto", services=["fake", "wrong"], given=given):
            pass
    assert not of_run(tmp_path / "data")


async def test_a_wrong_setting_of_a_service_is_told_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATEN_CONSOLE_TOKEN", "short")
    said: list[tuple[str, str]] = []
    with pytest.raises(UserError, match=r"^console: PLATEN_CONSOLE_TOKEN: \(hidden\): it has 5 characters; allowed: "):
        async with Stack(tmp_path / "data", ports="auto", given=Given(), on_progress=lambda *line: said.append(line)):
            pass
    assert said == []
    assert not (tmp_path / "data" / "postgres").exists()


async def test_two_stacks_on_one_folder_are_refused(given: Given, make_service: MakeService, tmp_path: Path) -> None:
    make_service("fake")
    async with Stack(tmp_path / "data", ports="auto", services=["fake"], given=given) as stack:
        with pytest.raises(UserError, match=rf"is in use by another platen \(pid {os.getpid()}\); stop that one"):
            async with Stack(tmp_path / "data", ports="auto", services=["fake"], given=given):
                pass
        assert await is_ready(stack)


async def test_a_busy_fixed_port_is_one_line_with_the_remedy(
    given: Given, make_service: MakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_service("fake")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setattr("platen_cli.stack.stack.PORTS", {"fake": port, "kafka": port})
        with pytest.raises(UserError, match=f"port {port} for fake is busy; end what listens there or run with --ports auto"):
            async with Stack(tmp_path / "data", services=["fake"], given=given):
                pass


async def test_a_service_gets_the_shared_environment_and_never_the_admin_url(
    given: Given, make_service: MakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_service("fake")
    monkeypatch.setenv("PLATEN_POSTGRES_ADMIN", "postgresql:///secret")
    stack = Stack(
        tmp_path / "data",
        ports="auto",
        services=["fake"],
        given=given,
        extra_env={"A": "1", "PLATEN_LOG": "json"},
        env_of={"fake": {"B": "2", "PLATEN_INSTANCE": "mine"}},
    )
    seen = stack.environment("fake")
    assert seen["PLATEN_KAFKA"] == given.kafka
    assert seen["PLATEN_TOPIC_PREFIX"] == given.topic_prefix
    assert f"http://{seen['PLATEN_HTTP']}" == stack.urls["fake"]
    assert seen["PLATEN_OBJECTS"] == (tmp_path / "data" / "objects").as_uri()
    assert (seen["A"], seen["B"]) == ("1", "2")
    assert (seen["PLATEN_LOG"], seen["PLATEN_INSTANCE"]) == ("json", "mine"), "what is given for a service counts most"
    assert "PLATEN_POSTGRES_ADMIN" not in seen


def test_a_service_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="service nosuch: package platen_nosuch is not installed; known: sync, orders"):
        Stack(tmp_path, services=["nosuch"], given=Given())


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PLATEN_KAFKA", "localhost", "must be host:port"),
        ("PLATEN_POSTGRES_ADMIN", "sqlite:///x", "must look like postgresql://"),
        ("PLATEN_OBJECTS", "/folder", "must be file:///folder or s3://"),
        ("PLATEN_TOPIC_PREFIX", "a b", "only letters, digits"),
    ],
)
def test_a_wrong_setting_names_the_variable_the_value_and_what_is_allowed(name: str, value: str, allowed: str) -> None:
    with pytest.raises(UserError) as caught:
        Given.from_environment({name: value})
    assert str(caught.value).startswith(f"{name}={value}: {allowed}")


def test_the_pause_before_a_restart_doubles_up_to_half_a_minute() -> None:
    assert [pause_before_restart(deaths) for deaths in (1, 2, 3, 4, 7, 50)] == [0.5, 1, 2, 4, 30, 30]


def test_a_secret_reaches_only_the_services_that_need_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for secret in SECRETS:
        monkeypatch.setenv(secret, "postgresql://x" if secret == "PLATEN_POSTGRES_ADMIN" else "{}")
    stack = Stack(tmp_path, ports="auto", services=["sync", "orders", "dispatch"])
    seen = {name: {secret for secret in SECRETS if secret in stack.environment(name)} for name in stack.services}
    assert seen == {"sync": {"PLATEN_SHOP_SECRETS"}, "orders": set(), "dispatch": {"PLATEN_VENDOR_SECRETS"}}
