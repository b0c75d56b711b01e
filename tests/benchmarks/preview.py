"""How long a preview takes while a name is typed: `python -m tests.benchmarks.preview [count]`.

One artwork of 4500 x 5400 pixels with two pictures, a photo and two texts, asked over HTTP with another name each time, one
question after the other as a form does. Goal: 150 ms in 95 of 100. Writes build/bench/preview.json.
"""

from __future__ import annotations

import asyncio
import io
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image
from platen_contracts.catalog import Artwork
from platen_contracts.common import FileRef
from platen_outside.tickets import Tickets
from platen_render.gateway import ObjectStore
from platen_render.store.published import PublishedArtworks
from platen_render.web.interactive import PREVIEW, Interactive
from platen_render.worker.previews import Previews
from starlette.applications import Starlette

KEY = "k" * 32
GOAL_MS = 150
NAMES = ("Anna", "สมชาย", "محمد", "Zoë", "नेहा", "José María")


class OneArtwork(PublishedArtworks):
    def __init__(self, artwork: Artwork) -> None:
        self._artwork = artwork

    async def get(self, reference: str) -> Artwork | None:
        return self._artwork


async def measured(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="platen-bench-") as folder:
        objects = ObjectStore(f"file://{folder}")
        artwork = await _artwork(objects)
        photo = await objects.put_by_content(_picture(4000, 3000, "JPEG"), "image/jpeg")
        previews, stop = Previews(OneArtwork(artwork), objects), asyncio.Event()
        work = asyncio.create_task(previews.run(stop))
        await asyncio.sleep(0)
        figures = await _measured(previews, photo, count)
        stop.set()
        await work
    return figures


def main(count: int) -> None:
    figures = asyncio.run(measured(count))
    Path("build/bench").mkdir(parents=True, exist_ok=True)
    Path("build/bench/preview.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.exit(0 if figures["p95_ms"] <= GOAL_MS else 1)


async def _measured(previews: Previews, photo: FileRef, count: int) -> dict[str, Any]:
    app = Starlette(routes=Interactive(KEY, previews, None, None, 0).routes)  # type: ignore[arg-type]  nothing is uploaded here
    headers = {"Authorization": f"Bearer {Tickets(KEY, PREVIEW).issue('bench')}"}
    taken: list[float] = []
    size = 0
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://render", timeout=60) as client:
        for number in range(count + 1):
            answers = {"name": f"{NAMES[number % len(NAMES)]} {number}", "photo": photo.model_dump()}
            question = {"artwork": {"artwork_id": "bench", "version": 1}, "side": "front", "answers": answers}
            began = time.perf_counter()
            told = await client.post("/previews", json=question, headers=headers)
            taken.append((time.perf_counter() - began) * 1000)
            told.raise_for_status()
            size = max(size, len(told.content))
    first, warm = taken[0], sorted(taken[1:])
    return {
        "previews": count,
        "first_ms": round(first, 1),
        "p50_ms": round(statistics.median(warm), 1),
        "p95_ms": round(warm[max(0, round(0.95 * count) - 1)], 1),
        "max_ms": round(warm[-1], 1),
        "max_bytes": size,
    }


async def _artwork(objects: ObjectStore) -> Artwork:
    pictures = [await objects.put_by_content(_picture(2000, 2400, "PNG"), "image/png") for _ in range(2)]
    box = {"width": 4500, "height": 2700}
    text = {"kind": "text", "option": "name", "x": 300, "width": 3900, "height": 600, "font": "Noto Sans", "size": 400}
    layers = [
        {"kind": "image", "file": pictures[0].model_dump(), **box},
        {"kind": "image", "file": pictures[1].model_dump(), **box, "y": 2700},
        {"kind": "photo", "option": "photo", "x": 1000, "y": 1500, "width": 2500, "height": 2500},
        {**text, "y": 300, "outline": {"width": 20, "colour": "#ffffff"}},
        {**text, "y": 4400, "curve": {"kind": "arc", "angle": 90}},
    ]
    return Artwork.model_validate(
        {
            "artwork_id": "bench",
            "version": 1,
            "title": "Bench",
            "width_px": 4500,
            "height_px": 5400,
            "options": {"name": {"label": "Name"}, "photo": {"label": "Photo", "kind": "photo"}},
            "sides": {"front": {"layers": layers}},
        }
    )


def _picture(width: int, height: int, form: str) -> bytes:
    noise = np.random.default_rng(7).integers(0, 256, (height // 20, width // 20, 3), np.uint8)
    target = io.BytesIO()
    Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).save(target, form)
    return target.getvalue()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
