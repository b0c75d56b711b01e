from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from platen_contracts.topics import CATALOGUE

Plant = Callable[[str, str], Path]

ROOMS = ("settings", "decide", "model", "store")
READS = sorted(topic.name for topic in CATALOGUE.values() if "render" in topic.readers)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small house without a fault: the libraries, a sandbox, and one service, `render`."""
    for package in ("libs/contracts/platen_contracts", "libs/messaging/platen_messaging", "sandbox/platen_sandbox"):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text("")
        (tmp_path / package).with_name("pyproject.toml").write_text('[project]\ndependencies = ["pydantic>=2"]\n')
    service = tmp_path / "services/render/platen_render"
    (service / "migrations/versions").mkdir(parents=True)
    (service / "migrations/env.py").write_text("from alembic import context\n")
    service.with_name("pyproject.toml").write_text('[project]\ndependencies = ["platen-contracts", "platen-messaging"]\n')
    for room in ("__init__", *ROOMS):
        (service / f"{room}.py").write_text("")
    (service / "__main__.py").write_text("from .main import main\n\nmain()\n")
    (service / "main.py").write_text(
        f"from platen_messaging.lane import Lane\n\nTOPICS = {READS[1:]!r}\nLane('requests', ({READS[0]!r}, *TOPICS), {{}})\n"
    )
    (service / "handlers.py").write_text(
        "from platen_messaging.outcome import Outgoing\n\n\ndef told(key: str) -> Outgoing:\n"
        "    return Outgoing('render.results', key, None, key)\n"
    )
    return tmp_path


@pytest.fixture
def plant(house: Path) -> Plant:
    """Writes a file below the service's package, or below the root if its path begins with a house's folder; returns the root."""

    def planted(name: str, text: str) -> Path:
        places = ("libs/", "sandbox/", "services/")
        path = house / name if name.startswith(places) else house / "services/render/platen_render" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return house

    return planted
