import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from .conftest import Plant
from .rules import contracts_import_pydantic_alone, imports_are_declared, sandbox_imports_none_of_ours

ROOT = Path(__file__).parents[2]
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]


def test_a_house_in_order_has_no_fault(house: Path) -> None:
    assert contracts_import_pydantic_alone(house) == []
    assert sandbox_imports_none_of_ours(house) == []
    assert imports_are_declared(house) == []


@pytest.mark.parametrize("line", ["import msgspec", "from sqlalchemy import text", "from platen_messaging import lane"])
def test_contracts_that_need_more_than_pydantic_are_named(plant: Plant, line: str) -> None:
    (told,) = contracts_import_pydantic_alone(plant("libs/contracts/platen_contracts/orders.py", f"import json\n{line}\n"))
    assert told == f"libs/contracts/platen_contracts/orders.py:2: imports {line.split()[1]}; the contracts need pydantic alone"


def test_a_sandbox_that_borrows_from_an_adapter_is_named(plant: Plant) -> None:
    plant("sandbox/platen_sandbox/world.py", "from platen_sandbox import clock\nfrom .vendor import rules\n")
    house = plant("sandbox/platen_sandbox/vendor/rules.py", "from platen_vendors.model import external_id\n")
    assert sandbox_imports_none_of_ours(house) == [
        "sandbox/platen_sandbox/vendor/rules.py:1: imports platen_vendors.model; the sandbox shares no code with what it tests"
    ]


def test_an_import_that_is_not_declared_is_named_and_what_a_library_of_the_house_brings_is_not(plant: Plant) -> None:
    house = plant(
        "gateway.py", "import json\n\nimport pydantic\nimport httpx\nfrom platen_messaging import lane\nfrom .model import X\n"
    )
    assert imports_are_declared(house) == [
        "services/render/platen_render/gateway.py:4: imports httpx; declare it in services/render/pyproject.toml"
    ]
    plant(
        "services/render/pyproject.toml",
        '[project]\ndependencies = ["platen-contracts", "platen-messaging", "httpx[http2]>=0.28"]\n',
    )
    assert imports_are_declared(house) == []


def test_a_distribution_that_is_called_otherwise_than_its_module_is_known(plant: Plant) -> None:
    plant("services/render/pyproject.toml", '[project]\ndependencies = ["platen-messaging", "PyYAML"]\n')
    assert imports_are_declared(plant("gateway.py", "import yaml\n")) == []


def lint(house: Path, contract: str) -> tuple[bool, str]:
    """Holds a contract of this repository against a house that holds only what was put into it: (kept?, words)."""
    (house / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text("utf-8"))
    for package in LINTER["root_packages"]:
        put(house, f"{package}.__init__")
    put(house, "platen_outside.failures", "import httpx\n")
    told = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--contract", contract],
        cwd=house, env={"PYTHONPATH": str(house)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert re.search(r"Contracts: (1 kept, 0 broken|0 kept, 1 broken)", told.stdout), told.stdout + told.stderr
    return told.returncode == 0, told.stdout


ROOMS = ("main", "handlers", "poll", "worker", "web", "store", "gateway", "decide", "transitions", "model", "settings")


def put(house: Path, module: str, text: str = "") -> None:
    path = house / f"{module.replace('.', '/')}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("contract", "module", "imported"),
    [
        ("house", "platen_orders.gateway", "platen_sync.gateway"),
        ("house", "platen_console.web", "platen_orders.model"),
        ("house", "platen_messaging.desk", "platen_orders.decide"),
        ("house", "platen_contracts.topics", "platen_outside.retry"),
        ("house", "platen_vendors.model", "platen_messaging.desk"),
        ("house", "platen_orders.worker", "platen_cli.main"),
        ("rooms", "platen_orders.store", "platen_orders.handlers"),
        ("rooms", "platen_orders.store", "platen_orders.gateway"),
        ("rooms", "platen_orders.gateway", "platen_orders.store"),
        ("rooms", "platen_orders.decide", "platen_orders.store"),
        ("rooms", "platen_sync.decide", "platen_sync.gateway"),
        ("rooms", "platen_orders.model", "platen_orders.transitions"),
        ("rooms", "platen_orders.transitions", "platen_orders.decide"),
        ("rooms", "platen_render.worker", "platen_render.main"),
        ("rooms", "platen_render.handlers", "platen_render.web"),
        ("pure", "platen_orders.decide", "sqlalchemy"),
        ("pure", "platen_sync.model", "httpx"),
        ("pure", "platen_orders.transitions", "faststream"),
        ("port", "platen_messaging.relay", "aiokafka"),
        ("port", "platen_messaging.member", "faststream"),
        ("sandbox", "platen_sandbox.vendor", "platen_vendors.model"),
    ],
)
def test_an_import_against_the_flow_is_named(tmp_path: Path, contract: str, module: str, imported: str) -> None:
    if imported.startswith("platen_"):
        put(tmp_path, imported)
    put(tmp_path, module, f"import {imported}\n")
    kept, told = lint(tmp_path, contract)
    assert not kept
    assert f"{module} -> {imported}" in told


def test_a_rule_that_reaches_the_database_through_others_is_named(tmp_path: Path) -> None:
    put(tmp_path, "platen_messaging.tables", "import sqlalchemy\n")
    put(tmp_path, "platen_orders.decide.facts", "import platen_messaging.tables\n")
    put(tmp_path, "platen_orders.decide.__init__")
    kept, told = lint(tmp_path, "pure")
    assert not kept
    assert "platen_messaging.tables -> sqlalchemy" in told


@pytest.mark.parametrize("contract", [each["id"] for each in LINTER["contracts"]])
def test_a_house_in_order_is_let_through(tmp_path: Path, contract: str) -> None:
    for number, room in enumerate(ROOMS):
        below = [other for other in ROOMS[number + 1 :] if (room, other) not in INDEPENDENT]
        put(tmp_path, f"platen_orders.{room}", "".join(f"import platen_orders.{other}\n" for other in below))
    put(tmp_path, "platen_vendors.model", "import platen_outside\nimport platen_contracts\n")
    kept, told = lint(tmp_path, contract)
    assert kept, told


INDEPENDENT = {
    *((room, other) for room in ("handlers", "poll", "worker", "web") for other in ("poll", "worker", "web")),
    ("store", "gateway"),
}
