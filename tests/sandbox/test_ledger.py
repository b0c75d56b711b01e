"""The ledger tells what happened, across faults and restarts."""

from pathlib import Path

import httpx
from platen_sandbox.journal import Journal
from platen_sandbox.testing import Sandbox, running_sandbox

from tests.support import until

from .conftest import Host, picture, shop_client, vendor_client, vendor_order


async def test_every_changing_call_is_noted_with_what_was_really_done(sandbox: Sandbox, vendor: httpx.AsyncClient) -> None:
    await sandbox.fault("vendor/acme", "error", match={"method": "DELETE"}, params={"after_work": True})
    await vendor.post("/orders", json=vendor_order(recipient={}))
    await vendor.post("/orders", json=vendor_order())
    await vendor.get("/orders/@ext1")
    await vendor.delete("/orders/@ext1")
    ledger = await sandbox.ledger(external_id="ext1")
    assert [(c["method"], c["status"]) for c in ledger["calls"]] == [("POST", 400), ("POST", 200), ("DELETE", 200)]
    assert (ledger["calls"][2]["fault"], ledger["calls"][2]["answered"]) == ("error", 503)
    [order] = ledger["orders"]
    assert (order["create_calls"], order["cancel_calls"], order["draft_deleted"], order["live"]) == (2, 1, True, False)


async def test_the_ledger_is_queried_by_account_id_beginning_and_shop(sandbox: Sandbox, shop: httpx.AsyncClient) -> None:
    for account in ("acme", "blot"):
        async with vendor_client(sandbox, account) as client:
            for external_id in ("aaa1", "aaa2", "bbb1"):
                await client.post("/orders", json=vendor_order(external_id))
    order = await sandbox.order("north")
    await sandbox.order("south")
    await shop.post(f"/wc/v3/orders/{order['id']}/notes", json={"note": "hello"})
    found = (await sandbox.ledger(account="acme", external_id="aaa"))["orders"]
    assert [(o["account"], o["external_id"]) for o in found] == [("acme", "aaa1"), ("acme", "aaa2")]
    assert len((await sandbox.ledger(external_id="bbb1"))["orders"]) == 2
    at_shop = await sandbox.ledger(shop="north", order=str(order["id"]))
    assert [note["note"] for note in at_shop["notes"]] == ["hello"]
    assert at_shop["orders"] == []
    everything = await sandbox.ledger()
    assert (len(everything["orders"]), len(everything["notes"])) == (6, 1)


async def test_a_restart_keeps_the_ledger_and_finishes_what_was_under_way(tmp_path: Path, host: Host) -> None:
    state = tmp_path / "sandbox.jsonl"
    url = host.serve("/a.png", picture())
    async with (
        running_sandbox(pace=60, state_file=state) as sandbox,
        vendor_client(sandbox) as vendor,
        shop_client(sandbox) as shop,
    ):
        await vendor.post("/webhooks", json={"url": f"{host.url}/callbacks", "types": ["package_shipped"]})
        await vendor.post("/orders", params={"confirm": 1}, json=vendor_order(url=url))
        await sandbox.call("PUT", "/vendors/acme", {"pace": 0})
        order = await sandbox.order("north", {"line_items": [{"sku": "P"}]})
        tracking = {"tracking_number": "1", "tracking_provider": "USPS"}
        await shop.post(f"/wc-shipment-tracking/v3/orders/{order['id']}/shipment-trackings", json=tracking)
        before = await sandbox.ledger()
    with state.open("a") as torn:
        torn.write('["vendor_order","acme/1",{"acc')
    async with running_sandbox(pace=60, state_file=state) as sandbox, vendor_client(sandbox) as vendor:
        await until(lambda: host.posts)
        after = await sandbox.ledger()
        assert after["trackings"] == before["trackings"]
        assert after["calls"] == before["calls"]
        assert after["orders"][0]["history"][:2] == before["orders"][0]["history"][:2]
        assert after["orders"][0]["status"] == "fulfilled"
        assert (await vendor.post("/orders", json=vendor_order())).json()["error"]["reason"] == "OR-13"
        assert (await sandbox.order("north"))["id"] == order["id"] + 1


async def test_reset_empties_the_sandbox_and_its_file(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.jsonl"
    async with running_sandbox(state_file=state) as sandbox, vendor_client(sandbox) as vendor:
        await vendor.post("/orders", json=vendor_order())
        await sandbox.call("POST", "/reset")
        assert await sandbox.ledger() == {"orders": [], "calls": [], "trackings": [], "notes": []}
    async with running_sandbox(state_file=state) as sandbox:
        assert (await sandbox.ledger())["calls"] == []


def test_the_journal_keeps_the_last_line_of_a_key(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    for value in ("old", "new"):
        journal = Journal(path)
        list(journal.open())
        journal.write("shop", "north", value)
        journal.write("shop", "south", "same")
        journal.close()
    assert list(Journal(path).open()) == [("shop", "north", "new"), ("shop", "south", "same")]
    assert len(path.read_text().splitlines()) == 2
