"""`make gallery`: every design of designs/ as a print file, with its pictures and its document, on one page to be looked at."""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

import yaml
from platen_cli.documents.exhibits import Exhibit, exhibits
from platen_render.worker.outputs import Printed

DESIGNS = Path(__file__).with_name("designs")
PAGE = Path("build/gallery/index.html")
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/tiff": "tif", "application/pdf": "pdf"}
_SHOWN_BY_BROWSERS = ("png", "jpg")

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1500px; padding: 0 1rem; color: #222; }
section { border-top: 2px solid #ddd; margin-top: 2.5rem; }
.shown { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
figure { margin: 0; max-width: min(720px, 100%); } figcaption { margin-top: .3rem; }
.sheet { position: relative; line-height: 0; display: inline-block; border: 1px solid #bbb;
  background: repeating-conic-gradient(#eee 0 25%, #fff 0 50%) 0 0 / 20px 20px; }
.sheet img { max-width: 100%; max-height: 900px; } .sheet svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.views img { max-height: 260px; border: 1px solid #bbb; background: #fff; margin: .5rem .5rem 0 0; }
.warned { color: #a04000; } pre { background: #f6f6f4; padding: 1rem; overflow: auto; max-height: 30rem; }
"""


def page(shown: list[tuple[Exhibit, Printed]]) -> tuple[str, dict[str, bytes]]:
    """The HTML, and the files beside it by name."""
    files: dict[str, bytes] = {}
    sections: dict[str, list[str]] = {}
    for number, (exhibit, printed) in enumerate(shown, 1):
        name = f"{number:02}-{exhibit.artwork.artwork_id}-{exhibit.side}"
        sections.setdefault(exhibit.artwork.artwork_id, []).append(_figure(exhibit, printed, name, files))
    artworks = {exhibit.artwork.artwork_id: exhibit for exhibit, _ in shown}
    body = "\n".join(_section(artworks[name], figures) for name, figures in sections.items())
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>Platen: gallery</title><style>{_STYLE}</style>"
    return f"{head}\n<h1>Gallery</h1>\n{body}\n</html>\n", files


def _section(exhibit: Exhibit, figures: list[str]) -> str:
    document = escape(exhibit.document.read_text("utf-8"))
    return (
        f"<section id={exhibit.artwork.artwork_id}><h2>{escape(exhibit.artwork.title)}</h2>\n"
        f"<div class=shown>{''.join(figures)}</div>"
        f"\n<details><summary>{exhibit.document.name}</summary><pre>{document}</pre></details></section>"
    )


def _figure(exhibit: Exhibit, printed: Printed, name: str, files: dict[str, bytes]) -> str:
    ending = _ENDINGS[str(exhibit.output.get("media_type", "image/png"))]
    file = f"{name}.{ending}"
    files[file] = printed.data
    views = {view: f"{name}-{view}.webp" for view in printed.views}
    files.update({views[view]: data for view, data in printed.views.items()})
    image = file if ending in _SHOWN_BY_BROWSERS else views["preview"]
    small = "".join(f'<img src="{path}" alt="{view}" title="{view}">' for view, path in views.items() if path != image)
    warned = "".join(f"<br><span class=warned>warning: {escape(each)}</span>" for each in printed.warnings)
    answers = {
        key: answer if isinstance(answer, str | list) else f"({answer.media_type})" for key, answer in exhibit.answers.items()
    }
    told = f"<pre>{escape(yaml.safe_dump(answers, allow_unicode=True, sort_keys=False))}</pre>" if answers else ""
    return (
        f'<figure><div class=sheet><img src="{image}" alt="">{_overlay(exhibit)}</div><div class=views>{small}</div>'
        f'<figcaption>{escape(exhibit.shows)} <a href="{file}">{file}</a> ({len(printed.data) / 1000:,.0f} kB)'
        f"{warned}{told}</figcaption></figure>"
    )


def _overlay(exhibit: Exhibit) -> str:
    """Dashed where it is cut, dotted what texts stay inside of."""
    artwork = exhibit.artwork
    lines: list[str] = []
    for inset, dashes in ((artwork.bleed, "12 6"), (artwork.bleed + artwork.safe if artwork.safe else 0, "2 6")):
        edge = inset * artwork.px_per_unit
        if edge:
            width, height = artwork.width_px - 2 * edge, artwork.height_px - 2 * edge
            box = f'x="{edge}" y="{edge}" width="{width}" height="{height}"'
            lines.append(f'<rect {box} fill="none" stroke="#f0f" stroke-width="2" stroke-dasharray="{dashes}"/>')
    return f'<svg viewBox="0 0 {artwork.width_px} {artwork.height_px}">{"".join(lines)}</svg>' if lines else ""


def main() -> None:
    html, files = page([(exhibit, exhibit.printed()) for exhibit in exhibits(DESIGNS)])
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (PAGE.parent / name).write_bytes(data)
    PAGE.write_text(html, encoding="utf-8")
    sys.stdout.write(f"{PAGE}: {len(files)} files; open it in a browser\n")


if __name__ == "__main__":
    main()
