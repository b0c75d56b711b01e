"""Faults on demand: each does what it says, to the calls it names, as often as told."""

import time

import httpx
import pytest
from platen_sandbox.faults import Call, Faults
from platen_sandbox.testing import Sandbox

from .conftest import vendor_order


async def test_throttle_answers_429_with_the_headers_of_each_side(
    sandbox: Sandbox, shop: httpx.AsyncClient, vendor: httpx.AsyncClient
) -> None:
    await sandbox.fault("vendor/acme", "throttle", params={"retry_after": 7})
    refused = await vendor.get("/orders")
    assert refused.status_code == refused.json()["code"] == 429
    assert (refused.headers["Retry-After"], refused.headers["X-Ratelimit-Reset"]) == ("7", "7")
    assert (await vendor.get("/orders")).status_code == 200
    await sandbox.fault("shop/north", "throttle")
    assert (await shop.get("/wc/v3/orders")).json()["data"] == {"status": 429}


async def test_an_error_may_be_html_and_may_come_after_the_work(sandbox: Sandbox, vendor: httpx.AsyncClient) -> None:
    await sandbox.fault("vendor/acme", "error", params={"status": 502, "html": True})
    failed = await vendor.post("/orders", json=vendor_order("before"))
    assert (failed.status_code, failed.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert (await vendor.get("/orders/@before")).status_code == 404
    await sandbox.fault("vendor/acme", "error", params={"after_work": True})
    assert (await vendor.post("/orders", json=vendor_order("after"))).status_code == 503
    assert (await vendor.get("/orders/@after")).status_code == 200


async def test_refuse_answers_the_given_code_and_does_nothing(sandbox: Sandbox, vendor: httpx.AsyncClient) -> None:
    params = {"code": "OR-6", "message": "restricted"}
    await sandbox.fault("vendor/acme", "refuse", match={"recipient": "Lovelace"}, times="forever", params=params)
    for _ in range(2):
        refused = await vendor.post("/orders", json=vendor_order())
        assert refused.json() == {"code": 400, "result": "restricted", "error": {"reason": "OR-6", "message": "restricted"}}
    assert (await vendor.get("/orders/@ext1")).status_code == 404


async def test_a_dropped_reply_leaves_the_work_done(sandbox: Sandbox, vendor: httpx.AsyncClient) -> None:
    await sandbox.fault("vendor/acme", "drop_reply", match={"method": "POST", "path": "/orders"})
    with pytest.raises(httpx.RemoteProtocolError):
        await vendor.post("/orders", json=vendor_order())
    assert (await vendor.get("/orders/@ext1")).json()["result"]["status"] == "draft"
    assert (await vendor.post("/orders", json=vendor_order())).json()["error"]["reason"] == "OR-13"
    ledger = await sandbox.ledger(account="acme", external_id="ext1")
    assert [(c["status"], c.get("fault")) for c in ledger["calls"]] == [(200, "drop_reply"), (400, None)]
    assert ledger["orders"][0]["create_calls"] == 2


async def test_slow_answers_late_and_right(sandbox: Sandbox, vendor: httpx.AsyncClient) -> None:
    await sandbox.fault("vendor/acme", "slow", params={"seconds": 0.2})
    start = time.monotonic()
    assert (await vendor.get("/orders")).status_code == 200
    assert time.monotonic() - start >= 0.2


async def test_faults_are_listed_with_their_hits_and_cleared(sandbox: Sandbox, vendor: httpx.AsyncClient) -> None:
    fault = await sandbox.fault("vendor/*", "error", times=2)
    await vendor.get("/orders")
    assert [(f["id"], f["hits"]) for f in await sandbox.call("GET", "/faults")] == [(fault["id"], 1)]
    assert await sandbox.call("DELETE", f"/faults/{fault['id']}") == {"cleared": 1}
    assert (await vendor.get("/orders")).status_code == 200


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"target": "acme", "kind": "slow"}, "target is 'acme'"),
        ({"target": "vendor/acme", "kind": "explode"}, "kind is 'explode'"),
        ({"target": "vendor/acme", "kind": "slow", "times": 0}, "times is 0"),
        ({"target": "vendor/acme", "kind": "slow", "match": {"colour": "red"}}, "match is"),
        ({"target": "vendor/acme", "kind": "slow", "params": 2}, "params is 2"),
        ({"target": "vendor/acme", "kind": "slow", "params": ["seconds"]}, "params is ['seconds']"),
        ({"target": "vendor/acme", "kind": "slow", "when": "now"}, "unknown field 'when'"),
    ],
)
async def test_a_wrong_fault_is_refused_in_one_line(sandbox: Sandbox, given: dict[str, object], said: str) -> None:
    answer = await sandbox.control.post("/sandbox/faults", json=given)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert "allowed" in answer.json()["error"]


CREATE = Call("vendor/acme", "POST", "/vendors/acme/orders?confirm=0", b'{"external_id": "abc1", "recipient": {"name": "Ada L"}}')
READ = Call("vendor/acme", "GET", "/vendors/acme/orders/@abc1", b"")


@pytest.mark.parametrize(
    ("match", "meets"),
    [
        ({}, [True, True]),
        ({"method": "post"}, [True, False]),
        ({"path": "/orders/"}, [False, True]),
        ({"external_id": "abc"}, [True, True]),
        ({"external_id": "abd"}, [False, False]),
        ({"recipient": "Ada"}, [True, False]),
        ({"body": "Ada L"}, [True, False]),
        ({"method": "GET", "external_id": "abc1"}, [False, True]),
    ],
)
def test_a_match_names_calls(match: dict[str, str], meets: list[bool]) -> None:
    assert [call.meets(match) for call in (CREATE, READ)] == meets


def test_slowness_adds_to_one_other_fault_and_faults_wear_out() -> None:
    faults = Faults()
    for kind in ("slow", "error", "throttle"):
        faults.add({"target": "vendor/acme", "kind": kind})
    assert [fault.kind for fault in faults.take_for(CREATE)] == ["slow", "error"]
    assert [fault.kind for fault in faults.take_for(CREATE)] == ["throttle"]
    assert faults.take_for(CREATE) == []
