"""Work between runs: follows hints, reports orders whose listing came, posts tracking back to the shops."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import uuid4

from platen_contracts.catalog import Shop
from platen_contracts.message import Message
from platen_messaging.desk import Desk, utcnow
from platen_messaging.outcome import Applied, Outcome
from platen_messaging.waiting import wait
from platen_outside.failures import Failure, Throttled

from platen_sync.decide.facts import LinkCame, OrderNotRead, OrderRead, PostingBegun, PostingDone, PostingFailed
from platen_sync.decide.hints import gone
from platen_sync.gateway.lanes import ShopLanes
from platen_sync.gateway.shop import Absent, ParcelToPost, Shelf, ShopGateway, Unusable
from platen_sync.gateway.shops import Shops
from platen_sync.gateway.trouble import trouble_of
from platen_sync.model import SeenOrder, State
from platen_sync.store.due import Due, Kept, ToPost

TICK_S = 0.5
PATIENT_TRIES = 6
"""Passing trouble is told of only once it has not passed by then."""

Row = TypeVar("Row", Kept, ToPost)


class Worker:
    """Args: `now` gives aware UTC times."""

    def __init__(self, desk: Desk[State], due: Due, shops: Shops, now: Callable[[], datetime] = utcnow) -> None:
        self._desk, self._due, self._shops, self._now = desk, due, shops, now
        self._readers, self._posters = ShopLanes("hints"), ShopLanes("tracking")

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. A post under way then is looked up in the shop when the service runs again."""
        try:
            while not stop.is_set():
                await self._tick()
                await wait(stop, TICK_S)
        finally:
            await self._readers.close()
            await self._posters.close()

    async def _tick(self) -> None:
        await self._link()
        now = self._now()
        hints = _by_shop(await self._due.hints(now, self._readers.busy))
        posts = _by_shop(await self._due.postings(now, self._posters.busy))
        shops = await self._due.shops(hints.keys() | posts.keys()) if hints or posts else {}
        for shop_id, kept in hints.items():
            self._readers.start(shop_id, self._read_all(shops.get(shop_id), kept))
        for shop_id, parcels in posts.items():
            self._posters.start(shop_id, self._post_all(shops.get(shop_id), parcels))

    async def _link(self) -> None:
        facts = [
            LinkCame(
                shop_id=kept.shop_id,
                shop_order_id=kept.shop_order_id,
                listing_ids=sorted({one for line in kept.seen.lines for one in line.listing_ids}),
            )
            for kept in await self._due.linked()
            if kept.seen
        ]
        if facts:
            await self._desk.apply([self._desk.fact(fact, uuid4().hex, fact.shop_id) for fact in facts])

    async def _way_into(self, shop: Shop | None) -> ShopGateway | Unusable:
        if shop is None:
            return Unusable("unknown_shop", "the shop is not in the catalog; push it with `platen catalog push`")
        return await self._shops.gateway(shop)

    # --- hints

    async def _read_all(self, shop: Shop | None, hints: Sequence[Kept]) -> None:
        gateway = await self._way_into(shop)
        for kept in hints:
            await self._tell(kept.shop_id, await self._read(gateway, kept))

    async def _read(self, gateway: ShopGateway | Unusable, kept: Kept) -> OrderRead | OrderNotRead:
        read_at = self._now()
        answer = gateway if isinstance(gateway, Unusable) else await gateway.fetch(kept.shop_order_id)
        seen = gone(kept.seen) if isinstance(answer, Absent) else answer
        if isinstance(seen, SeenOrder):
            return OrderRead(shop_id=kept.shop_id, read_at=read_at, seen=seen)
        for_good = seen is None or trouble_of(kept.shop_id, seen).for_good
        return OrderNotRead(shop_id=kept.shop_id, shop_order_id=kept.shop_order_id, read_at=read_at, for_good=for_good)

    # --- tracking

    async def _post_all(self, shop: Shop | None, parcels: Sequence[ToPost]) -> None:
        gateway = await self._way_into(shop)
        for parcel in parcels:
            if isinstance(gateway, Unusable):
                await self._failed(parcel, gateway)
            elif (pause := gateway.paused_for()) > 0:
                return await asyncio.sleep(pause)
            else:
                await self._post(gateway, parcel)
        return None

    async def _post(self, gateway: ShopGateway, parcel: ToPost) -> None:
        """Reads what the shop has, saves the intent, posts, saves the outcome; dying anywhere between posts nothing twice."""
        read_at = self._now()
        shelf = await gateway.read_shelf(parcel.shop_order_id)
        if not isinstance(shelf, Shelf):
            return await self._failed(parcel, shelf)
        number = parcel.posting.tracking_number
        if not shelf.holds(number):
            begun = PostingBegun(order_id=parcel.order_id, parcel=parcel.key, tracking_number=number, read_at=read_at)
            if not isinstance(await self._tell(parcel.order_id, begun), Applied):
                return None
            failure = await gateway.post_tracking(parcel.shop_order_id, _to_post(parcel), shelf)
            if failure is not None:
                return await self._failed(parcel, failure, sent=True)
        await self._tell(parcel.order_id, PostingDone(order_id=parcel.order_id, parcel=parcel.key, tracking_number=number))
        return None

    async def _failed(self, parcel: ToPost, failure: Failure | Absent | Unusable, *, sent: bool = False) -> None:
        trouble = trouble_of(parcel.shop_id, failure)
        await self._tell(
            parcel.order_id,
            PostingFailed(
                order_id=parcel.order_id,
                parcel=parcel.key,
                code=trouble.code,
                remedy=trouble.remedy,
                tell=not trouble.passing or parcel.posting.tries >= PATIENT_TRIES,
                for_good=trouble.for_good,
                # Nobody promises that a throttled post was not taken.
                maybe_done=trouble.maybe_done or (sent and isinstance(failure, Throttled)),
            ),
        )

    async def _tell(self, key: str, fact: Message) -> Outcome[State]:
        """Each fact is decided against the row as it is now, so that one told twice changes nothing; ids need no memory."""
        return (await self._desk.apply([self._desk.fact(fact, uuid4().hex, key)]))[0]


def _to_post(parcel: ToPost) -> ParcelToPost:
    return ParcelToPost(
        tracking_number=parcel.posting.tracking_number,
        tracking_url=parcel.posting.tracking_url,
        carrier=parcel.parcel.carrier,
        shipped_at=parcel.parcel.shipped_at,
    )


def _by_shop(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.shop_id].append(row)
    return found
