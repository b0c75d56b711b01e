"""What the auditor takes for granted is so."""

from __future__ import annotations

import importlib

from platen_cli.audit import Evidence, audit
from platen_cli.audit.gather import PASSED_OVER
from platen_contracts.topics import SERVICES, read_by
from platen_messaging.handlers import Handlers


def _handled(service: str) -> set[str]:
    tables = vars(importlib.import_module(f"platen_{service}.handlers")).values()
    return {name for table in tables if isinstance(table, Handlers) for name in table.types}


def test_only_what_the_auditor_knows_of_is_passed_over_by_the_services() -> None:
    passed_over = {
        (service, message.__name__)
        for service in SERVICES
        for topic in read_by(service)
        for message in topic.messages
        if message.TYPE not in _handled(service)
    }
    assert passed_over == PASSED_OVER


def test_where_there_is_nothing_nothing_is_wrong() -> None:
    verdict = audit(Evidence("", {}))
    assert verdict.violations == []
    assert verdict.counts["records"] == 0
