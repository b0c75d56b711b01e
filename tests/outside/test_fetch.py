"""The forms that a stranger's address may take, and what becomes of each."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from platen_outside.addresses import is_public
from platen_outside.fetch import PUBLIC, Allowed, Fetched, FetchProblem, Limits, fetch

IMAGES = frozenset({"image/png", "image/jpeg"})
PUBLIC_ADDRESS = "93.184.215.14"


async def names_are(host: str, port: int) -> Sequence[str]:
    """What the resolver says of the names that the tests use; forms of addresses go to the system, as in life."""
    known = {
        "inside.example": ["10.1.2.3"],
        "half.example": [PUBLIC_ADDRESS, "127.0.0.1"],
        "mapped.example": ["::ffff:169.254.169.254"],
        "nat64.example": ["64:ff9b::7f00:1"],
        "nowhere.example": [],
        "outside.example": [PUBLIC_ADDRESS],
    }
    if host in known:
        return known[host]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(each[4][0]) for each in found]


async def refusal(url: str, allowed: Allowed = PUBLIC, limits: Limits | None = None) -> FetchProblem:
    with pytest.raises(FetchProblem) as problem:
        await fetch(url, IMAGES, allowed=allowed, resolve=names_are, limits=limits)
    return problem.value


HOSTILE = [
    "https://127.0.0.1/a.png",
    "https://127.1/a.png",
    "https://127.255.255.254/a.png",
    "https://2130706433/a.png",
    "https://0x7f000001/a.png",
    "https://0x7f.0.0.1/a.png",
    "https://0177.0.0.1/a.png",
    "https://0/a.png",
    "https://0.0.0.0/a.png",
    "https://10.0.0.1/a.png",
    "https://172.16.31.1/a.png",
    "https://192.168.1.1/a.png",
    "https://100.64.0.1/a.png",
    "https://100.100.100.200/latest/meta-data/",
    "https://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "https://168.63.129.16/machine?comp=goalstate",
    "https://192.0.0.192/opc/v2/instance/",
    "https://198.18.0.1/a.png",
    "https://224.0.0.1/a.png",
    "https://255.255.255.255/a.png",
    "https://[::1]/a.png",
    "https://[::]/a.png",
    "https://[::ffff:127.0.0.1]/a.png",
    "https://[::ffff:a9fe:a9fe]/latest/meta-data/",
    "https://[::127.0.0.1]/a.png",
    "https://[64:ff9b::7f00:1]/a.png",
    "https://[2002:7f00:1::]/a.png",
    "https://[fe80::1]/a.png",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://[fec0::1]/a.png",
    "https://[ff02::1]/a.png",
    "https://１２７.０.０.１/a.png",
    "https://①②⑦.0.0.1/a.png",
    "https://inside.example/a.png",
    "https://half.example/a.png",
    "https://mapped.example/a.png",
    "https://nat64.example/a.png",
    "http://outside.example/a.png",
    "https://outside.example:22/a.png",
    "https://outside.example:9092/a.png",
    "https://user:password@outside.example/a.png",
    "https://outside.example@127.0.0.1/a.png",
    "https://127.0.0.1\\@outside.example/a.png",
    "https://outside.example/a.png\r\nHost: inside",
    " https://outside.example/a.png",
    "file:///etc/passwd",
    "ftp://outside.example/a.png",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict://127.0.0.1:11211/stats",
    "data:image/png;base64,AAAA",
    "jar:https://outside.example!/a.png",
    "unix:///var/run/docker.sock",
    "//outside.example/a.png",
    "/etc/passwd",
    "https:///a.png",
    "https://",
    "https://" + "a" * 3000 + ".example/",
    "",
]


@pytest.mark.parametrize("url", HOSTILE)
async def test_a_hostile_address_is_refused_before_anything_is_sent(url: str, no_connections: None) -> None:
    problem = await refusal(url)
    assert (problem.code, problem.passing) == ("address_refused", False)


@pytest.fixture
def no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection, to whatever address, fails the test."""

    async def connects(*_: object) -> None:
        raise AssertionError("it connected")

    monkeypatch.setattr("httpcore.AnyIOBackend.connect_tcp", connects)


