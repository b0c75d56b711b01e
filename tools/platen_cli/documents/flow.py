"""Who talks to whom, as a Mermaid flowchart: service → topic → service."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from platen_contracts.topics import CATALOGUE, SERVICES, Topic

STEPS = ("sync", "orders", "render", "dispatch", "tracking")
"""The services that an order passes."""


def flow_diagram(topics: Iterable[Topic] = CATALOGUE.values(), talkers_shown: Collection[str] | None = None) -> str:
    """A fenced Mermaid block of who writes and reads what; personal topics are dashed.

    Dead letters are left out (each service has one), and `catalog.*` is one box. With `talkers_shown`, only what these say to
    each other is drawn.
    """
    topics = list(topics)
    edges = _edges(topics, talkers_shown)
    talkers = {end for edge in edges for end in edge if "." not in end}
    boxes = {end for edge in edges for end in edge if "." in end}
    personal = sorted(topic.name for topic in topics if topic.personal and topic.name in boxes)
    lines = [
        "flowchart LR",
        *(f"  {_id(name)}[{name}]" for name in (*SERVICES, *sorted(talkers - set(SERVICES))) if name in talkers),
        *(f'  {_id(name)}(["{name}"])' for name in sorted(boxes)),
        *(f"  {_id(start)} --> {_id(end)}" for start, end in edges),
        "  classDef service fill:#f2b84b,stroke:#8a5a00,color:#222",
        "  classDef personal stroke-dasharray:4 3",
        f"  class {','.join(name for name in SERVICES if name in talkers)} service",
        *(f"  class {_id(name)} personal" for name in personal),
    ]
    return "\n".join(["```mermaid", *lines, "```"])


def _edges(topics: Iterable[Topic], shown: Collection[str] | None) -> list[tuple[str, str]]:
    edges: dict[tuple[str, str], None] = {}
    for topic in topics:
        writers = [who for who in topic.writers if shown is None or who in shown]
        readers = [who for who in topic.readers if shown is None or who in shown]
        if topic.name.endswith(".dead-letter") or not (writers and readers):
            continue
        box = "catalog.*" if topic.owner == "catalog" else topic.name
        edges.update(dict.fromkeys((writer, box) for writer in writers))
        edges.update(dict.fromkeys((box, reader) for reader in readers))
    return list(edges)


def _id(name: str) -> str:
    return name.replace(".", "_").replace("*", "all")
