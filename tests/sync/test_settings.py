"""What sync reads from its environment."""

import pytest
from platen_messaging.settings import load
from platen_sync.settings import Settings


@pytest.fixture(autouse=True)
def required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATEN_KAFKA", "127.0.0.1:9092")
    monkeypatch.setenv("PLATEN_DATABASE", "postgresql:///sync?host=/tmp&user=sync")


def test_secrets_are_read_by_shop_with_one_webhook_secret_or_two(monkeypatch: pytest.MonkeyPatch) -> None:
    a = '{"key": "k", "secret": "s", "webhook_secret": "w"}'
    b = '{"key": "k", "secret": "s", "webhook_secret": ["new", "old"]}'
    monkeypatch.setenv("PLATEN_SHOP_SECRETS", f'{{"a": {a}, "b": {b}}}')
    secrets = load(Settings).shop_secrets
    assert secrets["a"].webhook_secrets == ["w"]
    assert secrets["b"].webhook_secrets == ["new", "old"]
    assert "'s'" not in repr(secrets)


@pytest.mark.parametrize("value", ["not json", '{"a": {"key": "topsecret"}}', '{"a": {"key": "topsecret", "secret": 5, "x": 1}}'])
def test_wrong_secrets_stop_it_with_the_name_and_what_is_allowed_but_not_the_value(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLATEN_SHOP_SECRETS", value)
    with pytest.raises(SystemExit) as stopped:
        load(Settings)
    told = capsys.readouterr().err
    assert stopped.value.code == 2
    assert "PLATEN_SHOP_SECRETS" in told
    assert "webhook_secret" in told
    assert "topsecret" not in told
