"""What is known of the run's orders, from the public topics alone: any other system could keep the same."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from platen_contracts.orders import OrderChanged, OrderPrivate, OrderSnapshot
from platen_contracts.status import OrderStatus
from platen_contracts.subscribing import Newest

from platen_cli.wire import Seen

from .story import SHOP, Json, Plan


@dataclass
class Board:
    """`plans` by shop order id."""

    plans: dict[str, Plan]
    orders: dict[str, OrderSnapshot] = field(default_factory=dict[str, OrderSnapshot])
    raw: dict[str, Json] = field(default_factory=dict[str, Json])
    """The same snapshots, as they stood on the wire."""
    private: dict[str, OrderPrivate] = field(default_factory=dict[str, OrderPrivate])
    history: dict[str, list[OrderChanged]] = field(default_factory=lambda: defaultdict[str, list[OrderChanged]](list))
    status_versions: dict[str, list[int]] = field(default_factory=lambda: defaultdict[str, list[int]](list))
    _news: Newest = field(default_factory=Newest)

    def take(self, seen: Seen) -> OrderSnapshot | None:
        """Takes one record in; gives the snapshot if it is news of an order of this run."""
        match seen.message:
            case OrderSnapshot() as snapshot if self._is_ours(snapshot.shop_id, snapshot.shop_order_id):
                self.status_versions[seen.key].append(snapshot.version)
                if self._news.is_news(seen.key, snapshot.version):
                    self.orders[seen.key] = snapshot
                    self.raw[seen.key] = json.loads(seen.value)
                    return snapshot
            case OrderPrivate() as private if self._is_ours(private.shop_id, private.shop_order_id):
                self.private[seen.key] = private
            case OrderChanged() as change:
                self.history[seen.key].append(change)
            case _:
                pass
        return None

    def expected(self, order: OrderSnapshot) -> OrderStatus:
        return self.plans[order.shop_order_id].ends[order.vendor_id]

    def settled(self) -> bool:
        """Every order that the plans ask for is there, as it should end, and what was shipped is told to the shop."""
        wanted = {(shop_order, vendor) for shop_order, plan in self.plans.items() for vendor in plan.ends}
        there = {(it.shop_order_id, it.vendor_id) for it in self.orders.values()}
        return wanted == there and all(self.is_settled(order) for order in self.orders.values())

    def is_settled(self, order: OrderSnapshot) -> bool:
        posted = all(parcel.posted for parcel in order.parcels.values())
        return order.status == self.expected(order) and order.activity.kind == "none" and posted

    def history_is_whole(self) -> bool:
        """History has come as far as the snapshots: the two are topics of their own and arrive as they like."""
        return all(
            self.history[order_id] and self.history[order_id][-1].version >= order.version
            for order_id, order in self.orders.items()
        )

    def rows(self) -> Iterable[OrderSnapshot]:
        return sorted(self.orders.values(), key=lambda order: (int(order.shop_order_id), order.number))

    def _is_ours(self, shop_id: str, shop_order_id: str) -> bool:
        return shop_id == SHOP and shop_order_id in self.plans
