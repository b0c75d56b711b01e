"""What a wrong setting is told with."""

from __future__ import annotations

import pytest
from platen_messaging.databases import database_url
from platen_messaging.settings import ServiceSettings, load
from pydantic import Field, SecretStr

GOOD = {"PLATEN_KAFKA": "h:9092", "PLATEN_DATABASE": "postgresql://h/d"}


class Own(ServiceSettings):
    vendor_secrets: dict[str, SecretStr] = Field(default_factory=dict[str, SecretStr], description="JSON {vendor: token}")
    workers: int = Field(default=1, ge=1, description="how many draw at once, 1 or more")


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    with pytest.raises(SystemExit) as stopped:
        load(Own)
    assert stopped.value.code == 2
    return capsys.readouterr().err.splitlines()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in os.environ:
        if name.startswith("PLATEN_"):
            monkeypatch.delenv(name)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def test_good_settings_are_read() -> None:
    settings = load(Own)
    assert settings.kafka == "h:9092"
    assert settings.http_address == ("127.0.0.1", 0)
    assert settings.group("orders", "facts") == "orders.facts"


def test_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATEN_INSTANCE", "")
    monkeypatch.setenv("PLATEN_OBJECTS", "")
    settings = load(Own)
    assert settings.instance is None
    assert settings.objects is None


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("PLATEN_KAFKA", "h", "PLATEN_KAFKA: 'h': it is not host:port; allowed: bootstrap brokers"),
        ("PLATEN_KAFKA", "a:1,b:99999", "PLATEN_KAFKA: 'a:1,b:99999': it is not host:port; allowed: bootstrap brokers"),
        ("PLATEN_KAFKA", "http://h:1", "PLATEN_KAFKA: 'http://h:1': it is not host:port; allowed: bootstrap brokers"),
        ("PLATEN_KAFKA", "::1:1", "PLATEN_KAFKA: '::1:1': it is not host:port; allowed: bootstrap brokers"),
        ("PLATEN_HTTP", "8080", "PLATEN_HTTP: '8080': it is not host:port; allowed: host:port to listen on"),
        ("PLATEN_DATABASE", "postgresql://h", "PLATEN_DATABASE: 'postgresql://h': it names no database after the host; allowed"),
        ("PLATEN_DATABASE", "x y", "PLATEN_DATABASE: 'x y': it is not an address like postgresql://"),
        (
            "PLATEN_OBJECTS",
            "/tmp",
            "PLATEN_OBJECTS: '/tmp': it begins neither with file:/// nor with s3://; allowed: where",
        ),
        ("PLATEN_LOG", "xml", "PLATEN_LOG: 'xml': Input should be 'json' or 'text'; allowed: how log lines look"),
        ("PLATEN_TOPIC_PREFIX", "a b", "PLATEN_TOPIC_PREFIX: 'a b': String should match pattern"),
        (
            "PLATEN_WORKERS",
            "0",
            "PLATEN_WORKERS: '0': Input should be greater than or equal to 1; allowed: how many draw",
        ),
    ],
)
def test_a_wrong_value_is_told_on_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, line: str
) -> None:
    monkeypatch.setenv(name, value)
    (told,) = lines(capsys)
    assert told.startswith(line)


def test_every_wrong_variable_has_its_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("PLATEN_KAFKA")
    monkeypatch.setenv("PLATEN_HTTP", "x")
    assert [line.split(":")[0].split(" ")[0] for line in lines(capsys)] == ["PLATEN_KAFKA", "PLATEN_HTTP"]


@pytest.mark.parametrize("value", ["{not json", '{"a": 5}', '["hush"]'])
def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str) -> None:
    monkeypatch.setenv("PLATEN_VENDOR_SECRETS", value)
    (told,) = lines(capsys)
    assert told.startswith("PLATEN_VENDOR_SECRETS")
    assert "(hidden)" in told
    assert told.endswith("allowed: JSON {vendor: token}")
    assert value not in told


def test_a_socket_folder_and_a_role_may_be_given() -> None:
    url = database_url("postgresql:///orders?host=/run/pg&user=platen_orders")
    assert url.drivername == "postgresql+asyncpg"
    assert dict(url.query) == {"host": "/run/pg", "user": "platen_orders"}
