"""Small services that behave well or badly, run by the real supervisor."""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from platen_cli.local.daemon import MARK

SERVICE = """
import http.server, os, signal, subprocess, sys

class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")
    def log_message(self, *words):
        pass

host, port = os.environ["PLATEN_HTTP"].split(":")
print("listening, database", os.environ.get("PLATEN_DATABASE", "none"), flush=True)
signal.signal(signal.SIGTERM, lambda *_: (print("draining", flush=True), os._exit(0)))
MORE
http.server.ThreadingHTTPServer((host, int(port)), Ready).serve_forever()
"""

MakeService = Callable[..., Path]


@pytest.fixture
def make_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeService:
    """`make_service("fake")` writes a package platen_fake that serves /ready; `more` is code it runs before it listens."""
    root = tmp_path / "packages"
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.setenv("PYTHONPATH", str(root))

    def make(name: str, more: str = "") -> Path:
        package = root / f"platen_{name}"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(SERVICE.replace("MORE", textwrap.dedent(more)))
        return package

    return make


def of_run(folder: Path) -> list[psutil.Process]:
    """Every living process that carries the mark of a run in the folder."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            mark = process.environ().get(MARK, "")
            alive = process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid()
        except psutil.Error:
            continue
        if alive and mark and Path(mark).is_relative_to(folder.resolve()):
            found.append(process)
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Returns when the condition holds; fails when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come to hold in time"
        time.sleep(0.05)
