"""What the auditor takes for granted is so."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from platen_cli.audit import Evidence, audit, gather, summary
from platen_cli.audit.evidence import Record
from platen_cli.audit.gather import PASSED_OVER
from platen_cli.errors import Unreachable, UserError
from platen_cli.recovery.reach import reach
from platen_cli.stack.run import Run, ServiceRun, only_run, write_run
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


def a_run(**services: str) -> Run:
    """What the file of a run says whose `services` have these addresses."""
    told: dict[str, ServiceRun] = {
        name: {"pid": 1, "url": url, "ready_url": url, "restarts": 0} for name, url in services.items()
    }
    return {
        "pid": 1,
        "started": "",
        "kafka": "127.0.0.1:9",
        "postgres_admin": "",
        "objects": "",
        "topic_prefix": "",
        "own": [],
        "databases": {},
        "services": told,
    }


def test_the_sandbox_is_the_one_of_the_run_or_the_one_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLATEN_KAFKA", raising=False)
    with only_run(tmp_path):
        write_run(tmp_path, a_run(orders="http://127.0.0.1:1", sandbox="http://127.0.0.1:2"))
        assert reach(tmp_path).sandbox == "http://127.0.0.1:2"
        write_run(tmp_path, a_run(orders="http://127.0.0.1:1"))
        assert reach(tmp_path).sandbox == ""
    monkeypatch.setenv("PLATEN_KAFKA", "127.0.0.1:9")
    monkeypatch.setenv("PLATEN_SANDBOX", "http://127.0.0.1:3")
    assert reach(tmp_path).sandbox == "http://127.0.0.1:3"


def test_vendor_orders_are_counted_only_where_the_vendors_were_looked_at() -> None:
    assert "vendor orders" not in summary(audit(Evidence("", {})))
    assert "0 vendor orders" in summary(audit(Evidence("", {}, vendors={"orders": []})))


async def test_a_sandbox_that_does_not_answer_is_one_line(kafka_bootstrap: str, topic_prefix: str) -> None:
    with pytest.raises(UserError, match=r"the sandbox at http://127\.0\.0\.1:9 does not show its ledger"):
        await gather(kafka_bootstrap, {}, topic_prefix, sandbox="http://127.0.0.1:9")


def test_a_value_nested_without_end_is_no_object_and_ends_no_audit() -> None:
    assert Record("orders.history", 0, 0, 0, None, b"[" * 20_000, []).body == {}


async def test_a_broker_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[gather.__module__], "SECONDS", 1)
    with pytest.raises(Unreachable, match=r"Kafka at 127\.0\.0\.1:9 does not answer"):
        await gather("127.0.0.1:9", {})