@pytest.mark.parametrize(
    "address", [PUBLIC_ADDRESS, "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_public_in_every_form(address: str) -> None:
    assert is_public(address)


def test_what_is_no_address_is_not_public() -> None:
    assert not is_public("outside.example")
    assert not is_public("fe80::1%eth0")


async def test_a_name_is_resolved_once_and_the_checked_address_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    connected: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return [PUBLIC_ADDRESS] if len(asked) == 1 else ["127.0.0.1"]

    async def connects(self: object, host: str, *_: object) -> None:
        connected.append(host)
        raise OSError("no route")

    monkeypatch.setattr("httpcore.AnyIOBackend.connect_tcp", connects)
    with pytest.raises(FetchProblem) as problem:
        await fetch("https://rebinding.example/a.png", IMAGES, resolve=rebinding)
    assert (asked, connected, problem.value.code) == (["rebinding.example"], [PUBLIC_ADDRESS], "unreachable")


async def test_only_the_hosts_that_an_operator_names_are_fetched_from() -> None:
    allowed = Allowed.of(["cdn.shop.example", "*.uploads.example"])
    for host in ("outside.example", "shop.example", "evil-cdn.shop.example", "uploads.example", "x.uploads.example.evil.example"):
        assert "among the hosts" in (await refusal(f"https://{host}/a.png", allowed)).message
    assert allowed.names("a.b.uploads.example")
    assert allowed.names("cdn.shop.example")


@pytest.mark.parametrize("entry", ["", "https://", "a b", "host:80", "host/path", "ftp://host"])
def test_an_entry_that_is_neither_host_nor_origin_is_a_mistake(entry: str) -> None:
    with pytest.raises(ValueError):
        Allowed.of([entry])


Answer = Callable[[str], bytes]


class Server:
    """Plain HTTP on this machine, at an origin that the operator trusts; answers by path."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.answers: dict[str, bytes] = {}
        self.origin = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heard.append(request)
        writer.write(self.answers[request.split(" ")[1]])
        await writer.drain()
        if "drip" in request:
            await reader.read()
        writer.close()

    def says(self, path: str, body: bytes = b"x", status: str = "200 OK", **headers: object) -> str:
        told = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.answers[path] = f"HTTP/1.1 {status}\r\n{told}Connection: close\r\n\r\n".encode() + body
        return self.origin + path


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.origin = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    yield server
    listening.close()


async def test_a_trusted_origin_is_fetched_from_and_told_nothing_of_us(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    url = server.says("/a.png?size=1", b"bytes", Content_Type="image/PNG; charset=binary")
    assert await fetch(url, IMAGES, allowed=Allowed.of([server.origin])) == Fetched(b"bytes", "image/png")
    (request,) = server.heard
    assert request.startswith("GET /a.png?size=1 HTTP/1.1\r\n")
    assert not {"cookie", "authorization", "referer"} & {line.split(":")[0].lower() for line in request.splitlines()}


async def test_the_same_machine_at_another_port_is_not_the_trusted_origin(server: Server) -> None:
    assert (await refusal(server.says("/a.png"), Allowed.of(["http://127.0.0.1:1"]))).code == "address_refused"


async def test_redirects_are_followed_thrice_and_each_is_checked(server: Server) -> None:
    allowed = Allowed.of([server.origin])
    server.says("/3", b"bytes", Content_Type="image/png")
    for step in range(3):
        server.says(f"/{step}", status="302 Found", Location=f"/{step + 1}")
    assert (await fetch(f"{server.origin}/0", IMAGES, allowed=allowed)).data == b"bytes"
    url = server.says("/more", status="302 Found", Location="/0")
    assert "redirects more than 3 times" in (await refusal(url, allowed)).message
    for inside in ("https://169.254.169.254/", "http://127.0.0.1:1/", "file:///etc/passwd", "//[::1]/", "https://half.example/"):
        url = server.says("/inside", status="302 Found", Location=inside)
        assert (await refusal(url, allowed)).code == "address_refused"


@pytest.mark.parametrize(
    ("status", "code", "passing"),
    [("404 Not Found", "not_found", False), ("403 Forbidden", "unreachable", False), ("503 Busy", "unreachable", True)],
)
async def test_another_status_is_a_problem(server: Server, status: str, code: str, passing: bool) -> None:
    problem = await refusal(server.says("/a.png", status=status), Allowed.of([server.origin]))
    assert (problem.code, problem.passing) == (code, passing)


async def test_too_many_bytes_are_refused_whether_announced_or_not(server: Server) -> None:
    allowed, limits = Allowed.of([server.origin]), Limits(size=1000)
    announced = server.says("/announced", b"", Content_Length=10**12)
    assert (await refusal(announced, allowed, limits)).code == "too_large"
    assert (await refusal(server.says("/silent", bytes(2000)), allowed, limits)).code == "too_large"
    assert len((await fetch(server.says("/fits", bytes(1000)), IMAGES, allowed=allowed, limits=limits)).data) == 1000


async def test_a_server_that_drips_is_given_up(server: Server) -> None:
    url = server.says("/drip", b"x", Content_Length=10)
    problem = await refusal(url, Allowed.of([server.origin]), Limits(seconds=0.3))
    assert (problem.code, problem.passing) == ("too_slow", True)


@pytest.mark.parametrize(
    "headers", [{"Content_Type": "text/html"}, {"Content_Type": "image/svg+xml"}, {"Content_Encoding": "gzip"}]
)
async def test_what_calls_itself_something_else_is_refused(server: Server, headers: dict[str, str]) -> None:
    assert (await refusal(server.says("/a.png", **headers), Allowed.of([server.origin]))).code == "type_refused"


async def test_a_body_cut_short_and_an_answer_that_is_no_http_are_passing_failures(server: Server) -> None:
    allowed = Allowed.of([server.origin])
    server.answers["/noise"] = b"SSH-2.0-OpenSSH_9.6\r\n"
    for url in (server.says("/short", b"x", Content_Length=10), f"{server.origin}/noise"):
        problem = await refusal(url, allowed)
        assert (problem.code, problem.passing) == ("unreachable", True)


async def test_a_name_without_an_address_is_unreachable() -> None:
    assert (await refusal("https://nowhere.example/a.png")).code == "unreachable"
