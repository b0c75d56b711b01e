"""The tables of `docs/orders.md`: statuses, actions and refusals, from the rules that `orders` obeys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module

from platen_contracts.status import OrderStatus


def orders_page() -> str:
    """The picture of the edges, the table of the actions, the codes of refusals, in Markdown."""
    table, deciding = import_module("platen_orders.transitions"), import_module("platen_orders.decide.commands.deciding")
    underway = _names(table.WHILE_SENDING)
    parts = [
        "## Status",
        _picture(table.EDGES),
        _edges(table.EDGES),
        "## Actions",
        _actions(table.ACTIONS),
        f"While something is under way with the vendor (`activity`), only: {underway}; `settle` only in doubt.",
        "`stop_sending` and `settle` are for no other time, whatever the status.",
        f"Only where the vendor has an API: {_names(table.INTEGRATED_ONLY)}.",
        f"Only where it has none: {_names(table.CUSTOM_ONLY)}.",
        f"Of an erased order, only: {_names(table.WITHOUT_PERSONAL_DATA)}.",
        "## Refusals",
        _codes(deciding.REASONS | deciding.REMEDIES),
    ]
    return "\n\n".join(parts)


def _picture(edges: Mapping[OrderStatus, Mapping[OrderStatus, str]]) -> str:
    lines = ["```mermaid", "stateDiagram-v2", *(f'  state "{status}" as {status.name}' for status in edges)]
    lines += [f"  [*] --> {OrderStatus.NEW.name}: imported or split off"]
    lines += [f"  {start.name} --> {end.name}" for start, ends in edges.items() for end in ends]
    return "\n".join([*lines, "```"])


def _edges(edges: Mapping[OrderStatus, Mapping[OrderStatus, str]]) -> str:
    rows = [f"| {start} | {end} | {when} |" for start, ends in edges.items() for end, when in ends.items()]
    return "\n".join(["| from | to | when |", "|---|---|---|", *rows])


def _actions(actions: Mapping[str, frozenset[OrderStatus]]) -> str:
    head = [f"| action | {' | '.join(OrderStatus)} |", f"|---|{':-:|' * len(OrderStatus)}"]
    rows = [f"| `{name}` | {' | '.join('✓' if status in on else '' for status in OrderStatus)} |" for name, on in actions.items()]
    return "\n".join([*head, *rows])


def _codes(remedies: Mapping[str, str]) -> str:
    rows = [f"| `{code}` | {remedies[code]} |" for code in sorted(remedies)]
    return "\n".join(["| code | what to do |", "|---|---|", *rows])


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
