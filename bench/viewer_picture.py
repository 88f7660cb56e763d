"""Draws bench/pictures/viewer.jpg: an asset of the quickstart opened, marked for a refinement, and in other views."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

PICTURE = Path(__file__).parent / "pictures" / "viewer.jpg"
WAIT = 120_000  # ms; software draws these pixels
WIDTH, GAP = 1280, 12


def viewer_page(browser: Browser, out: Path) -> None:
    """The armchair with a box around a leg, its edges and its UV checker, and the robot laid over its picture."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 860}, locale="en-GB")
    page.goto((out / "report/index.html").resolve().as_uri())
    opened(page, "velvet-armchair")
    page.click("[data-tab=mark]")
    page.click("[data-mark=box]")
    drag(page, (0.50, 0.79), (0.64, 0.97))
    page.click(".example >> nth=0")
    large = shot(page, "#detail")
    page.click("[data-tab=look]")
    tiles = []
    for mode in ("wireframe", "checker"):
        page.click(f"[data-mode={mode}]")
        tiles.append(shot(page, ".stage"))
    page.keyboard.press("Escape")
    opened(page, "Tin robot")
    page.click("[data-tab=compare]")
    page.locator(".reference[style*=width]").wait_for(timeout=WAIT)
    tiles.append(shot(page, ".stage"))
    page.close()
    sheet(large, tiles).save(PICTURE, quality=88)


def opened(page: Page, name: str) -> None:
    """Search for the asset of that name, which may be far down the list, open it and wait for its model."""
    page.fill("#q", name)
    page.locator(".cell", has_text=name).first.click(timeout=WAIT)
    page.wait_for_selector(".frame[data-loaded]", timeout=WAIT)


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag the pointer over the model, from and to shares of the canvas' width and height."""
    box = page.locator("canvas.view").bounding_box()
    assert box
    places = [(box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1])
    page.mouse.up()


def shot(page: Page, selector: str) -> Image.Image:
    """What an element shows once everything asked for is drawn."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.wait_for_timeout(400)
    return Image.open(io.BytesIO(page.locator(selector).screenshot(timeout=WAIT))).convert("RGB")


def sheet(large: Image.Image, tiles: list[Image.Image]) -> Image.Image:
    """The large picture over a line of small ones."""
    width = (large.width - GAP * (len(tiles) - 1)) // len(tiles)
    small = [tile.resize((width, round(tile.height * width / tile.width)), Image.Resampling.LANCZOS) for tile in tiles]
    paper = Image.new("RGB", (large.width, large.height + GAP + max(tile.height for tile in small)), "white")
    paper.paste(large, (0, 0))
    for place, tile in enumerate(small):
        paper.paste(tile, (place * (width + GAP), large.height + GAP))
    return paper
