"""Keeps what the sandbox knows across restarts: one JSON line per change, the last line of a key wins."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO


class Journal:
    """An append-only JSON Lines file, or nothing at all when `path` is None.

    A line is handed to the operating system before the change is answered, so a killed sandbox keeps all it answered for.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None

    def open(self) -> Iterator[tuple[str, str, Any]]:
        """Yields (kind, key, value) of the latest state, oldest key first, and leaves the file compacted and open for writing."""
        if self._path is None:
            return
        latest: dict[tuple[str, str], Any] = {}
        if self._path.exists():
            for line in self._path.read_text(encoding="utf-8").splitlines():
                try:
                    kind, key, value = json.loads(line)
                except ValueError:  # a line cut short by a kill: it was never answered for
                    continue
                latest[kind, key] = value
        fresh = self._path.with_suffix(self._path.suffix + ".new")
        with fresh.open("w", encoding="utf-8") as out:
            out.writelines(_line(kind, key, value) for (kind, key), value in latest.items())
        os.replace(fresh, self._path)
        self._file = self._path.open("a", encoding="utf-8")
        for (kind, key), value in latest.items():
            yield kind, key, value

    def write(self, kind: str, key: str, value: Any) -> None:
        if self._file is not None:
            self._file.write(_line(kind, key, value))
            self._file.flush()

    def clear(self) -> None:
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _line(kind: str, key: str, value: Any) -> str:
    return json.dumps([kind, key, value], ensure_ascii=False, separators=(",", ":")) + "\n"
