"""What the service says of its settings, before anything starts."""

from pathlib import Path

import pytest
from platen_messaging.settings import load
from platen_render.main import build
from platen_render.settings import Settings

GIVEN = {
    "PLATEN_KAFKA": "localhost:9092",
    "PLATEN_DATABASE": "postgresql://render@localhost/render",
    "PLATEN_OBJECTS": "file:///srv/files",
    "PLATEN_FILES_URL": "https://files.example.com/",
}


@pytest.fixture(autouse=True)
def given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"PLATEN_{name.upper()}", raising=False)
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)


def test_what_is_given_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    settings = load(Settings)
    assert (settings.files_url, settings.render_workers, settings.render_time_limit_s) == ("https://files.example.com", 1, 60)


def test_a_core_is_left_for_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert load(Settings).render_workers == 7


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLATEN_OBJECTS", ""),
        ("PLATEN_FILES_URL", ""),
        ("PLATEN_FILES_URL", "files.example.com"),
        ("PLATEN_FILES_URL", "https://files.example.com/?a=1"),
        ("PLATEN_RENDER_WORKERS", "0"),
        ("PLATEN_RENDER_TIME_LIMIT_S", "-1"),
        ("PLATEN_RENDER_MEMORY_MB", "10"),
        ("PLATEN_FILE_RETENTION_DAYS", "-1"),
        ("PLATEN_PHOTO_HOSTS", "a b"),
        ("PLATEN_PHOTO_HOSTS", "ftp://host"),
    ],
)
def test_a_wrong_setting_is_named_on_one_line(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        load(Settings)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(name)
    assert value in line
    assert "allowed: " in line


def test_hosts_of_photos_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATEN_PHOTO_HOSTS", "cdn.example.com, *.uploads.example,http://127.0.0.1:8190")
    assert load(Settings).photo_hosts == ["cdn.example.com", "*.uploads.example", "http://127.0.0.1:8190"]


def test_a_short_key_for_tickets_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLATEN_RENDER_TICKET_KEY", "hunter2")
    with pytest.raises(SystemExit):
        load(Settings)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("PLATEN_RENDER_TICKET_KEY: (hidden): it has fewer than 32 characters")
    assert "hunter2" not in line


def test_an_object_store_that_cannot_be_opened_ends_the_start_on_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PLATEN_OBJECTS", f"file://{tmp_path}/file/under")
    with pytest.raises(SystemExit, match=r"^PLATEN_OBJECTS: .*; give a folder that may be written to, or a bucket$"):
        build(load(Settings))


def test_every_variable_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
