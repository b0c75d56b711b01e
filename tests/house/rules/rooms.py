"""Rooms present and named (design section 4), and settings that say what they are."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from .source import announced, services

REQUIRED = ("main", "settings", "handlers", "decide", "model", "store")
WHERE_NEEDED = ("transitions", "web", "gateway", "poll", "worker")
BESIDE_ROOMS = ("__init__", "__main__")
FOLDERS = ("migrations", "templates", "static")
"""What a package may hold beside rooms: its database's history, and what a web room serves."""


def rooms_are_present_and_named(root: Path) -> list[str]:
    """Every service has the same rooms with the same names, and nothing else."""
    faults: list[str] = []
    for service in services(root):
        here = service.package.relative_to(root)
        if service.package.name != f"platen_{service.name}":
            faults.append(f"{here}: is called otherwise than its folder; platen_{service.name} is expected")
        rooms = {module.room for module in service.modules} - {""}
        faults += [f"{here}: has no room `{room}`" for room in REQUIRED if room not in rooms]
        faults += [f"{here}: has no `migrations`" for _ in [0] if not (service.package / "migrations").is_dir()]
        faults += [f"{here}: has no `__main__`" for _ in [0] if not (service.package / "__main__.py").is_file()]
        faults += [
            f"{here}/{room}: is no room of the house; put it into one of {', '.join((*REQUIRED, *WHERE_NEEDED))}"
            for room in sorted(rooms - {*REQUIRED, *WHERE_NEEDED})
        ]
        faults += _odd_folders(service.package, here)
    return faults


def _odd_folders(package: Path, here: Path) -> list[str]:
    known = {*REQUIRED, *WHERE_NEEDED, *FOLDERS, "__pycache__"}
    return [
        f"{here}/{folder.name}: is neither a room nor one of {', '.join(FOLDERS)}"
        for folder in sorted(package.iterdir())
        if folder.is_dir() and folder.name not in known and not any(folder.rglob("*.py"))
    ]


def unbuilt_services(root: Path) -> list[str]:
    """Services that have a place in the house and no code yet. Not a fault, but never passed over in silence."""
    return [service.name for service in announced(root) if not service.is_begun]


def variables_are_documented(settings: type[BaseModel]) -> list[str]:
    """Every setting says what it is and what is allowed; the text is shown to whoever gets it wrong."""
    return [
        f"{settings.__module__}.{settings.__name__}.{name}: has no description"
        for name, field in settings.model_fields.items()
        if not field.description
    ]
