"""The rules, held against this repository. What each of them finds is tested beside."""

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from platen_contracts import topics
from platen_messaging.handlers import Handlers

from . import rules

ROOT = Path(__file__).parents[2]
SERVICES = [service.name for service in rules.services(ROOT)]


@pytest.mark.parametrize(
    "rule",
    [
        rules.rooms_are_present_and_named,
        rules.catalogue_equals_code,
        rules.handlers_never_publish,
        rules.one_transaction_boundary,
        rules.clock_and_ids_come_in,
        rules.contracts_import_pydantic_alone,
        rules.sandbox_imports_none_of_ours,
        rules.imports_are_declared,
    ],
    ids=lambda rule: rule.__name__,
)
def test_the_house_keeps_the_rule(rule: Callable[[Path], list[str]]) -> None:
    assert rule(ROOT) == []


@pytest.mark.parametrize("path", rules.OWN_TRANSACTIONS)
def test_an_exception_to_the_transaction_boundary_is_still_needed_and_sends_nothing(path: str) -> None:
    code = (ROOT / path).read_text("utf-8")
    assert ".begin()" in code
    assert "outbox" not in code
    assert "Outgoing" not in code


def test_every_service_of_the_catalogue_has_code() -> None:
    unbuilt = rules.unbuilt_services(ROOT)
    assert {*SERVICES, *unbuilt} == set(topics.SERVICES)
    if unbuilt:
        pytest.skip(f"no code yet, and so held to no rule: {', '.join(unbuilt)}")


def decided(service: str) -> set[str]:
    """The types of every message in a service's tables."""
    handlers = importlib.import_module(f"platen_{service}.handlers")
    tables = [value for value in vars(handlers).values() if isinstance(value, Handlers)]
    return {name for table in tables for name in table.types}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_decides_what_it_is_asked_and_nothing_that_it_does_not_read(service: str) -> None:
    types = decided(service)
    assert types
    assert rules.every_command_has_a_handler(service, types) == []
    assert rules.handlers_match_topics(service, types) == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_of_a_service_is_documented(service: str) -> None:
    settings = importlib.import_module(f"platen_{service}.settings").Settings
    assert rules.variables_are_documented(settings) == []


def test_imports_flow_one_way() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    told = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout
