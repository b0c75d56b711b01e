"""The `platen` command as a user runs it, with a broker and a cluster of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from platen_cli.commands.status import reasons
from platen_messaging.health import Health

from .conftest import MakeService, of_run, wait_for


def platen(*words: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "platen_cli", *words], capture_output=True, text=True, timeout=60, check=False)


def start_up(data: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """`platen up` of the service `fake`, and the file with what it prints."""
    out = data.with_suffix(".out")
    words = ["up", "--data", str(data), "--ports", "auto", "--service", "fake"]
    with out.open("wb") as printed:
        process = subprocess.Popen([sys.executable, "-m", "platen_cli", *words], stdout=printed, stderr=subprocess.STDOUT)
    return process, out


def wait_up(process: subprocess.Popen[bytes], out: Path) -> None:
    """A broker alone may take most of a minute on a busy machine; whatever takes too long, the command ends for itself."""
    wait_for(lambda: "Ctrl-C stops" in out.read_text() or process.poll() is not None, 180)
    assert process.poll() is None, out.read_text()


@pytest.mark.timeout(600)
def test_up_serves_survives_kill_and_stops_clean_and_reset_clears(make_service: MakeService, tmp_path: Path) -> None:
    make_service("fake")
    data = tmp_path / "data"
    first, out = start_up(data)
    try:
        wait_up(first, out)
        _status_tells_all(data)
        second = platen("up", "--data", str(data), "--ports", "auto", "--service", "fake")
        assert (second.returncode, second.stderr.count("\n")) == (2, 1)
        assert f"in use by another platen (pid {first.pid})" in second.stderr
        refused = platen("reset", "--data", str(data))
        assert (refused.returncode, data.exists()) == (2, True)
    finally:
        first.kill()
        first.wait()

    again, out = start_up(data)
    try:
        wait_up(again, out)
        described = platen("topics", "describe", "--data", str(data))
        assert described.returncode == 0, described.stderr
        assert "orders.status" in described.stdout
        again.send_signal(signal.SIGINT)
        assert again.wait(90) == 0, out.read_text()
    finally:
        again.kill()
        again.wait()
    assert not of_run(data)
    # The topics had outlived the kill of the first run.
    assert "0 of them made or corrected" in out.read_text()

    assert platen("status", "--data", str(data)).returncode == 2
    assert platen("reset", "--data", str(data)).returncode == 0
    assert not data.exists()


def test_reset_clears_the_sandbox_of_a_demo_too_and_leaves_what_no_run_made(tmp_path: Path) -> None:
    for name in ("sandbox.jsonl", "mine.txt"):
        (tmp_path / name).touch()
    assert platen("reset", "--data", str(tmp_path)).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def _status_tells_all(data: Path) -> None:
    status = platen("status", "--data", str(data), "--json")
    assert status.returncode == 0, status.stderr
    seen = json.loads(status.stdout)
    assert seen["services"]["fake"]["ready"] is True
    assert seen["services"]["fake"]["restarts"] == 0
    assert seen["kafka"]["own"] is True
    assert seen["kafka"]["problem"] == ""
    shown = platen("status", "--data", str(data))
    assert "fake" in shown.stdout
    assert seen["services"]["fake"]["url"] in shown.stdout


def test_status_tells_every_reason_whole_with_its_remedy() -> None:
    health, long = Health(), "no such topic: " + ", ".join(f"orders.topic-{number}" for number in range(20))
    health.set("lane facts", long, "create the topics of the catalogue")
    health.set("relay", "Kafka is away")
    assert (
        reasons(json.dumps(health.as_json())) == f"lane facts: {long}; create the topics of the catalogue\nrelay: Kafka is away"
    )
    assert reasons("<h1>Bad\nGateway</h1>") == "<h1>Bad Gateway</h1>"
    assert reasons('{"reasons": [1]}') == '{"reasons": [1]}'


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("status",), "nothing runs in"),
        (("setup",), "PLATEN_KAFKA is not set"),
        (("topics", "describe"), "nothing runs in"),
        (("up", "--service", "nosuch"), "package platen_nosuch is not installed"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(
    words: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATEN_DATA", str(tmp_path / "none"))
    for name in ("PLATEN_KAFKA", "PLATEN_POSTGRES_ADMIN"):
        monkeypatch.delenv(name, raising=False)
    done = platen(*words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("platen: ")
    assert told in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("lanes", "resume"), "Missing argument 'sync|orders|render|dispatch|tracking|console'"),
        (("outbox", "retry"), "Missing argument 'sync|orders|render|dispatch|tracking|console'"),
        (("topics", "rebuild"), "Missing argument 'orders.status|orders.history|orders.private'"),
    ],
)
def test_what_may_stand_for_a_missing_argument_is_told(words: tuple[str, ...], told: str) -> None:
    assert told in platen(*words).stderr


def test_setup_provisions_a_given_broker_and_cluster(
    kafka_bootstrap: str, postgres_admin_url: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATEN_KAFKA", kafka_bootstrap)
    monkeypatch.setenv("PLATEN_POSTGRES_ADMIN", postgres_admin_url)
    monkeypatch.setenv("PLATEN_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setenv("PLATEN_PASSWORD_ORDERS", "s3same")
    first, second = platen("setup"), platen("setup")
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert f"{topic_prefix}orders.status: created" in first.stdout
    assert "unchanged" in second.stdout
    assert "platen_orders with a password" in first.stdout
    assert "s3same" not in first.stdout + first.stderr
