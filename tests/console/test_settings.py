"""Who may reach the console is settled before it listens."""

from __future__ import annotations

import pytest
from platen_console.settings import Settings, is_loopback
from platen_messaging.settings import load

TOKEN = "a-token-of-24-characters"


def _environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    monkeypatch.delenv("PLATEN_CONSOLE_TOKEN", raising=False)
    monkeypatch.delenv("PLATEN_CONSOLE_ADMIN_TOKEN", raising=False)
    given = {"KAFKA": "127.0.0.1:9092", "DATABASE": "postgresql://u@h/d", **values}
    for name, value in given.items():
        monkeypatch.setenv(f"PLATEN_{name}", value)


@pytest.mark.parametrize("http", ["127.0.0.1:0", "localhost:8100", "[::1]:8100", "127.1.2.3:80"])
def test_on_loopback_no_token_is_needed(monkeypatch: pytest.MonkeyPatch, http: str) -> None:
    _environment(monkeypatch, HTTP=http)
    assert load(Settings).tokens == {}


@pytest.mark.parametrize("http", ["0.0.0.0:8100", "[::]:8100", "10.0.0.4:8100", "console.example:8100"])
def test_beyond_loopback_it_refuses_to_start_without_a_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], http: str
) -> None:
    _environment(monkeypatch, HTTP=http)
    with pytest.raises(SystemExit, match="2"):
        load(Settings)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("PLATEN_CONSOLE_TOKEN: ")
    assert f"PLATEN_HTTP={http}" in line
    assert "at least 16 characters" in line


def test_with_a_token_it_listens_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    _environment(monkeypatch, HTTP="0.0.0.0:8100", CONSOLE_TOKEN=TOKEN)
    settings = load(Settings)
    assert settings.tokens == {"operator": TOKEN}
    assert TOKEN not in repr(settings)


def test_a_short_token_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _environment(monkeypatch, CONSOLE_TOKEN="hunter2")
    with pytest.raises(SystemExit, match="2"):
        load(Settings)
    said = capsys.readouterr().err
    assert "7 characters" in said
    assert "hunter2" not in said


def test_admins_have_a_token_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    _environment(monkeypatch, CONSOLE_TOKEN=TOKEN, CONSOLE_ADMIN_TOKEN=TOKEN[::-1])
    assert load(Settings).tokens == {"operator": TOKEN, "admin": TOKEN[::-1]}


@pytest.mark.parametrize(
    ("operators", "admins", "reason"),
    [
        ("", TOKEN, "it is set without PLATEN_CONSOLE_TOKEN"),
        (TOKEN, TOKEN, "it is the same as PLATEN_CONSOLE_TOKEN"),
        (TOKEN, "hunter2", "it has 7 characters"),
    ],
)
def test_an_admin_token_that_guards_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], operators: str, admins: str, reason: str
) -> None:
    _environment(monkeypatch, CONSOLE_TOKEN=operators, CONSOLE_ADMIN_TOKEN=admins)
    with pytest.raises(SystemExit, match="2"):
        load(Settings)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("PLATEN_CONSOLE_ADMIN_TOKEN: ")
    assert reason in line
    assert admins not in line


def test_names_that_only_look_local_are_not_loopback() -> None:
    assert not any(map(is_loopback, ["localhost.evil.example", "127.0.0.1.evil.example", "", "0.0.0.0"]))
