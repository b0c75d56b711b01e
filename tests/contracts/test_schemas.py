import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from platen_contracts import generate
from platen_contracts.generate import EXAMPLES, SCHEMAS, problems, schema_files
from platen_contracts.topics import MESSAGES

from .committed import committed
from .schema_diff import breaking_changes


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SCHEMAS, tmp_path / "schemas"))


def test_every_message_version_has_its_schema_and_every_schema_its_message() -> None:
    assert problems() == []
    assert len(list(SCHEMAS.glob("*.json"))) == len(MESSAGES)


def test_a_message_without_a_schema_is_reported(schemas: Path) -> None:
    (schemas / "orders.Send.v1.json").unlink()
    assert problems(schemas) == ["schemas/orders.Send.v1.json: missing; run `python -m platen_contracts.generate`"]


def test_a_schema_without_a_message_is_reported(schemas: Path) -> None:
    (schemas / "orders.Teleport.v1.json").write_text("{}")
    assert [line for line in problems(schemas) if line.startswith("schemas/orders.Teleport.v1.json: no message")]


def test_a_schema_that_is_out_of_date_is_reported(schemas: Path) -> None:
    (schemas / "orders.Send.v1.json").write_text("{}")
    assert problems(schemas) == ["schemas/orders.Send.v1.json: out of date; run `python -m platen_contracts.generate`"]


def test_the_command_checks_without_writing_and_writes_when_asked(
    schemas: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate.write, "__defaults__", (schemas,))
    monkeypatch.setattr(generate.problems, "__defaults__", (schemas,))
    (schemas / "orders.Send.v1.json").write_text("{}")
    assert generate.main(["--check"]) == 1
    assert (schemas / "orders.Send.v1.json").read_text() == "{}"
    assert "orders.Send.v1.json: out of date" in capsys.readouterr().err
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


@pytest.mark.parametrize("name", sorted(schema_files()))
def test_a_schema_is_a_valid_json_schema_that_knows_no_null(name: str) -> None:
    text = schema_files()[name]
    Draft202012Validator.check_schema(json.loads(text))
    assert '"null"' not in text
    assert ": null" not in text


def test_nothing_breaks_who_reads_what_was_committed() -> None:
    now = schema_files()
    found = [
        f"{name}: {change}; give the message a new version beside this one"
        for name, text in committed("schemas").items()
        for change in (breaking_changes(json.loads(text), json.loads(now[name])) if name in now else ["removed"])
    ]
    assert found == []


def test_committed_examples_are_never_edited_or_removed() -> None:
    now = {path.relative_to(EXAMPLES).as_posix(): path.read_text("utf-8") for path in EXAMPLES.rglob("*.json")}
    changed = [name for name, text in committed("examples").items() if now.get(name) != text]
    assert changed == [], "such records are in topics already: add an example instead"


def test_an_unknown_base_is_an_error_and_not_an_empty_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    if not any((parent / ".git").exists() for parent in SCHEMAS.parents):
        pytest.skip("not a git checkout")
    monkeypatch.setenv("PLATEN_CONTRACTS_BASE", "no-such-release")
    with pytest.raises(subprocess.CalledProcessError):
        committed("schemas")


def found_uv() -> str | None:
    """The one that runs this, which says where it is: `make` keeps its own off PATH."""
    return os.environ.get("UV") or shutil.which("uv")


def test_the_uv_that_runs_the_tests_is_found_though_it_is_not_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("UV", "/house/.tools/uv/bin/uv")
    assert found_uv() == "/house/.tools/uv/bin/uv"
    monkeypatch.delenv("UV")
    assert found_uv() is None


def test_schemas_and_examples_are_part_of_the_wheel(tmp_path: Path) -> None:
    uv = found_uv()
    if uv is None:
        pytest.skip("uv neither runs this nor is on PATH")
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", str(tmp_path), str(SCHEMAS.parents[1])], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".json")}
    assert packed == {path.relative_to(SCHEMAS.parents[1]).as_posix() for path in SCHEMAS.parent.rglob("*.json")}
