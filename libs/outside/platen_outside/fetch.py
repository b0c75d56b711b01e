"""Fetching what a stranger's address names, without letting the stranger reach anything inside.

https only and public addresses only: a name is resolved once, every address it resolves to is checked, and the connection goes to
the checked one. Every redirect is checked the same way. Source: the OWASP cheat sheet on server-side request forgery.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import httpcore
import httpx

from platen_outside.addresses import is_public

FetchCode = Literal["address_refused", "unreachable", "not_found", "too_large", "too_slow", "type_refused"]


class FetchProblem(Exception):
    """Why nothing was fetched. `message` never quotes the address beyond its host; `passing`: it may work later."""

    def __init__(self, code: FetchCode, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.code: FetchCode = code
        self.message = message
        self.passing = passing


Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) -> the addresses of that name, as text."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of the body; seconds for all of it, redirects included; redirects followed."""

    size: int = 50 * 1024 * 1024
    seconds: float = 20.0
    connect_seconds: float = 5.0
    redirects: int = 3


@dataclass(frozen=True, slots=True)
class Fetched:
    data: bytes
    media_type: str
    """As the server calls it, lower case and without parameters; "" where it does not say."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Which addresses may be fetched from.

    `hosts`: names, or `*.example.com` for all below one; empty: every public host. `origins`: such as `http://shop.internal:8080`,
    trusted by the operator as they are: private addresses, other ports and plain http included.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Allowed:
        """From what an operator writes: hosts and origins together. Raises ValueError for an entry that is neither."""
        hosts: set[str] = set()
        origins: set[str] = set()
        for entry in entries:
            if "://" in entry:
                origins.add(_origin(_parsed(entry)))
            elif _parsed(f"https://{entry.removeprefix('*.')}").host != entry.removeprefix("*.").lower():
                raise ValueError(f"{entry!r} is neither a host nor an origin")
            else:
                hosts.add(entry.lower())
        return cls(frozenset(hosts), frozenset(origins))

    def names(self, host: str) -> bool:
        parents = {f"*.{host[place + 1 :]}" for place, letter in enumerate(host) if letter == "."}
        return bool(self.hosts & {host, *parents}) if self.hosts else not self.origins


PUBLIC = Allowed()
_PORT = 443
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


async def resolve(host: str, port: int) -> Sequence[str]:
    """By the system. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def fetch(
    url: str, media_types: frozenset[str], *, limits: Limits | None = None, allowed: Allowed = PUBLIC, resolve: Resolve = resolve
) -> Fetched:
    """GET, without credentials, cookies, proxies or compression. Raises FetchProblem, and nothing else.

    `media_types`: what the server may call it; besides, it may say nothing or `application/octet-stream`.
    """
    limits = limits or Limits()
    try:
        async with asyncio.timeout(limits.seconds):
            return await _followed(url, media_types, limits, allowed, resolve)
    except (TimeoutError, httpcore.TimeoutException):
        raise FetchProblem("too_slow", f"it took longer than {limits.seconds:g} s", passing=True) from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as failure:
        raise FetchProblem("unreachable", f"the server cannot be reached ({type(failure).__name__})", passing=True) from None


async def _followed(url: str, media_types: frozenset[str], limits: Limits, allowed: Allowed, resolve: Resolve) -> Fetched:
    target = _checked(_parsed_or_refused(url), allowed)
    for _ in range(limits.redirects + 1):
        found = await _asked(target, media_types, limits, allowed, resolve)
        if isinstance(found, Fetched):
            return found
        target = _checked(_joined(target, found), allowed)
    raise FetchProblem("address_refused", f"it redirects more than {limits.redirects} times")


