"""What really happened, for tests and auditors: read from the state itself, so it cannot tell another story."""

from collections import defaultdict
from typing import Any

from .faults import Call
from .model import LIVE, Json, VendorOrder
from .world import World


class Ledger:
    def __init__(self, world: World) -> None:
        self._world = world

    def record(
        self, call: Call, at: str, answered: tuple[int, Json], worked_as: tuple[int, Json] | None, fault: str | None
    ) -> None:
        """Notes every call that could change a vendor's orders; `worked_as` is what was done where a fault answered otherwise."""
        kind, _, account = call.target.partition("/")
        path = call.path.partition(f"/vendors/{account}")[2]
        if kind != "vendor" or call.method == "GET" or not path.startswith("/orders"):
            return
        done = worked_as or answered
        result = done[1].get("result")
        order = result if isinstance(result, dict) else {}
        error = done[1].get("error")
        entry: Json = {
            "at": at,
            "account": account,
            "method": call.method,
            "path": path,
            "external_id": order.get("external_id") or self._external_id(account, call, path),
            "status": done[0],
        }
        if isinstance(error, dict):
            entry |= {"reason": error.get("reason"), "message": error.get("message")}
        if fault is not None:
            entry |= {"fault": fault, "answered": None if fault == "drop_reply" else answered[0]}
        self._world.record_call(entry)

    def _external_id(self, account: str, call: Call, path: str) -> Any:
        if path.startswith("/orders/"):
            order = self._world.vendor_order(account, path.split("?")[0].split("/")[2])
            return order.external_id if order else path.split("/")[2].split("?")[0].removeprefix("@")
        return call.json.get("external_id")

    def read(
        self, account: str | None = None, external_id: str | None = None, shop: str | None = None, order: str | None = None
    ) -> Json:
        """`{orders, calls, trackings, notes}`; `external_id` may be the beginning of one, `order` is a shop's order id."""
        shop_side, vendor_side = shop is not None or order is not None, account is not None or external_id is not None
        answer: Json = {"orders": [], "calls": [], "trackings": [], "notes": []}
        if vendor_side or not shop_side:
            calls = [c for c in self._world.calls if _is_about(c["account"], c["external_id"], account, external_id)]
            answer["calls"] = calls
            by_order: dict[tuple[str, Any], list[Json]] = defaultdict(list)
            for call in calls:
                by_order[call["account"], call["external_id"]].append(call)
            answer["orders"] = [
                _entry(found, by_order[found.account, found.external_id] if found.external_id is not None else [])
                for orders in self._world.vendor_orders.values()
                for found in orders.values()
                if _is_about(found.account, found.external_id, account, external_id)
            ]
        if shop_side or not vendor_side:
            for orders in self._world.shop_orders.values():
                for found in orders.values():
                    if shop in (None, found.shop) and order in (None, str(found.id)):
                        about = {"shop": found.shop, "order_id": found.id, "order_number": found.body["number"]}
                        answer["trackings"] += [{**about, **tracking} for tracking in found.trackings]
                        answer["notes"] += [{**about, **note} for note in found.notes]
        return answer


def _entry(order: VendorOrder, calls: list[Json]) -> Json:
    return {
        "account": order.account,
        "external_id": order.external_id,
        "id": order.id,
        "status": order.status,
        "live": order.status in LIVE,
        "confirmed": order.confirmed,
        "draft_deleted": order.status == "canceled" and not order.confirmed,
        "created_at": order.history[0]["at"],
        "history": order.history,
        "recipient": order.body["recipient"],
        "items": order.body["items"],
        "files": order.files,
        "shipments": order.shipments,
        "create_calls": sum(1 for c in calls if c["method"] == "POST" and c["path"].split("?")[0] == "/orders"),
        "confirm_calls": sum(1 for c in calls if c["method"] == "POST" and c["path"].endswith("/confirm")),
        "cancel_calls": sum(1 for c in calls if c["method"] == "DELETE"),
    }


def _is_about(account: str, external_id: Any, wanted_account: str | None, wanted_id: str | None) -> bool:
    return wanted_account in (None, account) and (wanted_id is None or str(external_id or "").startswith(wanted_id))
