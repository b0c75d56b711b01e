import shutil
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from .conftest import Plant
from .rules import rooms_are_present_and_named, services, unbuilt_services, variables_are_documented


def test_a_house_in_order_has_no_fault(house: Path) -> None:
    assert rooms_are_present_and_named(house) == []
    assert [service.name for service in services(house)] == ["render"]


@pytest.mark.parametrize("room", ["main", "settings", "handlers", "decide", "model", "store"])
def test_a_missing_room_is_named(house: Path, room: str) -> None:
    (house / f"services/render/platen_render/{room}.py").unlink()
    assert rooms_are_present_and_named(house) == [f"services/render/platen_render: has no room `{room}`"]


def test_a_room_may_be_a_package(plant: Plant) -> None:
    (plant("decide/rules.py", "") / "services/render/platen_render/decide.py").unlink()
    house = plant("decide/__init__.py", "")
    assert rooms_are_present_and_named(house) == []


@pytest.mark.parametrize("name", ["helpers.py", "utils/tricks.py"])
def test_a_module_beside_the_rooms_is_named(plant: Plant, name: str) -> None:
    (fault,) = rooms_are_present_and_named(plant(name, ""))
    room = name.removesuffix(".py").split("/")[0]
    assert fault.startswith(f"services/render/platen_render/{room}: is no room of the house; put it into one of main, settings")


def test_missing_migrations_and_main_are_named(house: Path) -> None:
    shutil.rmtree(house / "services/render/platen_render/migrations")
    (house / "services/render/platen_render/__main__.py").unlink()
    assert rooms_are_present_and_named(house) == [
        "services/render/platen_render: has no `migrations`",
        "services/render/platen_render: has no `__main__`",
    ]


def test_a_package_that_is_called_otherwise_than_its_folder_is_named(house: Path) -> None:
    (house / "services/render").rename(house / "services/press")
    assert rooms_are_present_and_named(house) == [
        "services/press/platen_render: is called otherwise than its folder; platen_press is expected"
    ]


def test_templates_have_a_place_and_other_folders_do_not(plant: Plant) -> None:
    assert rooms_are_present_and_named(plant("templates/order.html", "")) == []
    (fault,) = rooms_are_present_and_named(plant("stuff/order.html", ""))
    assert fault.startswith("services/render/platen_render/stuff: is neither a room nor one of")


def test_a_service_without_code_is_told_and_one_with_a_single_room_is_held_to_the_rule(plant: Plant) -> None:
    house = plant("services/console/platen_console/__init__.py", "")
    assert unbuilt_services(house) == ["console"]
    assert rooms_are_present_and_named(house) == []
    plant("services/console/platen_console/web.py", "")
    assert unbuilt_services(house) == []
    assert "services/console/platen_console: has no room `main`" in rooms_are_present_and_named(house)


def test_a_variable_without_a_description_is_named() -> None:
    class Settings(BaseModel):
        kafka: str = Field(description="bootstrap brokers")
        workers: int = 2

    (fault,) = variables_are_documented(Settings)
    assert fault.endswith("Settings.workers: has no description")
