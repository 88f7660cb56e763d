import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks import report
from tasks.camera import orbit
from tasks.report import VIEWER, WEB, write_report
from tests.conftest import CHROMIUM
from tests.tasks.conftest import INFO, WAIT, opened, put_in, served
from tests.tasks.kitchen import STOOL, row, stool, write_kitchen

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not (WEB / VIEWER).exists(), reason="needs the viewer: infra/setup/npm.sh"),
]

MODES = ("shaded", "wireframe", "normals", "base", "roughness", "metallic", "occlusion", "checker")
SIZE = {"width": 900, "height": 620}  # small: software draws every pixel


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("a run")
    write_kitchen(root)
    return root


@dataclass
class Tab:
    """A page with one asset opened."""

    page: Any

    def open(self, ordinal: int) -> None:
        self.page.evaluate("location.hash = ''")
        self.page.wait_for_selector("#detail:empty", state="attached", timeout=WAIT)
        self.page.evaluate(f"location.hash = 'asset={ordinal}'")
        self.page.wait_for_selector(".stage", timeout=WAIT)

    def drawn(self, ordinal: int) -> None:
        self.open(ordinal)
        self.page.wait_for_selector(".frame[data-loaded]", timeout=WAIT)

    def settle(self) -> None:
        """Wait until what was asked for is drawn."""
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def pixels(self) -> np.ndarray:
        shot = self.page.locator(".frame").screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=np.int16)

    def said(self) -> str:
        return str(self.page.inner_text(".stage .hint"))

    def region(self) -> dict[str, Any]:
        return json.loads(self.page.get_attribute(".marked", "data-region") or "{}")


@pytest.fixture(scope="module")
def stage(browser: Any, kitchen: Path) -> Iterator[Tab]:
    """The stool opened from disk, once for all tests that look at it."""
    with opened(browser, kitchen.as_uri(), viewport=SIZE) as page:
        tab = Tab(page)
        tab.drawn(0)
        yield tab


def projected(stage: Tab, points: np.ndarray) -> np.ndarray:
    """(n, 2) page pixels of points in metres, by the posters' camera: the page must agree with Python about it."""
    at = stage.page.locator("canvas.view").bounding_box()
    cloud = np.concatenate([part.vertices for part in stool(4).parts])
    camera = orbit(cloud, 35.0, 20.0, 30.0, margin=1.22, aspect=at["width"] / at["height"])
    return camera.project(points, at["width"], at["height"])[:, :2] + [at["x"], at["y"]]


def front(name: str, across: float, up: float) -> np.ndarray:
    """A point on the side of a part that looks along +Z; across and up in −1…1."""
    centre, half = STOOL[name]
    return np.add(centre, np.multiply(half, (across, up, 1.0)))


