"""Makes the README's pictures from a finished quickstart run: rows beside their assets, and the report in a browser."""

from __future__ import annotations

import argparse
import base64
import html
import io
import json
import math
import re
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from bench.viewer_picture import viewer_page
from manifests.ledger import Ledger
from manifests.readers import read_manifest
from manifests.row import Row
from manifests.store import Store
from ml.asset import Asset
from ml.generators.procedural import Procedural
from ml.generators.protocol import Request
from ml.parametric.catalogue import BUILDERS
from ml.prompt import parse_prompt
from tasks.thumbnail import ThumbnailOptions, thumbnail

ROOT = Path(__file__).parents[1]
PICTURES = Path(__file__).parent / "pictures"
RESULTS = Path(__file__).parent / "results"
CPU_UNITS = ("CPU-s", "CPU-ms")
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless=new", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SHOWN = ("velvet-armchair", "glazed-mug", "rocket-drawing", "tin-robot", "toy-train")

STYLE = """
body { margin: 0; padding: 28px; width: 1104px; background: #f6f5f1; color: #1d1d1b }
body { font: 15px/1.45 "DejaVu Sans", sans-serif }
.row { display: grid; grid-template-columns: 340px 44px 180px 44px 1fr; align-items: center; margin-bottom: 14px }
.card { background: #fff; border: 1px solid #dedcd4; border-radius: 10px; padding: 14px; height: 180px }
.card { display: flex; gap: 10px; align-items: center; box-sizing: border-box; overflow: hidden }
.card img { height: 150px; max-width: 100%; object-fit: contain; border-radius: 6px }
.views img { height: 68px } .views { flex-wrap: wrap }
.poster { padding: 0 } .poster img { height: 180px; width: 180px }
.arrow { text-align: center; color: #2a7d6f; font-size: 24px }
.files { font: 12.5px/1.6 "DejaVu Sans Mono", monospace; display: block; padding: 12px 16px }
.kind { color: #6b6a64; font-size: 12px; display: block } b { color: #2a7d6f; font-weight: 600 }
"""


def image(data: bytes, kind: str) -> str:
    """An <img> that carries its bytes."""
    return f'<img src="data:image/{kind};base64,{base64.b64encode(data).decode()}">'


def given(row: Row) -> str:
    """What the manifest says of a row."""
    if row.images:
        shown = "".join(image(Path(uri).read_bytes(), "png") for uri in row.images[:6])
        kind = f'<span class="kind">images: {len(row.images)} views</span>'
        return f'<div class="card views">{kind}{shown}</div>'
    for kind in ("image", "sketch"):
        uri = getattr(row, kind)
        if uri:
            return f'<div class="card"><span class="kind">{kind}</span>{image(Path(uri).read_bytes(), "png")}</div>'
    text = f"“{html.escape(row.prompt)}”" if row.prompt else html.escape(Path(row.mesh or "").name)
    return f'<div class="card"><span><span class="kind">{"prompt" if row.prompt else "mesh"}</span>{text}</span></div>'


def made(asset: dict[str, Any]) -> str:
    """What came of it, in the ledger's words."""
    metrics = asset["metrics"]
    size = " × ".join(f"{metrics[f'size.{axis}_m']:.2f}" for axis in ("width", "height", "depth"))
    files = [output for output in asset["outputs"] if output["format"] in ("glb", "obj") and output["lod"] < 3]
    names = "<br>".join(f"{Path(file['uri']).name} · {file['bytes'] / 1e3:.0f} kB" for file in files[:5])
    head = f"<b>{asset['outcome']}</b> · {metrics['triangles']:.0f} triangles · {size} m"
    return f'<div class="card files">{head}<br>{names}</div>'