async def _asked(
    target: httpx.URL, media_types: frozenset[str], limits: Limits, allowed: Allowed, resolve: Resolve
) -> Fetched | str:
    """What is there, or where it redirects to."""
    trusted = _origin(target) in allowed.origins
    backend = _CheckedBackend(trusted, resolve)
    waits = {"connect": limits.connect_seconds, "read": limits.seconds, "write": limits.seconds, "pool": limits.seconds}
    async with (
        httpcore.AsyncConnectionPool(network_backend=backend, max_connections=1, max_keepalive_connections=0) as pool,
        pool.stream("GET", _for_core(target), headers=_headers(target), extensions={"timeout": waits}) as response,
    ):
        headers = {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
        if response.status in _REDIRECTS and "location" in headers:
            return headers["location"]
        media_type = _accepted(response.status, headers, media_types, limits)
        body = bytearray()
        async for piece in response.aiter_stream():
            body += piece
            if len(body) > limits.size:
                raise _too_large(limits)
        return Fetched(bytes(body), media_type)


def _accepted(status: int, headers: dict[str, str], media_types: frozenset[str], limits: Limits) -> str:
    if status in (404, 410):
        raise FetchProblem("not_found", "there is nothing at the address any more")
    if status != 200:
        raise FetchProblem("unreachable", f"the server answers with status {status}", passing=status in _PASSING)
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise FetchProblem("type_refused", "the server compresses it, though it was asked not to")
    length = headers.get("content-length", "")
    if length.isdigit() and int(length[:20]) > limits.size:
        raise _too_large(limits)
    media_type = headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type not in {*media_types, "", "application/octet-stream"}:
        raise FetchProblem("type_refused", f"the server calls it {media_type[:80]!r}")
    return media_type


def _too_large(limits: Limits) -> FetchProblem:
    return FetchProblem("too_large", f"it is larger than {limits.size:,} bytes")


def _parsed(url: str) -> httpx.URL:
    """Raises ValueError."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as wrong:
        raise ValueError(f"no address of the web ({wrong})") from None
    if parsed.scheme not in ("http", "https") or not parsed.raw_host:
        raise ValueError("no address of the web")
    return parsed


def _parsed_or_refused(url: str) -> httpx.URL:
    if len(url) > 2000 or url != url.strip() or "\\" in url or any(ord(character) < 0x21 for character in url):
        raise FetchProblem("address_refused", "it is no address of the web")
    try:
        return _parsed(url)
    except ValueError:
        raise FetchProblem("address_refused", "it is no address of the web") from None


def _joined(target: httpx.URL, location: str) -> httpx.URL:
    try:
        return _parsed_or_refused(str(target.join(location)))
    except httpx.InvalidURL:
        raise FetchProblem("address_refused", "it redirects to what is no address of the web") from None


def _checked(target: httpx.URL, allowed: Allowed) -> httpx.URL:
    if target.userinfo:
        raise FetchProblem("address_refused", "the address holds a user name or password")
    if _origin(target) in allowed.origins:
        return target
    if target.scheme != "https":
        raise FetchProblem("address_refused", "only https is fetched")
    if (target.port or _PORT) != _PORT:
        raise FetchProblem("address_refused", f"only port {_PORT} is fetched from")
    if not allowed.names(target.host.lower().rstrip(".")):
        raise FetchProblem("address_refused", f"{target.host!r} is not among the hosts that may be fetched from")
    return target


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.host.lower()}:{url.port or (443 if url.scheme == 'https' else 80)}"


def _for_core(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def _headers(url: httpx.URL) -> list[tuple[bytes, bytes]]:
    return [(b"Host", url.netloc), (b"Accept", b"image/*"), (b"Accept-Encoding", b"identity"), (b"User-Agent", b"platen")]


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to an address that was checked, never to a name: a second look-up could answer with another address."""

    def __init__(self, trusted: bool, resolve: Resolve) -> None:
        self._trusted = trusted
        self._resolve = resolve
        self._plain: httpcore.AsyncNetworkBackend = httpcore.AnyIOBackend()  # pyright: ignore[reportAttributeAccessIssue]

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the name is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._addresses(host, port, timeout)
        for address in addresses[:-1]:
            with contextlib.suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._plain.connect_tcp(address, port, timeout, local_address, socket_options)
        return await self._plain.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def _addresses(self, host: str, port: int, seconds: float | None) -> Sequence[str]:
        try:
            async with asyncio.timeout(seconds):
                addresses = await self._resolve(host, port)
        except UnicodeError:
            raise FetchProblem("address_refused", "its host is no name") from None
        if not addresses:
            raise FetchProblem("unreachable", f"{host!r} has no address", passing=True)
        if not self._trusted and not all(map(is_public, addresses)):
            raise FetchProblem("address_refused", f"{host!r} does not lie in the public internet")
        return addresses
