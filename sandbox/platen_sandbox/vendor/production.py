"""The print shop behind the API: checks files, prints, ships, and tells the store. Runs beside the requests."""

import asyncio
import random
from datetime import UTC, datetime

from platen_sandbox.clock import now
from platen_sandbox.model import Account, Json, Plan, VendorOrder
from platen_sandbox.world import World

from .bodies import split_parcels
from .callbacks import Callbacks
from .files import BadFileError, FileLibrary, check_resolution

Key = tuple[str, int, int]
"""Account, order and run."""


class CannotStepError(Exception):
    """A step by hand that the order's status does not allow; one line."""


class Production:
    def __init__(self, world: World, library: FileLibrary, callbacks: Callbacks) -> None:
        self._world = world
        self._library = library
        self._callbacks = callbacks
        self._runs: set[asyncio.Task[None]] = set()
        self._checks: dict[Key, asyncio.Task[bool]] = {}

    def resume(self) -> None:
        """After a restart: every order that was under way goes on."""
        for orders in self._world.vendor_orders.values():
            for order in orders.values():
                if order.status in ("pending", "inprocess", "partial"):
                    self._start(order)

    async def stop(self) -> None:
        tasks = [*self._runs, *self._checks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def confirm(self, order: VendorOrder) -> None:
        order.confirmed = True
        order.run += 1
        self._move(order, "pending")
        self._start(order)

    # --- steps, by plan or by hand

    async def ship(self, order: VendorOrder, parcels: int | None = None, items: list[Json] | None = None) -> None:
        """Ships what is left in `parcels` parcels (the plan's number by default), or only `items` [{item_id, quantity}]."""
        if order.status == "pending":
            await self._files_are_good(order)
        if order.status not in ("pending", "inprocess", "partial"):
            raise CannotStepError(f"order {order.id} is {order.status}; only pending, inprocess and partial orders ship")
        left = unshipped(order)
        if items is not None:
            batches = [[(int(item["item_id"]), int(item.get("quantity", 1))) for item in items]]
            if any(quantity < 1 or quantity > dict(left).get(item_id, 0) for item_id, quantity in batches[0]):
                raise CannotStepError(f"items are {batches[0]}; left to ship of order {order.id}: {left}")
        else:
            batches = split_parcels(left, parcels or self._plan(order).parcels)
        order.run += 1
        if order.status == "pending":
            self._move(order, "inprocess")
        for batch in batches:
            self._ship_parcel(order, batch)

    def fail(self, order: VendorOrder, reason: str) -> None:
        self._end(
            order, "failed", reason or "The order has failed", ("pending", "inprocess", "onhold", "inreview"), "order_failed"
        )

    def cancel(self, order: VendorOrder, reason: str) -> None:
        was_confirmed = order.confirmed
        allowed = ("draft", "pending", "failed", "inprocess", "onhold", "inreview", "partial")
        event = "order_canceled" if was_confirmed else None
        self._end(order, "canceled", reason or "Canceled by the vendor", allowed, event)

    def hold(self, order: VendorOrder, reason: str) -> None:
        before = order.status
        self._end(order, "onhold", reason or "The order was put on hold", ("pending", "inprocess", "partial"), "order_put_hold")
        order.held_from = before
        self._world.save(order)

    def release(self, order: VendorOrder) -> None:
        if order.status != "onhold":
            raise CannotStepError(f"order {order.id} is {order.status}; only an order on hold can be released")
        order.run += 1
        self._move(order, order.held_from or "pending", "Removed from hold")
        self._callbacks.send(order, "order_remove_hold", reason="Removed from hold")
        self._start(order)

    # --- inside

    def _start(self, order: VendorOrder) -> None:
        run = asyncio.create_task(self._produce(order, order.run))
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)

    async def _produce(self, order: VendorOrder, run: int) -> None:
        good = await self._files_are_good(order)
        plan = self._plan(order)
        if not good or order.run != run or plan.mode == "manual":
            return
        pause = random.uniform(*plan.pace) / 2
        if order.status == "pending":
            await asyncio.sleep(pause)
            if order.run != run:
                return
            if plan.outcome != "ship":
                {"fail": self.fail, "cancel": self.cancel, "hold": self.hold}[plan.outcome](order, plan.reason)
                return
            self._move(order, "inprocess")
        for batch in split_parcels(unshipped(order), plan.parcels - len(order.shipments)):
            await asyncio.sleep(pause)
            if order.run != run:
                return
            self._ship_parcel(order, batch)

    async def _files_are_good(self, order: VendorOrder) -> bool:
        """Checks once per run, however many wait for the answer."""
        key = (order.account, order.id, order.run)
        check = self._checks.get(key)
        if check is None:
            check = self._checks[key] = asyncio.create_task(self._check_files(order))
            check.add_done_callback(lambda _task: self._checks.pop(key, None))
        return await asyncio.shield(check)

    async def _check_files(self, order: VendorOrder) -> bool:
        account = self._world.account(order.account)
        run = order.run
        taken: list[Json] = []
        try:
            for item in order.body["items"]:
                for given in item.get("files", []):
                    if "url" in given:
                        taken.append(await self._take_file(account, item, given))
        except BadFileError as error:
            if order.run == run and order.status == "pending":
                self.fail(order, str(error))
            return False
        order.files = taken
        self._world.save(order)
        return order.status not in ("failed", "canceled")

    async def _take_file(self, account: Account, item: Json, given: Json) -> Json:
        file = await self._library.get(account, given["url"])
        check_resolution(file, account.print_sizes.get(str(item.get("variant_id"))))
        names = ("url", "sha256", "size", "mime_type", "width", "height", "dpi", "fetched_at")
        return {"item_id": item["id"], "type": given.get("type", "default"), **{name: file[name] for name in names}}

    def _plan(self, order: VendorOrder) -> Plan:
        account = self._world.account(order.account)
        return next((plan for plan in account.plans if fits(plan, order)), account.plan)

    def _ship_parcel(self, order: VendorOrder, batch: list[tuple[int, int]]) -> None:
        shipment = new_shipment(self._world.number("shipment", 30_000_001), batch, now())
        order.shipments.append(shipment)
        self._world.set_status(order, "partial" if unshipped(order) else "fulfilled", f"shipped {shipment['tracking_number']}")
        self._callbacks.send(order, "package_shipped", shipment=shipment)
        self._callbacks.send(order, "order_updated")

    def _end(self, order: VendorOrder, status: str, reason: str, allowed: tuple[str, ...], event: str | None) -> None:
        if order.status not in allowed:
            raise CannotStepError(f"order {order.id} is {order.status}; {status} can follow only {', '.join(allowed)}")
        order.run += 1
        self._world.set_status(order, status, reason)
        if event is not None:
            self._callbacks.send(order, event, reason=reason)
            self._callbacks.send(order, "order_updated")

    def _move(self, order: VendorOrder, status: str, reason: str = "") -> None:
        self._world.set_status(order, status, reason)
        self._callbacks.send(order, "order_updated")


