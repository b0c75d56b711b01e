"""The console's addresses. A post becomes a command in the outbox; the page then waits a moment for the reply."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any, TypeVar

from platen_contracts import sync
from platen_contracts.common import Actor
from platen_contracts.ids import derived_id
from platen_contracts.orders import CommandRefused, OrderSnapshot
from platen_contracts.status import OrderStatus
from platen_messaging.desk import Desk
from platen_messaging.log import logger
from platen_messaging.records import Incoming
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from platen_console.decide import OrderAsked, SyncAsked
from platen_console.model import Command, Entry, reference_of
from platen_console.settings import ADMIN, OPERATOR
from platen_console.store.reading import Filter, Known, Reading
from platen_console.web import builders, forms, words
from platen_console.web.forms import Form, Wrong
from platen_console.web.guard import (
    ACCOUNT_NAME,
    COOKIE,
    LOCAL_OPERATOR,
    SESSION_SECONDS,
    Guard,
    Sessions,
    inside,
    is_account_name,
)
from platen_console.web.pages import ALLOWED, BulkResult, Tried, cursor_of, fingerprint, list_address, render, summary

log = logger("web")
T = TypeVar("T")

PAGE = 50
MOST_ARTWORKS = 500
"""Offered to choose from; any other may be typed."""
REPLY_SECONDS = 1.8
_LOOK_SECONDS = 0.1
_SYNC_COMMANDS = {"sync": sync.SyncShop, "reconcile": sync.ReconcileShop, "cancel": sync.CancelSync}


class Console:
    """All pages, behind the guard."""

    def __init__(self, desk: Desk[Entry], reading: Reading, tokens: Mapping[str, str]) -> None:
        self._desk, self._reading = desk, reading
        self._sessions = Sessions(tokens)

    @property
    def routes(self) -> Sequence[BaseRoute]:
        app = Starlette(
            routes=[
                Route("/", self._home),
                Route("/login", self._login, methods=["GET", "POST"]),
                Route("/logout", self._log_out, methods=["POST"]),
                Route("/orders", self._orders),
                Route("/orders/bulk", self._bulk, methods=["POST"]),
                Route("/orders/{order_id}", self._order),
                Route("/orders/{order_id}/{action}", self._ask, methods=["POST"]),
                Route("/sync", self._syncs),
                Route("/sync/{shop_id}/{what}", self._ask_sync, methods=["POST"]),
                Mount("/static", StaticFiles(directory=str(files("platen_console") / "static"))),
            ],
            middleware=[Middleware(Guard, sessions=self._sessions)],
            exception_handlers={
                HTTPException: self._trouble,
                Wrong: self._trouble,
                forms.TooLarge: self._trouble,
                SQLAlchemyError: self._trouble,
                OSError: self._trouble,
            },
        )
        return [Mount("/", app)]

    async def _home(self, _: Request) -> Response:
        return RedirectResponse("/orders", 303)

    # The list

    async def _orders(self, request: Request) -> Response:
        said = request.query_params
        wanted = Filter(
            status=said.get("status", "") if said.get("status") in tuple(OrderStatus) else "",
            query=said.get("q", "").replace("\0", "").strip()[:200],
            shop_id=said.get("shop", "")[:64].replace("\0", ""),
            vendor_id=said.get("vendor", "")[:64].replace("\0", ""),
        )
        at = cursor_of(said.get("older", "").replace("\0", ""), said.get("newer", "").replace("\0", ""))
        bulk = said.get("bulk", "")
        values = {
            "wanted": wanted,
            "page": await self._reading.page(wanted, at, PAGE),
            "counts": await self._reading.counts(wanted),
            "names": await self._reading.names(),
            "bulk": await self._bulk_result(bulk) if forms.ID.fullmatch(bulk) else None,
            "address": list_address,
            "here": list_address(wanted, at),
            "summary": summary,
            "wanted_with_status": lambda status: replace(wanted, status=status),
            "cleared": Filter(status=wanted.status),
        }
        return self._live(request, "orders.html", values)

    async def _bulk_result(self, bulk_id: str) -> BulkResult | None:
        commands = await self._reading.bulk(bulk_id)
        if not commands:
            return None
        orders = await self._reading.orders([command.order_id for command in commands])
        return BulkResult(commands, {order.order_id: order for order in orders})

    async def _bulk(self, request: Request) -> Response:
        form = await forms.read_form(request)
        action, picked, bulk_id = form.get("action"), forms.picks(form), forms.once_of(form)
        if action not in builders.BULK:
            raise Wrong("action", f"{action!r} is no bulk action; choose one of {', '.join(builders.BULK)}")
        actor = _actor(request)
        facts: list[Incoming] = []
        for order in await self._reading.orders(list(picked)):
            meant, command = builders.bulk_command(action, order, picked[order.order_id], bulk_id, actor)
            fact_id = derived_id(bulk_id, order.order_id)
            facts.append(self._desk.fact(OrderAsked(command=command, action=meant), fact_id, order.order_id))
        await self._desk.apply(facts)

        async def all_answered() -> bool:
            return all(command.reply is not None for command in await self._reading.bulk(bulk_id))

        await _soon(all_answered)
        back = inside(form.get("back"))
        return RedirectResponse(f"{back}{'&' if '?' in back else '?'}bulk={bulk_id}", 303)

    # One order

    async def _order(self, request: Request) -> Response:
        asked = request.query_params.get("asked", "")
        known = await self._known(request, [asked] if forms.ID.fullmatch(asked) else [])
        return await self._order_page(request, known)

    async def _order_page(self, request: Request, known: Known, tried: Tried | None = None) -> Response:
        values = {
            "known": known,
            "order": known.order,
            "names": await self._reading.names(),
            "tried": tried,
            "admin": request.state.operator.kind == ADMIN,
            "artworks": await self._choice_of_artworks(request, known.order),
        }
        return self._live(request, "order.html", values, key=repr((known, tried)), status=422 if tried else 200)

    async def _choice_of_artworks(self, request: Request, order: OrderSnapshot) -> Mapping[str, str]:
        """Stands outside the parts of the page that live changes take over, so that it is read once."""
        wanted = any(item.actions.get("set_artwork") == ALLOWED for item in order.items.values())
        return await self._reading.artworks(MOST_ARTWORKS) if wanted and "live" not in request.query_params else {}

    async def _known(self, request: Request, commands: Sequence[str] = (), form: Form | None = None) -> Known:
        """With the artwork that a form names, and the commands with these ids."""
        order_id = request.path_params["order_id"]
        ref = None if form is None else builders.artwork_ref(form)
        wanted = () if ref is None else (reference_of(ref),)
        known = await self._reading.order(order_id, commands, artworks=wanted) if forms.ID.fullmatch(order_id) else None
        if known is None:
            raise HTTPException(404, "There is no such order, or it has not been heard of yet.")
        return known

    async def _ask(self, request: Request) -> Response:
        """Refused at once: the page again with what was typed. Else on to the page that shows the reply when it comes."""
        action, form = request.path_params["action"], await forms.read_form(request)
        known = await self._known(request, form=form)
        if action not in builders.BUILDERS:
            raise HTTPException(404, "There is no such action.")
        command_id = forms.once_of(form)
        try:
            command = builders.command_of(action, known, form, _actor(request, action))
        except Wrong as wrong:
            return await self._order_page(request, known, _tried(action, form, wrong.reason, wrong.field))
        await self._desk.apply([self._desk.fact(OrderAsked(command=command, action=action), command_id, command.order_id)])

        async def answered() -> Command | None:
            found = await self._reading.command(command_id)
            return found if found is not None and found.reply is not None else None

        found = await _soon(answered)
        if found is not None and isinstance(found.reply, CommandRefused):
            now = await self._known(request, form=form)
            reason = words.plainly(found.reply.reason, now.order)
            return await self._order_page(request, now, _tried(action, form, reason, found.reply.field or ""))
        return RedirectResponse(f"/orders/{known.order.order_id}?asked={command_id}", 303)

    # Syncs

    async def _syncs(self, request: Request) -> Response:
        values = {
            "names": await self._reading.names(),
            "syncs": await self._reading.syncs(),
            "asked": request.query_params.get("asked", ""),
        }
        return self._live(request, "sync.html", values)

    async def _ask_sync(self, request: Request) -> Response:
        shop_id, what = request.path_params["shop_id"], request.path_params["what"]
        form = await forms.read_form(request)
        if what not in _SYNC_COMMANDS or shop_id not in (await self._reading.names()).shops:
            raise HTTPException(404, "There is no such shop, or nothing of that name to ask of it.")
        command = _SYNC_COMMANDS[what](shop_id=shop_id, actor=_actor(request))
        await self._desk.apply([self._desk.fact(SyncAsked(command=command), forms.once_of(form), shop_id)])
        return RedirectResponse(f"/sync?asked={shop_id}", 303)

    # Coming and going

    async def _login(self, request: Request) -> Response:
        if self._sessions.open:
            return RedirectResponse("/orders", 303)
        if request.method == "GET":
            return self._login_page(inside(request.query_params.get("next", "/orders")), LOCAL_OPERATOR)
        form = await forms.read_form(request)
        next_page, operator = inside(form.get("next")), form.get("operator") or LOCAL_OPERATOR
        if not is_account_name(operator):
            return self._login_page(next_page, operator, f"Account name: {ACCOUNT_NAME}, please.")
        cookie = self._sessions.log_in(form.get("token"), operator)
        if cookie is None:
            log.warning("a login was refused", operator=operator)
            wrong = "That is neither the token in PLATEN_CONSOLE_TOKEN nor the one in PLATEN_CONSOLE_ADMIN_TOKEN."
            return self._login_page(next_page, operator, wrong)
        answer = RedirectResponse(next_page, 303)
        secure = request.headers.get("origin", "").startswith("https://")
        answer.set_cookie(COOKIE, cookie, max_age=SESSION_SECONDS, httponly=True, samesite="strict", secure=secure)
        return answer

    def _login_page(self, next_page: str, typed: str, wrong: str = "") -> Response:
        values = {"next": next_page, "typed": typed, "rule": ACCOUNT_NAME, "wrong": wrong, "operator": None}
        return HTMLResponse(render("login.html", **values), 401 if wrong else 200)

    async def _log_out(self, _: Request) -> Response:
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE)
        return answer

    # Answers

    def _live(self, request: Request, template: str, values: dict[str, Any], key: str = "", status: int = 200) -> Response:
        """A page; asked again by itself (`?live=1`) only what changed since: 304 where nothing did.

        `key` stands for the page's content where that differs each time.
        """
        live = "live" in request.query_params
        html = render(
            template,
            **values,
            live=live,
            once=secrets.token_hex(16),
            operator=None if self._sessions.open else request.state.operator,
        )
        tag = fingerprint(key or _ONCE.sub("", html))
        if live and request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"etag": tag})
        return HTMLResponse(html, status, {"etag": tag})

    async def _trouble(self, request: Request, problem: Exception) -> Response:
        status, reason, headers = _told(problem)
        if status == 503:
            log.warning("a page could not be shown", path=request.url.path, error=type(problem).__name__)
        values = {"status": status, "reason": reason, "operator": None, "live": False}
        return HTMLResponse(render("trouble.html", **values), status, headers)


_ONCE = re.compile(r'name="once" value="[0-9a-f]{32}"')


def _told(problem: Exception) -> tuple[int, str, dict[str, str]]:
    """Status, sentence and headers of a problem."""
    match problem:
        case HTTPException():
            return problem.status_code, problem.detail, dict(problem.headers or {})
        case Wrong():
            return 422, f"{problem.field}: {problem.reason}.", {}
        case forms.TooLarge():
            return 413, f"The form is larger than {forms.MOST_BYTES // 1024} KiB.", {"connection": "close"}
        case _:
            return 503, "The console's database does not answer; try again in a moment. /ready says more.", {}


def _actor(request: Request, action: str = "") -> Actor:
    """Who asks. An admin is an operator like any other, but where an admin is needed."""
    who: Actor = request.state.operator
    return who if action == "erase" else Actor(kind=OPERATOR, name=who.name)


def _tried(action: str, form: Form, reason: str, field: str) -> Tried:
    return Tried(action, form.get("item"), reason, field, form.as_dict(), form.all("items"))


async def _soon(look: Callable[[], Awaitable[T]]) -> T | None:
    """What `look` finds, as soon as it is something; None after `REPLY_SECONDS`: a page never waits longer."""
    deadline = asyncio.get_running_loop().time() + REPLY_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        if found := await look():
            return found
        await asyncio.sleep(_LOOK_SECONDS)
    return None
