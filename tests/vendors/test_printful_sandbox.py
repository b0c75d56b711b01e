"""The adapter against a vendor that speaks Printful v1 and keeps books; neither side imports the other."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from PIL import Image
from platen_outside.failures import AuthFailed, Throttled, Unknown
from platen_sandbox.testing import Sandbox, running_sandbox
from platen_vendors.model import (
    Absent,
    Accepted,
    AlreadyExists,
    Cancelled,
    Found,
    Rejected,
    Snapshot,
    TooLate,
    VendorAccount,
    VendorFile,
    VendorOrder,
)
from platen_vendors.printful import Printful

from .orders import MUG, ORDER, POSTER, with_recipient

ACCOUNT = "prints"


@dataclass
class Scene:
    sandbox: Sandbox
    printful: Printful
    order: VendorOrder

    async def fault(self, kind: str, **given: Any) -> None:
        await self.sandbox.fault(f"vendor/{ACCOUNT}", kind, **given)

    async def orders(self) -> list[dict[str, Any]]:
        return (await self.sandbox.ledger(account=ACCOUNT))["orders"]

    async def created(self, order: VendorOrder | None = None) -> Snapshot:
        outcome = await self.printful.submit(order or self.order)
        assert isinstance(outcome, Accepted)
        return outcome.snapshot

    async def read(self, vendor_order_id: str) -> Snapshot:
        outcome = await self.printful.fetch(vendor_order_id)
        assert isinstance(outcome, Snapshot)
        return outcome


def png() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (300, 300)).save(written, "PNG", dpi=(300, 300))
    return written.getvalue()


@pytest.fixture
async def link() -> AsyncIterator[str]:
    """Where the vendor finds a print file."""
    content = png()

    async def give(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(give, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/f/file"


@pytest.fixture
async def scene(link: str) -> AsyncIterator[Scene]:
    items = tuple(
        replace(item, files=tuple(VendorFile(file.placement, f"{link}-{file.placement}", file.sha256) for file in item.files))
        for item in ORDER.items
    )
    async with running_sandbox(pace=None) as sandbox:
        printful = Printful(VendorAccount(ACCOUNT, token=f"token-{ACCOUNT}", url=sandbox.vendor(ACCOUNT)))
        yield Scene(sandbox, printful, replace(ORDER, items=items))
        await printful.aclose()


async def test_an_order_is_created_read_back_as_meant_confirmed_and_shipped(scene: Scene) -> None:
    made = await scene.created()
    assert (made.stage, scene.printful.differences(scene.order, made)) == ("editable", ())
    confirmed = await scene.printful.confirm(made.vendor_order_id)
    assert isinstance(confirmed, Accepted)
    assert not confirmed.draft
    lines = (await scene.orders())[0]["items"]
    part = {"items": [{"item_id": lines[0]["id"], "quantity": 1}]}
    await scene.sandbox.step(ACCOUNT, made.vendor_order_id, "ship", part)
    assert (await scene.read(made.vendor_order_id)).status == "partially_shipped"
    await scene.sandbox.step(ACCOUNT, made.vendor_order_id, "ship")
    shipped = await scene.read(made.vendor_order_id)
    assert shipped.status == "shipped"
    assert [dict(parcel.units) for parcel in shipped.shipments] == [{MUG: 1}, {MUG: 1, POSTER: 1}]
    assert all(parcel.tracking_number and parcel.tracking_url and parcel.shipped_at for parcel in shipped.shipments)
    assert shipped.issues == ()


async def test_a_lost_reply_to_create_is_found_by_looking_it_up_and_finished(scene: Scene) -> None:
    await scene.fault("drop_reply", match={"method": "POST", "path": "/orders"})
    assert isinstance(await scene.printful.submit(scene.order), Unknown)
    found = await scene.printful.find(scene.order.external_id)
    assert isinstance(found, Found)
    (draft,) = found.snapshots
    assert scene.printful.differences(scene.order, draft) == ()
    assert isinstance(await scene.printful.confirm(draft.vendor_order_id), Accepted)
    assert [order["live"] for order in await scene.orders()] == [True]


async def test_a_lost_reply_to_confirm_is_found_confirmed(scene: Scene) -> None:
    made = await scene.created()
    await scene.fault("drop_reply", match={"method": "POST", "path": "/confirm"})
    assert isinstance(await scene.printful.confirm(made.vendor_order_id), Unknown)
    assert (await scene.read(made.vendor_order_id)).stage == "live"
    again = await scene.printful.confirm(made.vendor_order_id)
    assert isinstance(again, Accepted)
    assert [order["confirm_calls"] for order in await scene.orders()] == [2]


async def test_an_error_after_the_work_was_done_is_unknown_and_found(scene: Scene) -> None:
    await scene.fault("error", match={"method": "POST"}, params={"status": 502, "html": True, "after_work": True})
    assert isinstance(await scene.printful.submit(scene.order), Unknown)
    assert isinstance(await scene.printful.find(scene.order.external_id), Found)


async def test_an_error_before_the_work_leaves_nothing_to_find(scene: Scene) -> None:
    await scene.fault("error", match={"method": "POST"})
    assert isinstance(await scene.printful.submit(scene.order), Unknown)
    assert isinstance(await scene.printful.find(scene.order.external_id), Absent)


async def test_a_second_submission_of_the_same_external_id_is_the_first_order(scene: Scene) -> None:
    made = await scene.created()
    again = await scene.printful.submit(scene.order)
    assert isinstance(again, AlreadyExists)
    assert again.vendor_order_id == made.vendor_order_id
    assert len(await scene.orders()) == 1


async def test_a_draft_that_differs_is_made_what_is_meant(scene: Scene) -> None:
    old = replace(with_recipient(scene.order, line1="1 Old Road"), items=scene.order.items[:1])
    made = await scene.created(old)
    changed = with_recipient(scene.order, line2=None)
    paths = ("recipient.line1", "recipient.line2", f"items.{POSTER}")
    assert scene.printful.differences(changed, made) == paths
    outcome = await scene.printful.replace(made.vendor_order_id, changed)
    assert isinstance(outcome, Accepted)
    assert outcome.draft
    assert scene.printful.differences(changed, await scene.read(made.vendor_order_id)) == ()


async def test_a_confirmed_order_is_past_editing(scene: Scene) -> None:
    made = await scene.created()
    await scene.printful.confirm(made.vendor_order_id)
    outcome = await scene.printful.replace(made.vendor_order_id, with_recipient(scene.order, city="Reno"))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "vendor.not_editable"


async def test_a_refusal_names_code_field_and_remedy_and_leaves_nothing_behind(scene: Scene) -> None:
    outcome = await scene.printful.submit(with_recipient(scene.order, postcode=None))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.field) == ("vendor.address", "recipient.postcode")
    assert outcome.remedy == "Correct the shipping address, then retry."
    assert await scene.orders() == []


async def test_a_refusal_on_demand_carries_its_code(scene: Scene) -> None:
    await scene.fault("refuse", match={"method": "POST"}, params={"code": "OR-6", "message": "The variant is restricted"})
    outcome = await scene.printful.submit(scene.order)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.message) == ("vendor.variant_restricted", "The variant is restricted")


async def test_a_throttled_lane_is_paused_for_as_long_as_the_vendor_says(scene: Scene) -> None:
    await scene.fault("throttle", params={"retry_after": 90})
    assert await scene.printful.submit(scene.order) == Throttled(90.0, 429)
    assert 80 < scene.printful.paused_for <= 90


async def test_a_wrong_token_stops_the_account(scene: Scene) -> None:
    stranger = Printful(VendorAccount(ACCOUNT, token="wrong", url=scene.sandbox.vendor(ACCOUNT)))
    assert isinstance(await stranger.submit(scene.order), AuthFailed)
    await stranger.aclose()


async def test_a_draft_is_cancelled_and_its_number_stays_taken(scene: Scene) -> None:
    made = await scene.created()
    outcome = await scene.printful.cancel(made.vendor_order_id)
    assert isinstance(outcome, Cancelled)
    again = await scene.printful.submit(scene.order)
    assert isinstance(again, AlreadyExists)
    assert again.snapshot.stage == "ended"
    assert again.snapshot.cancelled_units == {MUG: 2, POSTER: 1}


async def test_what_is_shipped_cannot_be_cancelled(scene: Scene) -> None:
    made = await scene.created()
    await scene.printful.confirm(made.vendor_order_id)
    await scene.sandbox.step(ACCOUNT, made.vendor_order_id, "ship")
    assert isinstance(await scene.printful.cancel(made.vendor_order_id), TooLate)


async def test_an_order_that_failed_at_the_vendor_has_ended_and_is_editable(scene: Scene) -> None:
    made = await scene.created()
    await scene.printful.confirm(made.vendor_order_id)
    await scene.sandbox.step(ACCOUNT, made.vendor_order_id, "fail", {"reason": "File is a broken image"})
    failed = await scene.read(made.vendor_order_id)
    assert (failed.stage, failed.ended) == ("editable", True)
    assert isinstance(await scene.printful.confirm(made.vendor_order_id), Accepted)


async def test_an_order_that_is_not_there_is_absent(scene: Scene) -> None:
    assert isinstance(await scene.printful.find(scene.order.external_id), Absent)
    assert isinstance(await scene.printful.fetch("987654"), Absent)