def fits(plan: Plan, order: VendorOrder) -> bool:
    given = {"external_id": order.external_id or "", "recipient": order.recipient_name}
    return all(wanted in given[name] for name, wanted in plan.match.items())


def unshipped(order: VendorOrder) -> list[tuple[int, int]]:
    """(item id, quantity) of what no parcel holds yet."""
    shipped: dict[int, int] = {}
    for shipment in order.shipments:
        for item in shipment["items"]:
            shipped[item["item_id"]] = shipped.get(item["item_id"], 0) + item["quantity"]
    left = [(item["id"], item.get("quantity", 1) - shipped.get(item["id"], 0)) for item in order.body["items"]]
    return [(item_id, quantity) for item_id, quantity in left if quantity > 0]


def new_shipment(shipment_id: int, batch: list[tuple[int, int]], moment: datetime) -> Json:
    number = f"9400{shipment_id:018d}"
    seconds = int(moment.timestamp())
    return {
        "id": shipment_id,
        "carrier": "USPS",
        "service": "USPS Ground Advantage",
        "tracking_number": number,
        "tracking_url": f"https://tools.usps.com/go/TrackConfirmAction?tLabels={number}",
        "created": seconds,
        "ship_date": moment.astimezone(UTC).date().isoformat(),
        "shipped_at": str(seconds),
        "reshipment": False,
        "items": [{"item_id": item_id, "quantity": quantity, "picked": 1, "printed": 1} for item_id, quantity in batch],
    }
