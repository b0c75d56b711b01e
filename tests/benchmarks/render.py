"""`make bench-render`: our renderer beside a straightforward Pillow program, the same design at the same size, in one run.

Each arm draws in a process of its own, in turns; what counts is the processor's time (of every thread), which a busy machine
disturbs less than the clock. Writes `build/bench/render.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from platen_contracts.common import OutputProfile
from platen_render.worker.outputs import press

from . import render_design as design

OUT = Path("build/bench/render.json")
_MB = 1024 * 1024
_WARMED = 100
"""Files after which caches are all but full."""
_SMALL = 10
"""The files of the growth arm are this many times smaller on each edge."""


def main() -> None:
    options = _options()
    if options.arm:
        told = _growth(options.files) if options.arm == "growth" else _timed(options.arm, options.files)
        sys.stdout.write(json.dumps(told))
        return
    rounds: dict[str, list[dict[str, Any]]] = {"ours": [], "pillow": []}
    for _ in range(options.rounds):
        for name, told in rounds.items():
            told.append(_run(name, options.files))
    report = _report(rounds) | _run("growth", options.growth)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(report, indent=2) + "\n")
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


def _report(rounds: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    def middle(arm: str, figure: str) -> float:
        return statistics.median(one[figure] for one in rounds[arm])

    return {
        "ours_per_s": round(1 / middle("ours", "cpu_s"), 3),
        "pillow_per_s": round(1 / middle("pillow", "cpu_s"), 3),
        "ratio_pillow": round(middle("pillow", "cpu_s") / middle("ours", "cpu_s"), 2),
        "bytes_ratio": round(middle("ours", "bytes") / middle("pillow", "bytes"), 3),
        "peak_mb": round(max(one["peak_mb"] for one in rounds["ours"])),
        "peak_mb_pillow": round(max(one["peak_mb"] for one in rounds["pillow"])),
        "per": "second of processor time",
        "size": [design.WIDTH, design.HEIGHT],
        "rounds": rounds,
        "machine": {"cpus": os.cpu_count(), "load": os.getloadavg()[0], "processor": platform.machine()},
        "versions": {name: version(name) for name in ("skia-python", "uharfbuzz", "pyvips-binary", "zlib-ng", "pillow")},
    }


def _run(arm: str, files: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.render", "--arm", arm, "--files", str(files)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def _timed(arm: str, files: int) -> dict[str, Any]:
    """Per file: processor and clock time, and bytes. The first one, which opens fonts, is not counted; the peak knows it."""
    pictures = design.pictures()
    drawn = _ours(pictures) if arm == "ours" else design.by_pillow(pictures)
    data = drawn()
    cpu, clock = time.process_time(), time.perf_counter()
    for _ in range(files):
        data = drawn()
    return {
        "cpu_s": (time.process_time() - cpu) / files,
        "clock_s": (time.perf_counter() - clock) / files,
        "bytes": len(data),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _ours(pictures: dict[str, bytes], smaller: int = 1) -> Callable[[], bytes]:
    artwork, assets = design.as_artwork(pictures)
    size = {"width_px": design.WIDTH // smaller, "height_px": design.HEIGHT // smaller}
    profile = OutputProfile.model_validate({"profile_id": "bench", "version": 1, **size})
    return lambda: press(artwork, "front", {}, profile, assets, views=False).data


def _growth(files: int) -> dict[str, Any]:
    drawn, process = _ours(design.pictures(), _SMALL), psutil.Process()
    held: list[float] = []
    for _ in range(files):
        drawn()
        held.append(process.memory_info().rss / _MB)
    first, last = statistics.median(held[_WARMED : 2 * _WARMED]), statistics.median(held[-_WARMED:])
    return {"growth_files": files, "growth_mb": round(last - first, 1)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=5, help="per arm and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", type=int, default=500, help=f"files drawn to see memory grow, at least {3 * _WARMED}")
    parser.add_argument("--arm", choices=("ours", "pillow", "growth"), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
