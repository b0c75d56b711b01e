"""The vendor's file library: downloads a print file once per URL, decodes it, and says what is wrong with it."""

import asyncio
import hashlib
import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import httpx
from PIL import Image, UnidentifiedImageError

from platen_sandbox.clock import now, rfc3339
from platen_sandbox.model import Account, Json
from platen_sandbox.world import World

MOST_BYTES = 200 * 1024 * 1024
LEAST_DPI = 150
MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg"}
DECODED_AT_ONCE = 2
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    IndexError,
    OverflowError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""Whatever a decoder may raise on bytes that are no picture; anything missing here would leave an order pending for ever."""


PATIENCE = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between tries of a download that may work later: vendors do not give an order back because one request broke."""


class BadFileError(Exception):
    """One line for the order's failure reason."""


class _NotNowError(BadFileError):
    """It may be there later: no answer, or the server's own trouble."""


@dataclass(frozen=True)
class Found:
    media_type: str
    width: int
    height: int
    dpi: int


class FileLibrary:
    """Files are kept by account and URL: a URL seen before is reused, whatever stands behind it by now."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._client: httpx.AsyncClient | None = None
        self._fetching: dict[tuple[str, str], asyncio.Task[Json]] = {}
        self._decoding = asyncio.Semaphore(DECODED_AT_ONCE)

    async def start(self) -> None:
        self._client = httpx.AsyncClient(timeout=30.0, trust_env=False, follow_redirects=True)

    async def stop(self) -> None:
        for task in list(self._fetching.values()):
            task.cancel()
        await asyncio.gather(*self._fetching.values(), return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def get(self, account: Account, url: str) -> Json:
        """The file's entry `{id, url, sha256, hash, size, width, height, dpi, ...}`; raises BadFileError."""
        key = (account.id, url)
        if key in self._world.files:
            return self._world.files[key]
        if key not in self._fetching:
            self._fetching[key] = asyncio.create_task(self._fetch(account, url))
            self._fetching[key].add_done_callback(lambda _task: self._fetching.pop(key, None))
        return await asyncio.shield(self._fetching[key])

    async def _fetch(self, account: Account, url: str) -> Json:
        content = await self._download(url)
        async with self._decoding:
            found = await asyncio.to_thread(inspect, content)
        entry: Json = {
            "id": self._world.number("file"),
            "url": url,
            "filename": PurePosixPath(urlsplit(url).path).name or "file",
            "hash": hashlib.md5(content).hexdigest(),
            "sha256": hashlib.sha256(content).hexdigest(),
            "mime_type": found.media_type,
            "size": len(content),
            "width": found.width,
            "height": found.height,
            "dpi": found.dpi,
            "created": int(now().timestamp()),
            "fetched_at": rfc3339(now()),
        }
        self._world.save_file(account.id, url, entry)
        return entry

    async def _download(self, url: str) -> bytes:
        for seconds in PATIENCE:
            try:
                return await self._try_download(url)
            except _NotNowError:
                await asyncio.sleep(seconds)
        return await self._try_download(url)

    async def _try_download(self, url: str) -> bytes:
        assert self._client is not None, "files are fetched only while the application runs"
        parts: list[bytes] = []
        size = 0
        try:
            async with self._client.stream("GET", url) as response:
                if response.is_server_error or response.status_code == 429:
                    raise _NotNowError(f"File could not be downloaded: the server answered {response.status_code}")
                if not response.is_success:
                    raise BadFileError(f"File could not be downloaded: the server answered {response.status_code}")
                async for part in response.aiter_bytes():
                    size += len(part)
                    if size > MOST_BYTES:
                        raise BadFileError(f"File is larger than {MOST_BYTES // 1024 // 1024} MB")
                    parts.append(part)
        except httpx.TransportError as error:
            raise _NotNowError(f"File could not be downloaded: {type(error).__name__}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise BadFileError(f"File could not be downloaded: {type(error).__name__}") from error
        return b"".join(parts)


def inspect(content: bytes) -> Found:
    """Decodes every pixel, as a printer must; only PNG and JPEG are printed."""
    if not content:
        raise BadFileError("File is empty")
    try:
        with Image.open(io.BytesIO(content), formats=tuple(MEDIA_TYPES)) as image:
            image.load()
            width, height = image.size
            dpi = image.info.get("dpi", (0, 0))
            return Found(MEDIA_TYPES[image.format or ""], width, height, round(min(dpi)))
    except UnidentifiedImageError:
        raise BadFileError("File is not a PNG or JPEG image") from None
    except UNREADABLE as error:
        raise BadFileError(f"File is a broken image: {error}".replace("\n", " ")[:200]) from error


def resolution(file: Json, size: tuple[float, float]) -> int:
    """Dots per inch when the file fills a print of (width, height) inches."""
    return int(min(file["width"] / size[0], file["height"] / size[1]))


def check_resolution(file: Json, size: tuple[float, float] | None) -> None:
    if size is not None and resolution(file, size) < LEAST_DPI:
        pixels = f"{file['width']}x{file['height']} px for {size[0]:g}x{size[1]:g} in"
        raise BadFileError(
            f"File resolution is too low: {resolution(file, size)} DPI ({pixels}), at least {LEAST_DPI} DPI is needed"
        )
