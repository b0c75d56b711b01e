"""All shops, accounts and orders of one sandbox process, found and kept here and nowhere else."""

import zlib
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from .clock import now, rfc3339
from .journal import Journal
from .model import Account, Json, Plan, Shop, ShopHook, ShopOrder, VendorOrder, to_json

FIRST_SHOP_ORDER = 1001
FIRST_VENDOR_ORDER = 80_000_001


class World:
    """State in memory, every change written through to the journal. Shops and accounts come into being when first spoken to."""

    def __init__(self, state_file: Path | None = None, plan: Plan | None = None, rate_limit: int = 6000) -> None:
        self._journal = Journal(state_file)
        self._default_plan = plan or Plan()
        self._default_rate_limit = rate_limit
        self._empty()

    def _empty(self) -> None:
        self.shops: dict[str, Shop] = {}
        self.shop_orders: dict[str, dict[int, ShopOrder]] = defaultdict(dict)
        self.shop_hooks: dict[str, dict[int, ShopHook]] = defaultdict(dict)
        self.accounts: dict[str, Account] = {}
        self.vendor_orders: dict[str, dict[int, VendorOrder]] = defaultdict(dict)
        self._by_external_id: dict[tuple[str, str], VendorOrder] = {}
        self.files: dict[tuple[str, str], Json] = {}
        self.calls: list[Json] = []
        self._numbers: dict[str, int] = defaultdict(int)

    # --- keeping

    def open(self) -> None:
        for kind, key, value in self._journal.open():
            self._take(kind, key, value)

    def _take(self, kind: str, key: str, value: Any) -> None:
        match kind:
            case "shop":
                self.shops[key] = Shop(**value)
            case "shop_order":
                self._index_shop_order(ShopOrder(**value))
            case "hook":
                hook = ShopHook(**value)
                self.shop_hooks[hook.shop][hook.id] = hook
            case "hook_deleted":
                shop, _, number = key.partition("/")
                self.shop_hooks[shop].pop(int(number), None)
            case "account":
                self.accounts[key] = Account.from_json(value)
            case "vendor_order":
                self._index_vendor_order(VendorOrder(**value))
            case "file":
                account, _, url = key.partition(" ")
                self.files[account, url] = value
            case "number":
                self._numbers[key] = value
            case _:
                self.calls.append(value)

    def save(self, entity: Shop | ShopOrder | ShopHook | Account | VendorOrder) -> None:
        """Writes an entity that was made or changed; without this call the change would not outlive a restart."""
        match entity:
            case Shop():
                self.shops[entity.id] = entity
                self._journal.write("shop", entity.id, to_json(entity))
            case ShopOrder():
                self._index_shop_order(entity)
                self._journal.write("shop_order", entity.key, to_json(entity))
            case ShopHook():
                self.shop_hooks[entity.shop][entity.id] = entity
                self._journal.write("hook", entity.key, to_json(entity))
            case Account():
                self.accounts[entity.id] = entity
                self._journal.write("account", entity.id, to_json(entity))
            case VendorOrder():
                self._index_vendor_order(entity)
                self._journal.write("vendor_order", entity.key, to_json(entity))

    def delete_hook(self, hook: ShopHook) -> None:
        del self.shop_hooks[hook.shop][hook.id]
        self._journal.write("hook_deleted", hook.key, None)

    def save_file(self, account: str, url: str, file: Json) -> None:
        self.files[account, url] = file
        self._journal.write("file", f"{account} {url}", file)

    def record_call(self, call: Json) -> None:
        self.calls.append(call)
        self._journal.write("call", str(len(self.calls)), call)

    def number(self, counter: str, first: int = 1) -> int:
        """The next number of a counter; never handed out twice, not even across restarts."""
        self._numbers[counter] = max(self._numbers[counter] + 1, first)
        self._journal.write("number", counter, self._numbers[counter])
        return self._numbers[counter]

    def reset(self) -> None:
        self._journal.clear()
        self._empty()

    def close(self) -> None:
        self._journal.close()

    # --- finding

    def shop(self, shop_id: str) -> Shop:
        if shop_id not in self.shops:
            self.save(Shop(id=shop_id, key=f"ck_{shop_id}", secret=f"cs_{shop_id}"))
        return self.shops[shop_id]

    def account(self, account_id: str) -> Account:
        if account_id not in self.accounts:
            store = 1 + zlib.crc32(account_id.encode()) % 9_999_999
            plan = replace(self._default_plan)
            self.save(Account(account_id, f"token-{account_id}", store, plan=plan, rate_limit=self._default_rate_limit))
        return self.accounts[account_id]

    def vendor_order(self, account_id: str, reference: str) -> VendorOrder | None:
        """By Printful's own reference: a number, or `@` and the external id."""
        if reference.startswith("@"):
            return self._by_external_id.get((account_id, reference[1:]))
        return self.vendor_orders[account_id].get(int(reference)) if reference.isdecimal() else None

    def _index_shop_order(self, order: ShopOrder) -> None:
        self.shop_orders[order.shop][order.id] = order

    def _index_vendor_order(self, order: VendorOrder) -> None:
        self.vendor_orders[order.account][order.id] = order
        if order.external_id is not None:
            self._by_external_id[order.account, order.external_id] = order

    # --- the one way a vendor order's status changes

    def set_status(self, order: VendorOrder, status: str, reason: str = "") -> None:
        moment = now()
        order.status = status
        order.updated = int(moment.timestamp())
        order.history.append({"at": rfc3339(moment), "status": status, **({"reason": reason} if reason else {})})
        self.save(order)
