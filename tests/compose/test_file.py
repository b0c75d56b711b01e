"""What docker-compose.yml and the Dockerfile promise, as far as it can be read without an engine."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from platen_cli.demo.place import secrets
from platen_contracts.topics import SERVICES

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PARTS: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: part for name, part in PARTS.items() if "build" in part}
LASTING = (*SERVICES, "sandbox")
DEFAULTED = re.compile(r"\$\{(?P<name>\w+):-(?P<default>[^}]*)\}")


def environment(name: str) -> dict[str, str]:
    return {variable: str(value) for variable, value in PARTS[name].get("environment", {}).items()}


def test_every_service_of_the_catalogue_is_there_with_an_image_of_its_own() -> None:
    assert set(SERVICES) <= set(PARTS)
    images = [PARTS[name]["image"] for name in LASTING]
    assert len(set(images)) == len(images)


@pytest.mark.parametrize("name", PARTS)
def test_an_image_is_named_with_a_version(name: str) -> None:
    _, colon, version = PARTS[name]["image"].partition(":")
    assert colon
    assert "latest" not in version


@pytest.mark.parametrize("name", PARTS)
def test_ports_are_published_on_loopback_alone_and_can_be_moved(name: str) -> None:
    for port in PARTS[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\$\{PLATEN_PORT_\w+:-\d+\}:8080", port)
    assert "network_mode" not in PARTS[name]
    assert "privileged" not in PARTS[name]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_gets_every_setting_it_needs_and_none_that_it_does_not_know(name: str) -> None:
    fields = import_module(f"platen_{name}.settings").Settings.model_fields
    known = {f"PLATEN_{field.upper()}" for field in fields}
    needed = {f"PLATEN_{field.upper()}" for field, told in fields.items() if told.is_required()}
    assert needed <= set(environment(name)) <= known


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_a_role_and_a_database_of_its_own_with_the_password_that_set_up_gives_it(name: str) -> None:
    password = environment("setup")[f"PLATEN_PASSWORD_{name.upper()}"]
    assert environment(name)["PLATEN_DATABASE"] == f"postgresql://platen_{name}:{password}@postgres:5432/platen_{name}"
    others = [other for other in SERVICES if other != name and password in str(PARTS[other])]
    assert not others


@pytest.mark.parametrize("name", SERVICES)
def test_only_set_up_may_do_everything_in_the_database(name: str) -> None:
    assert "PLATEN_POSTGRES_ADMIN" in environment("setup")
    assert "PLATEN_PASSWORD_POSTGRES" not in str(PARTS[name])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_set_up_starts_again_and_is_asked_whether_it_is_ready(name: str) -> None:
    part = PARTS[name]
    assert part["depends_on"]["setup"]["condition"] == "service_completed_successfully"
    assert part["restart"] == "unless-stopped"
    assert "/ready" in part["healthcheck"]["test"][-1]
    assert part["healthcheck"]["start_interval"] == "2s"


@pytest.mark.parametrize("name", OURS)
def test_our_containers_stop_in_good_order_and_may_do_little(name: str) -> None:
    part = PARTS[name]
    assert part["init"] is True
    assert part["stop_grace_period"] == "45s"
    assert part["read_only"] is True
    assert part["cap_drop"] == ["ALL"]
    assert part["security_opt"] == ["no-new-privileges:true"]


def test_every_password_and_token_can_be_set_and_a_default_says_what_it_is() -> None:
    found = [
        it
        for it in DEFAULTED.finditer((ROOT / "docker-compose.yml").read_text())
        if it["default"] and ("PASSWORD" in it["name"] or "TOKEN" in it["name"])
    ]
    assert {it["name"] for it in found} == {
        *(f"PLATEN_PASSWORD_{name.upper()}" for name in (*SERVICES, "postgres")),
        "PLATEN_CONSOLE_TOKEN",
    }
    assert all(it["default"].startswith("dev-only-") for it in found)


def test_no_secret_of_a_shop_or_a_vendor_is_in_the_file() -> None:
    for name in SERVICES:
        for variable, value in environment(name).items():
            if variable.endswith("_SECRETS"):
                assert value == f"${{{variable}:-}}"


def test_the_sandbox_is_opened_by_the_secrets_that_the_demo_uses() -> None:
    lines = [line for line in (ROOT / "sandbox/compose.env").read_text().splitlines() if not line.startswith("#")]
    told = {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}
    for variable, value in secrets().items():
        assert json.loads(told[variable]) == json.loads(value)
    assert PARTS["sandbox"]["profiles"], "the sandbox comes only when asked for"


@pytest.mark.parametrize("name", OURS)
def test_an_image_is_built_from_a_package_of_this_repository(name: str) -> None:
    arguments = PARTS[name]["build"]["args"]
    declared = {path.parent: path.read_text() for path in ROOT.glob("*/pyproject.toml")} | {
        path.parent: path.read_text() for path in ROOT.glob("*/*/pyproject.toml")
    }
    folders = [folder for folder, text in declared.items() if f'name = "{arguments["PACKAGE"]}"' in text]
    assert len(folders) == 1
    assert (folders[0] / arguments["MODULE"] / "__main__.py").exists()


def test_images_run_as_an_unprivileged_user_and_need_no_frontend_from_a_registry() -> None:
    text = (ROOT / "Dockerfile").read_text()
    final = text.rpartition("\nFROM ")[2]
    assert "\nUSER 10001:10001\n" in final
    assert "\nSTOPSIGNAL SIGTERM\n" in final
    assert "\nHEALTHCHECK " in final
    assert "# syntax" not in text
    assert {line.split()[1] for line in text.splitlines() if line.startswith("FROM ")} == {"python:3.13-slim"}


def test_uv_in_the_images_is_the_one_that_everybody_uses() -> None:
    wanted = re.search(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    built = re.search(r"^ARG UV_VERSION=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert wanted is not None
    assert built is not None
    assert wanted[1] == built[1]