def rows_to_assets(browser: Browser, out: Path) -> None:
    """One line a kind of input: what was given, what it looks like, what lies in the folder."""
    ledger = {row["id"]: row for row in Ledger(Store(str(out))).rows()}
    rows = {
        row.id: row for row in read_manifest(str(ROOT / "manifests/examples/quickstart.csv")) if isinstance(row, Row)
    }
    lines = []
    for id in SHOWN:
        uri = next(output["uri"] for output in ledger[id]["outputs"] if output["format"] == "poster")
        poster = f'<div class="card poster">{image((out / uri).read_bytes(), "jpeg")}</div>'
        arrow = '<div class="arrow">→</div>'
        lines.append(f'<div class="row">{given(rows[id])}{arrow}{poster}{arrow}{made(ledger[id])}</div>')
    page = browser.new_page(viewport={"width": 1160, "height": 100}, device_scale_factor=1.5)
    page.set_content(f"<style>{STYLE}</style>{''.join(lines)}")
    page.screenshot(path=str(PICTURES / "rows-to-assets.png"), full_page=True)


def report_pages(browser: Browser, out: Path) -> None:
    """The run's own page of the report, and the review with a few decisions made by keyboard."""
    address = (out / "report/index.html").resolve().as_uri()
    page = browser.new_page(viewport={"width": 1280, "height": 1010})
    page.goto(f"{address}#view=run")
    page.wait_for_selector("html[data-ready]")
    page.screenshot(path=str(PICTURES / "report.png"))
    page = browser.new_page(viewport={"width": 1280, "height": 1010})
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    for keys in ("j", "a", "a", "r1", "m", "a", "a"):  # a decision goes on to the next asset by itself
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_timeout(500)
    page.wait_for_timeout(6500)  # the message about the last one has gone
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(1000)
    page.screenshot(path=str(PICTURES / "review.png"))


def categories() -> None:
    """One asset of every category the procedural generator knows, as its poster."""
    requests = [Request(name, seed=1, prompt=parse_prompt(f"a {name}")) for name in sorted(BUILDERS)]
    assets = [asset for asset in Procedural().generate(requests) if isinstance(asset, Asset)]
    columns, side = 12, 150
    sheet = Image.new("RGB", (columns * side, -(-len(assets) // columns) * side), "white")
    for place, asset in enumerate(assets):
        poster = Image.open(io.BytesIO(thumbnail(asset, ThumbnailOptions(size=2 * side))))
        sheet.paste(poster.resize((side, side)), (place % columns * side, place // columns * side))
    sheet.save(PICTURES / "categories.jpg", quality=88)


BARS = """
.bar { display: grid; grid-template-columns: 470px 1fr; align-items: center; gap: 14px; margin: 5px 0 }
.bar i { display: inline-block; height: 17px; border-radius: 4px; background: #2a7d6f; vertical-align: middle }
.bar em { color: #6b6a64; font-style: normal; font-size: 13px } .bar span { text-align: right }
"""


def ratios(browser: Browser) -> None:
    """A bar for each geometry kernel that has a peer: how many times less CPU it takes, on a logarithmic scale."""
    files = sorted(RESULTS.glob("geometry_*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()[1:]]
    small = re.compile(r"self-intersections, (?!187k)")  # 20 real meshes: in RESULTS.md
    measured = [
        line for line in lines if line["ratio"] and line["unit"] in CPU_UNITS and not small.match(line["figure"])
    ]
    kept: dict[str, dict[str, Any]] = {}
    for line in measured:  # of several peers the best one
        old = kept.setdefault(line["figure"], line)
        if line["ratio"] < old["ratio"]:
            kept[line["figure"]] = line
    bars = []
    for name, line in kept.items():
        width = 480 * math.log10(max(line["ratio"], 1.02)) / 3
        said = f"<b>{line['ratio']:.1f}×</b> <em>{html.escape(line['peer'])}</em>"
        bar = f'<i style="width:{width:.0f}px"></i> {said}'
        bars.append(f'<div class="bar"><span>{html.escape(name)}</span><div>{bar}</div></div>')
    page = browser.new_page(viewport={"width": 1160, "height": 100}, device_scale_factor=1.5)
    page.set_content(f"<style>{STYLE}{BARS}</style>{''.join(bars)}")
    page.screenshot(path=str(PICTURES / "geometry.png"), full_page=True)


def main() -> None:
    """Write every picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", nargs="?", default="out/quickstart", help="a finished run of the quickstart")
    out = Path(parser.parse_args().out)
    PICTURES.mkdir(exist_ok=True)
    categories()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        rows_to_assets(browser, out)
        report_pages(browser, out)
        viewer_page(browser, out)
        ratios(browser)
        browser.close()


if __name__ == "__main__":
    main()
