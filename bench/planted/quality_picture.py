"""The picture for the README: planted faults, each with the line of the verdict that found it."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path

from judged import Judged
from playwright.sync_api import sync_playwright

from ml.asset import Asset
from ml.readers.registry import read_mesh
from ml.sources import Source
from tasks.orient import OrientOptions, orient
from tasks.thumbnail import ThumbnailOptions, thumbnail

PICTURE = Path(__file__).parents[1] / "pictures" / "quality.jpg"
CHROMIUM = "/usr/bin/chromium"
SHOWN = (
    "holes", "flipped faces", "inside-out piece", "self-intersections", "thin walls", "floaters", "too fine features",
    "LOD of another colour", "stretched UVs", "overlapping UVs", "uneven texel density", "texture seams",
    "empty texels", "dark albedo", "blown-out albedo", "half metal", "topples", "lying on its back",
    "ten times too large or small", "unlike its picture",
)  # fmt: skip
STYLE = """
body { margin: 0; padding: 20px; width: 1200px; background: #f6f5f1; color: #1d1d1b }
body { font: 12px/1.35 "DejaVu Sans", sans-serif; display: grid; grid-template-columns: repeat(5, 1fr); gap: 12px }
body { align-items: start }
div { background: #fff; border: 1px solid #dedcd4; border-radius: 10px; overflow: hidden }
img { width: 100%; aspect-ratio: 1.25; object-fit: cover; display: block }
p { margin: 0; padding: 8px 10px 10px } b { display: block; font-size: 13px } code { font: 11px "DejaVu Sans Mono" }
.reject { color: #b5412b } .warn { color: #8a6d1a }
"""


def draw(found: Sequence[Judged], folder: Path) -> None:
    """One card for each of SHOWN that was found; `folder` holds the corpus."""
    cards = "".join(
        _card(next(each for each in found if each.case.fault and each.case.fault.name == name and each.right), folder)
        for name in SHOWN
        if any(each.case.fault and each.case.fault.name == name and each.right for each in found)
    )
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1240, "height": 100})
        page.set_content(f"<!doctype html><style>{STYLE}</style>{cards}")
        page.screenshot(path=str(PICTURE), full_page=True, type="jpeg", quality=85)
        browser.close()


def _card(each: Judged, folder: Path) -> str:
    assert each.case.fault is not None
    finding = each.right[0]
    code, _, rest = finding.text.partition(": ")
    poster = base64.b64encode(thumbnail(_asset(folder / each.case.file), ThumbnailOptions())).decode()
    said = f'<code class="{finding.severity}">{html.escape(code)}</code><br>{html.escape(rest)}'
    title = html.escape(each.case.fault.name)
    return f'<div><img src="data:image/jpeg;base64,{poster}"><p><b>{title}</b>{said}</p></div>'


def _asset(path: Path) -> Asset:
    """The file as a viewer shows it: of a level that is at fault, that level."""
    asset = read_mesh(Source(str(path), str(path.parent)))
    asset = orient(asset, OrientOptions(up_axis="z")) if path.suffix == ".stl" else asset
    return asset.lods[0] if path.name.startswith("LOD") and asset.lods else asset
