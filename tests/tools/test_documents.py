import io
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from platen_cli import documents
from platen_cli.documents.artworks_page import PARTS
from platen_cli.documents.pages import between
from platen_cli.documents.pictures import FOLDER, alike, pictures
from platen_cli.errors import UserError
from platen_cli.main import app
from platen_contracts.topics import CATALOGUE, MESSAGES, SERVICES
from typer.testing import CliRunner

ROOT = Path(__file__).parents[2]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "README.md").write_text("# Platen\n<!-- flow -->\nold\n<!-- /flow -->\nThe end.\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/operations.md").write_text("# Operations\n<!-- settings -->\n<!-- /settings -->\n")
    (tmp_path / "docs/orders.md").write_text("# Orders\n<!-- orders -->\n<!-- /orders -->\n")
    (tmp_path / "docs/artworks.md").write_text("# Artworks\n<!-- artworks -->\n<!-- /artworks -->\n")
    return tmp_path


def test_the_documents_of_this_repository_are_up_to_date() -> None:
    assert documents.stale(ROOT) == [], "run `make docs` and commit"


def test_what_is_missing_or_out_of_date_is_told_and_written_once(house: Path) -> None:
    every = {"README.md", "docs/topics.md", "docs/asyncapi.yaml", "docs/operations.md", "docs/orders.md", "docs/artworks.md"}
    assert set(documents.stale(house)) == every
    assert set(documents.write(house)) == every
    assert documents.write(house) == []
    page = house / "docs/topics.md"
    page.write_text(page.read_text().replace("| 12 |", "| 6 |"))
    assert documents.stale(house) == ["docs/topics.md"]


def test_every_part_of_an_artwork_that_is_drawn_has_a_picture_and_all_are_small() -> None:
    listed, folder = pictures(ROOT), ROOT / FOLDER
    assert {part.model for part in PARTS if part.model} - {picture.about for picture in listed} == {
        "Option",
        "Side",
        "Stop",
        "Rule",
    }
    assert {path.name for path in folder.glob("*.webp")} == {picture.file for picture in listed}
    assert {path.stem for path in folder.glob("artworks/*.yaml")} == {Path(picture.document).stem for picture in listed}
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 600_000


def test_a_picture_that_shows_something_else_is_told_from_one_of_another_machine() -> None:
    red, blue = ((ROOT / FOLDER / f"colour-choice-{number}.webp").read_bytes() for number in (1, 2))
    image = Image.open(io.BytesIO(red))
    target = io.BytesIO()
    image.save(target, "WEBP", quality=70)
    assert alike(red, target.getvalue())
    assert not alike(red, blue)
    assert not alike(red, (ROOT / FOLDER / "shape-1.webp").read_bytes())
    assert not alike(*((ROOT / FOLDER / f"text-fit-{number}.webp").read_bytes() for number in (1, 2)))


def test_the_reference_of_artworks_says_something_of_every_field() -> None:
    rows = [line for line in (ROOT / "docs/artworks.md").read_text("utf-8").splitlines() if line.startswith("| `")]
    assert len(rows) > 80
    assert [row for row in rows if row.endswith("|  |")] == []


def test_what_people_write_around_the_markers_stays(house: Path) -> None:
    documents.write(house)
    text = (house / "README.md").read_text()
    assert text.startswith("# Platen\n<!-- flow -->\n```mermaid\n")
    assert text.endswith("```\n<!-- /flow -->\nThe end.\n")
    assert "old" not in text


@pytest.mark.parametrize("page", ["", "<!-- flow -->", "<!-- /flow --><!-- flow -->", "<!-- flow --><!-- flow --><!-- /flow -->"])
def test_a_page_without_its_markers_names_them(page: str) -> None:
    with pytest.raises(UserError, match=r"^README.md: <!-- flow --> and <!-- /flow --> are expected once each"):
        between(page, "flow", "drawn", "README.md")