def test_every_display_mode_is_another_picture(stage: Tab) -> None:
    seen: dict[str, np.ndarray] = {}
    for mode in MODES:
        stage.page.click(f"[data-mode={mode}]")
        assert stage.page.get_attribute(f"[data-mode={mode}]", "aria-pressed") == "true"
        stage.settle()
        seen[mode] = stage.pixels()
    for mode, picture in seen.items():
        for other, another in seen.items():
            if mode < other:
                assert (np.abs(picture - another).max(axis=2) > 12).mean() > 0.003, f"{mode} looks like {other}"
    roughness = seen["roughness"][:, :, 0] - seen["roughness"][:, :, 1]
    assert np.abs(roughness[roughness.shape[0] // 2]).max() <= 2  # a single map is grey
    stage.page.click("[data-mode=layout]")
    assert stage.page.is_visible("canvas.layout")
    flat = stage.pixels().reshape(-1, 3)
    assert len(np.unique(flat, axis=0)) > 100  # the atlas under lines
    stage.page.click("[data-mode=shaded]")
    assert stage.page.is_hidden("canvas.layout")


def test_slider_changes_the_triangles_that_are_drawn(stage: Tab) -> None:
    high, low = stool(4).face_count, stool(1).face_count
    assert stage.page.get_attribute(".stage", "data-triangles") == str(high)
    assert f"LOD 0 · {high:,} triangles" in stage.page.inner_text(".level-name")
    stage.page.click("[data-mode=wireframe]")
    before = stage.pixels()
    stage.page.focus("#level")
    stage.page.keyboard.press("ArrowRight")
    stage.page.wait_for_selector(f".stage[data-triangles='{low}']", timeout=WAIT)
    stage.settle()
    assert (np.abs(stage.pixels() - before).max(axis=2) > 12).mean() > 0.003  # fewer lines
    assert f"LOD 1 · {low:,} triangles" in stage.page.inner_text(".level-name")
    stage.page.keyboard.press("ArrowLeft")
    stage.page.wait_for_selector(f".stage[data-triangles='{high}']", timeout=WAIT)
    stage.page.click("[data-mode=shaded]")


def test_tools_show_size_in_metres_turn_and_reset(stage: Tab) -> None:
    page = stage.page
    page.click("[data-tool=size]")
    page.wait_for_selector(".sizes span[data-axis=y]", timeout=WAIT)
    points = np.concatenate([part.vertices for part in stool(4).parts])
    for axis, metres in zip("xyz", np.ptp(points, axis=0), strict=True):
        assert page.inner_text(f".sizes span[data-axis={axis}]") == f"{metres:.3f} m"
    page.click("[data-tool=size]")
    still = stage.pixels()
    page.focus("canvas.view")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    stage.settle()
    turned = stage.pixels()
    assert (np.abs(turned - still).max(axis=2) > 12).mean() > 0.02
    page.click("[data-tool=reset]")
    page.click("[data-tool=backdrop]")
    assert "Dark" in stage.said()
    page.click("[data-tool=backdrop]")
    stage.settle()
    page.mouse.move(5, 5)
    assert (np.abs(stage.pixels() - still).max(axis=2) > 12).mean() < 0.003


def test_box_lies_on_the_part_it_was_drawn_over(stage: Tab) -> None:
    page = stage.page
    page.click("[data-tab=mark]")
    page.click("[data-mark=box]")
    corners = projected(stage, np.array([front("leg", -0.7, -0.9), front("leg", 0.7, 0.2)]))
    page.mouse.move(*corners[0])
    page.mouse.down()
    page.mouse.move(*corners[1], steps=2)
    page.mouse.up()
    [box] = stage.region()["boxes"]
    centre, half = map(np.array, STOOL["leg"])
    low, high = np.array(box["min"]), np.array(box["max"])
    slack = 0.012  # metres: the box's own margin of 0.4 % and a pixel
    assert (low >= centre - half - slack).all()
    assert (high <= centre + half + slack).all()
    assert (np.ptp([low, high], axis=0)[:2] > [half[0], 0.8 * half[1]]).all()
    assert high[2] == pytest.approx(centre[2] + half[2], abs=slack)
    page.fill("label:has-text('Depth') input", "1")
    deep = stage.region()["boxes"][0]
    assert deep["min"][2] < -0.29  # through the whole stool
    assert deep["max"] == box["max"]
    page.click("[data-mark=undo]")
    assert stage.region() == {}


def test_brush_leaves_spheres_on_the_surface(stage: Tab) -> None:
    page = stage.page
    page.click("[data-tab=mark]")
    before = stage.pixels()
    page.click("[data-mark=brush]")
    page.focus("canvas.view")
    page.keyboard.press("[")
    path = projected(stage, np.array([front("leg", 0.0, up) for up in (-0.8, -0.4, 0.0, 0.4)]))
    page.mouse.move(*path[0])
    page.mouse.down()
    for at in path[1:]:
        page.mouse.move(*at)
    page.mouse.up()
    spheres = np.array(stage.region()["spheres"])
    assert len(spheres) >= 3
    centre, half = map(np.array, STOOL["leg"])
    outside = np.abs(spheres[:, :3] - centre) - half
    assert np.abs(outside.max(axis=1)).max() < 0.002  # metres from the leg's surface
    assert np.ptp(spheres[:, 1]) > 0.5 * half[1]
    diagonal = np.linalg.norm(np.ptp(np.concatenate([part.vertices for part in stool(4).parts]), axis=0))
    assert np.allclose(spheres[:, 3], 0.06 / 1.15 * diagonal, rtol=0.01)
    page.mouse.move(5, 5)
    assert (np.abs(stage.pixels() - before).max(axis=2) > 12).mean() > 0.002  # the tint
    page.click("[data-mark=clear]")


def test_a_click_picks_the_part_and_the_keyboard_alone_asks_for_a_refinement(stage: Tab) -> None:
    page = stage.page
    page.click("[data-tab=mark]")
    page.wait_for_selector("[data-part=leg]", timeout=WAIT)
    page.mouse.click(*projected(stage, np.array([front("leg", 0.0, 0.0)]))[0])
    assert stage.region() == {"parts": ["leg"]}
    page.focus("[data-part=leg]")
    page.keyboard.press("Space")
    assert stage.region() == {}
    page.focus("[data-part=seat]")
    page.keyboard.press("Enter")
    page.focus("#instruction")
    page.keyboard.type("j twice as thick")  # j would page on if the field let it through
    page.keyboard.press("Enter")
    asked = page.evaluate("meshmill.review.refinements('stool')")
    assert asked == [{"parent": "stool", "instruction": "j twice as thick", "region": {"parts": ["seat"]}}]
    assert "j twice as thick" in stage.said()
    assert stage.region() == {}
    page.click("[data-tab=look]")


def test_picture_lies_over_the_model_and_beside_it(stage: Tab) -> None:
    page = stage.page
    page.click("[data-tab=compare]")
    page.locator(".reference[style*=width]").wait_for(timeout=WAIT)
    at, canvas = page.locator(".reference").bounding_box(), page.locator("canvas.view").bounding_box()
    cloud = np.concatenate([part.vertices for part in stool(4).parts])
    camera = orbit(cloud, 0.0, 10.0, 30.0, margin=1.22, aspect=canvas["width"] / canvas["height"])
    seen = camera.project(cloud, canvas["width"], canvas["height"])[:, :2] + [canvas["x"], canvas["y"]]
    centre = (seen.min(axis=0) + seen.max(axis=0)) / 2
    assert [at["x"] + at["width"] / 2, at["y"] + at["height"] / 2] == pytest.approx(centre, abs=2)
    object = np.array([at["width"], at["height"]]) / 2  # the picture's object is half its width and height
    assert object.max() == pytest.approx(np.ptp(seen, axis=0).max(), abs=2)
    clipped = page.evaluate("document.querySelector('.reference').style.clipPath")
    page.fill("[data-compare=wipe]", "0.9")
    assert page.evaluate("document.querySelector('.reference').style.clipPath") != clipped
    page.click("[data-compare=beside]")
    page.wait_for_function(
        "document.querySelector('canvas.view').clientWidth < document.querySelector('.frame').clientWidth"
    )
    assert "90 % alike" in page.inner_text(".panel")


def test_versions_are_compared_in_pictures_and_measures(stage: Tab) -> None:
    page = stage.page
    page.click("[data-tab=look]")
    page.wait_for_timeout(100)
    page.click("[data-tab=compare]")
    page.click("text=Later version: stool-2")
    page.locator(".differences").wait_for(timeout=WAIT)
    line = page.locator(".differences tr", has_text="triangles").inner_text().split()
    assert line[:3] == ["triangles", f"{stool(4).face_count}", f"{stool(2).face_count}"]
    assert "size.height_m" not in page.inner_text(".differences")  # the same in both
    stage.settle()
    half = stage.pixels()
    page.fill("[data-compare=wipe]", "1")
    stage.settle()
    assert (np.abs(stage.pixels() - half).max(axis=2) > 12).mean() > 0.003
    page.click("text=2 candidates")
    page.locator(".candidates").wait_for(timeout=WAIT)
    assert page.locator(".candidates [data-kept]").inner_text().split()[:3] == ["1", "passed", "kept"]
    assert "no pictures" in page.inner_text(".panel")
    page.click("[data-tab=look]")


def test_every_control_has_a_name_and_both_languages_have_the_same_words(stage: Tab) -> None:
    page = stage.page
    for tab in ("look", "mark", "compare"):
        page.click(f"[data-tab={tab}]")
        page.wait_for_timeout(150)
        nameless = """controls => controls.filter(({ textContent, ariaLabel, labels }) =>
            !(textContent.trim() || ariaLabel || labels?.[0]?.textContent.trim())).length"""
        assert page.locator(".stage :is(button, input)").evaluate_all(nameless) == 0
    page.click("[data-tab=look]")
    english, german = (page.evaluate(f"Object.keys(meshmill.messages.{code}).sort()") for code in ("en", "de"))
    assert english == german
    assert keys_in("viewer*.js", "viewer") | keys_in("report-detail.js", "detail") <= set(english)


def keys_in(files: str, family: str) -> set[str]:
    """The message keys that the scripts name in full."""
    sources = (file.read_text() for file in WEB.glob(files))
    return {f"{family}.{key}" for source in sources for key in re.findall(r"""\bt\("([\w.-]+)["]""", source)}


def test_served_over_http_and_at_phone_width(browser: Any, kitchen: Path) -> None:
    phone = {"width": 360, "height": 740}
    with served(kitchen) as address, opened(browser, address, viewport=phone) as page:
        tab = Tab(page)
        tab.drawn(1)
        for name in ("mark", "compare", "look"):
            page.click(f"[data-tab={name}]")
            page.wait_for_timeout(150)
            for part in (".sheet", "html"):
                assert page.locator(part).evaluate("each => each.scrollWidth") <= 360
        page.click("[data-tab=mark]")
        page.click("[data-part=blade]")  # from the ledger's note: an atlas has no parts of its own
        assert tab.region() == {"parts": ["blade"]}
        page.keyboard.press("Escape")
        page.wait_for_selector("#detail", state="hidden", timeout=WAIT)


def test_what_a_model_lacks_cannot_be_chosen_and_says_why(browser: Any, kitchen: Path) -> None:
    with opened(browser, kitchen.as_uri(), viewport=SIZE) as page:
        tab = Tab(page)
        tab.drawn(3)
        for mode, why in (("checker", "no UV"), ("layout", "no UV"), ("occlusion", "no occlusion map")):
            assert page.is_disabled(f"[data-mode={mode}]")
            assert why in page.get_attribute(f"[data-mode={mode}]", "title")
        page.click("[data-tab=compare]")
        page.locator(".reference").wait_for(timeout=WAIT)
        assert "could not be told" in page.inner_text(".panel")  # no view was matched
        tab.open(2)
        assert page.locator(".frame > img").is_visible()
        assert page.locator(".references img").count() == 1
        assert page.locator("#detail canvas").count() == 0


@pytest.mark.parametrize("lack", ["webgl", "viewer"])
def test_without_webgl_or_viewer_the_poster_and_a_sentence_stand(
    lack: str, browser: Any, kitchen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "HTMLCanvasElement.prototype.getContext = () => null" if lack == "webgl" else ""
    root = kitchen
    if lack == "viewer":
        root = tmp_path
        monkeypatch.setattr(report, "VIEWER", Path("absent.js"))
        write_report([row(root, "stool", stool(1), {})], put_in(root), lambda uri: b"", INFO)
    with opened(browser, root.as_uri(), script=script) as page:
        tab = Tab(page)
        tab.open(0)
        assert page.locator(".frame > img").is_visible()
        assert ("WebGL" if lack == "webgl" else "not installed") in tab.said()
