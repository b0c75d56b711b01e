"""`docs/topics.md`: every topic and every message, from the catalogue."""

from __future__ import annotations

from collections.abc import Iterable

from platen_contracts.generate import short_name
from platen_contracts.message import Message, personal_fields
from platen_contracts.topics import CATALOGUE, DAY_MS, FOREVER, Topic

from .flow import flow_diagram

SCHEMAS = "../libs/contracts/platen_contracts/schemas"
EXAMPLES = "../libs/contracts/platen_contracts/examples"


def topics_page() -> str:
    """The generated part of the page, in Markdown."""
    topics = list(CATALOGUE.values())
    return "\n\n".join([flow_diagram(topics), _table(topics), *(_messages(topic) for topic in topics if topic.messages)])


def _table(topics: Iterable[Topic]) -> str:
    rows = [
        "| topic | kind | written by | read by | key | partitions | kept | personal | carries |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for topic in topics:
        cells = (
            f"`{topic.name}`",
            str(topic.kind),
            ", ".join(topic.writers),
            ", ".join(topic.readers),
            topic.key,
            str(topic.partitions),
            kept(topic),
            "yes" if topic.personal else "no",
            topic.about,
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def kept(topic: Topic) -> str:
    """How long a record of the topic stays, in words."""
    if topic.retention_ms is None:
        return "the latest of each key"
    return "forever" if topic.retention_ms == FOREVER else f"{topic.retention_ms // DAY_MS} days"


def _messages(topic: Topic) -> str:
    return "\n".join([f"### `{topic.name}`", "", *(_message(message) for message in topic.messages)])


def _message(message: type[Message]) -> str:
    name = short_name(message)
    personal = ", ".join(f"`{path}`" for path in personal_fields(message))
    return (
        f"- **[{message.__name__}]({SCHEMAS}/{name}.json)** `{message.TYPE}` ([examples]({EXAMPLES}/{name}))"
        + (f": {first}" if (first := _first_line(message)) else "")
        + (f" *Personal: {personal}.*" if personal else "")
    )


def _first_line(message: type[Message]) -> str:
    return (message.__doc__ or "").strip().split("\n")[0]