def test_outside_the_repository_the_command_says_so(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(app, ["docs", "--root", str(tmp_path)])
    assert isinstance(outcome.exception, UserError)
    assert "README.md: there is no such page; run this at the root of the repository" in str(outcome.exception)


def test_the_command_checks_without_writing(house: Path) -> None:
    outcome = CliRunner().invoke(app, ["docs", "--check", "--root", str(house)])
    assert isinstance(outcome.exception, UserError)
    assert "README.md" in str(outcome.exception)
    assert {page.name for page in (house / "docs").iterdir()} == {"operations.md", "orders.md", "artworks.md"}


def test_the_flow_has_every_reader_and_writer_of_the_catalogue() -> None:
    drawn = documents.flow_diagram()
    for topic in CATALOGUE.values():
        if topic.owner == "catalog" or topic.name.endswith(".dead-letter"):
            continue
        box = topic.name.replace(".", "_")
        for writer in topic.writers:
            assert f"  {writer} --> {box}\n" in drawn
        for reader in topic.readers:
            assert f"  {box} --> {reader}\n" in drawn
    assert "catalog_all --> dispatch" in drawn
    assert "dead" not in drawn


def test_the_flow_of_some_shows_only_what_they_say_to_each_other() -> None:
    drawn = set(re.findall(r"(\w+) --> (\w+)", documents.flow_diagram(talkers_shown=("dispatch", "tracking"))))
    assert drawn == {("dispatch", "dispatch_results"), ("dispatch_results", "tracking")}


def test_the_page_of_topics_names_every_topic_and_message_and_its_links_lead_somewhere() -> None:
    page = documents.topics_page()
    for name in CATALOGUE:
        assert f"| `{name}` |" in page
    for message in MESSAGES:
        assert f"`{message}`" in page
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert len(links) == 2 * len(MESSAGES)
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


def references(document: Any) -> Iterator[str]:
    if isinstance(document, list):
        document = dict(enumerate(document))
    if isinstance(document, dict):
        for name, value in document.items():
            yield from [value] if name == "$ref" else references(value)


def test_the_asyncapi_document_has_every_topic_and_message_and_its_references_lead_somewhere() -> None:
    document = yaml.safe_load(documents.asyncapi_yaml())
    assert document["asyncapi"] == "3.0.0"
    assert set(document["channels"]) == set(CATALOGUE)
    assert {message["name"] for message in document["components"]["messages"].values()} == set(MESSAGES)
    for reference in references(document):
        if reference.startswith("#/"):
            place: Any = document
            for step in reference.removeprefix("#/").split("/"):
                place = place[step]
        elif reference.startswith("../"):
            assert (ROOT / "docs" / reference).is_file()
        else:
            pytest.fail(f"an odd reference: {reference}")


@pytest.mark.parametrize("service", SERVICES)
def test_the_operations_of_a_service_are_what_it_reads_and_writes(service: str) -> None:
    operations = yaml.safe_load(documents.asyncapi_yaml())["operations"].values()
    own = [each for each in operations if each["x-service"] == service]
    mine = {(each["action"], each["channel"]["$ref"].removeprefix("#/channels/")) for each in own}
    sent = {("send", topic.name) for topic in CATALOGUE.values() if service in topic.writers}
    received = {("receive", topic.name) for topic in CATALOGUE.values() if service in topic.readers}
    assert mine == sent | received


def test_the_settings_name_every_variable_of_every_service_with_its_default() -> None:
    drawn = documents.settings_page()
    for service in SERVICES:
        for name, field in import_module(f"platen_{service}.settings").Settings.model_fields.items():
            assert f"| `PLATEN_{name.upper()}` | " in drawn, f"{service}: {name}"
            assert field.description, f"{service}: {name} is not described"
    assert "| `PLATEN_KAFKA` | must be set | bootstrap brokers" in drawn
    assert "| `PLATEN_HTTP` | `127.0.0.1:0` |" in drawn
    assert "| `PLATEN_RENDER_WORKERS` | by the machine |" in drawn
    assert "| `PLATEN_PHOTO_HOSTS` | none |" in drawn, "an empty list is none, whoever makes it"
    assert "| `PLATEN_OBJECTS` | none |" in drawn, "others may go without"
    assert "| `PLATEN_OBJECTS` | must be set |" in drawn, "render may not"
