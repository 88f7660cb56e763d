import hashlib
import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trimesh
from PIL import Image

from tasks.report import VIEWER, WEB, ReportOptions, RunInfo, write_report

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--headless=new", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
HOSTILE = "<script>window.hit=1</script><img src=x onerror='window.hit=1'> chair"
WAIT = 30_000  # ms; the software rasteriser's first frame takes 2–5 s on a busy machine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not (WEB / VIEWER).exists(), reason="needs the viewer: infra/setup/npm.sh"),
]

ENDS = (
    [("passed", [])] * 6
    + [("rejected", ["gate.triangles"]), ("failed", ["mesh.truncated"]), ("invalid", ["row.no-input"])]
    + [("passed", []), ("rejected", ["gate.uv-overlap", "gate.luminance"])]
    + [("quarantined", ["killed.timeout"])]
)


def put_in(root: Path) -> Callable[[str, bytes], None]:
    def put(path: str, content: bytes) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)

    return put


def made_up_row(root: Path, number: int) -> dict[str, Any]:
    outcome, reasons = ENDS[number % len(ENDS)]
    name = f"chair {number:02d}" if number == 0 else f"chair-{number:02d}"  # a folder that URLs must encode
    outputs = []
    for lod in (0, 1) if outcome == "passed" else ():
        glb = trimesh.creation.icosphere(subdivisions=2 - lod, radius=0.5).export(file_type="glb")
        put_in(root)(f"assets/{name}/{name}_LOD{lod}.glb", glb)
        digest = hashlib.sha256(glb).hexdigest()
        uri = f"assets/{name}/{name}_LOD{lod}.glb"
        outputs.append({"format": "glb", "lod": lod, "uri": uri, "bytes": len(glb), "sha256": digest})
    if outcome in ("passed", "rejected"):
        picture = io.BytesIO()
        Image.new("RGB", (64, 64), (30 * number % 255, 120, 90)).save(picture, "PNG")
        put_in(root)(f"assets/{name}/poster.png", picture.getvalue())
        uri = f"assets/{name}/poster.png"
        outputs.append({"format": "poster", "lod": 0, "uri": uri, "bytes": len(picture.getvalue()), "sha256": ""})
    findings = [{"code": code, "value": 7.0, "limit": 5.0, "severity": "reject"} for code in reasons]
    return {
        "id": name, "key": "k" * 64, "row": number + 1, "outcome": outcome, "reasons": reasons,
        "message": "hung in unwrap" if outcome == "quarantined" else "", "recipe": "game-ready",
        "generator": "" if outcome == "invalid" else ("procedural", "inflate")[number % 2], "seed": number,
        "attempts": 1, "parent": "", "metrics": {"triangles": 80.0 * (number + 1)} if outputs else {},
        "outputs": outputs, "timings": {"generate": 0.02, "unwrap": 0.3} if outputs else {},
        "prompt_understood": json.dumps({"subject": "chair", "colors": ["red"]}),
        "meta": {
            "prompt": HOSTILE if number == 1 else f"a chair of kind{number}",
            **({"findings": json.dumps(findings)} if outcome == "rejected" else {}),
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    root = tmp_path_factory.mktemp("a run #1")  # a folder that URLs must encode
    rows = [made_up_row(root, number) for number in range(64)]
    info = RunInfo("Kitchen", "kitchen.csv", "game-ready", "2026-11-21T06:12:17+00:00", 48.3, "inline", {"python": "3"})
    left_out = write_report(
        rows, put_in(root), lambda uri: (root / uri).read_bytes(), info, ReportOptions(page_rows=25, search_rows=30)
    )
    assert left_out == ""
    return root, rows


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def served(root: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/report/index.html"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(params=["http", "file"])
def page(request: pytest.FixtureRequest, run: Any, browser: Any) -> Iterator[Any]:
    """The report opened, over http and from disk; at the end nothing may have complained or left the host."""
    root, _ = run
    with served(root) as address:
        if request.param == "file":
            address = (root / "report/index.html").as_uri()
        host = address.split("/report/")[0]
        complaints: list[str] = []
        asked: list[str] = []
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda asking: asked.append(asking.url))
        tab.goto(address)
        tab.wait_for_selector("html[data-ready]", timeout=WAIT)
        yield tab
        assert tab.evaluate("window.hit") is None
        tab.close()
        assert complaints == []
        assert [url for url in asked if not url.startswith((host, "data:", "blob:"))] == []


def shown(page: Any) -> str:
    return str(page.inner_text("#shown"))


def wait_shown(page: Any, text: str) -> None:
    page.locator("#shown", has_text=text).wait_for(timeout=WAIT)


def test_gallery_shows_every_row_over_several_data_pages(page: Any, run: Any) -> None:
    assert page.inner_text("h1") == "Kitchen"
    assert page.locator(".cell").count() == 60
    page.click("#more")
    wait_shown(page, "64 of 64 rows")
    names = page.locator(".words > strong").all_text_contents()
    assert names == [row["id"] for row in run[1]]
    first = page.locator(".cell img").first
    first.scroll_into_view_if_needed()
    page.locator(".cell img").first.evaluate("image => image.decode()")
    assert first.evaluate("image => image.naturalWidth") == 64


def test_filters_narrow_to_the_rows_of_the_ledger(page: Any, run: Any) -> None:
    rows = run[1]
    outcomes = Counter(row["outcome"] for row in rows)
    for outcome, count in outcomes.items():
        page.click(f"[data-outcome={outcome}]")
        wait_shown(page, f"{min(count, 60)} of {count} rows")
        assert set(page.locator(".cell .badge:first-child").all_text_contents()) == {outcome}
    page.click("[data-outcome=rejected]")
    page.select_option("#reason", "gate.luminance")
    count = sum(row["outcome"] == "rejected" and "gate.luminance" in row["reasons"] for row in rows)
    wait_shown(page, f"{count} of {count} rows")
    page.click("#clear")
    wait_shown(page, "60 of 64 rows")
    page.select_option("#generator", "inflate")
    count = sum(row["generator"] == "inflate" for row in rows)
    wait_shown(page, f"{count} of {count} rows")
    assert "generator=inflate" in page.url


def test_reason_bars_lead_to_their_rows(page: Any, run: Any) -> None:
    count = sum("mesh.truncated" in row["reasons"] for row in run[1])
    page.click("#reasons a:has-text('mesh.truncated')")
    wait_shown(page, f"{count} of {count} rows")


def test_search_finds_in_every_file_and_the_address_keeps_it(page: Any) -> None:
    page.fill("#q", "KIND63")
    wait_shown(page, "1 of 1 row")
    assert page.locator(".cell strong").text_content() == "chair-63"
    page.reload()
    wait_shown(page, "1 of 1 row")
    assert page.input_value("#q") == "kind63" or page.input_value("#q") == "KIND63"
    page.fill("#q", "nothing like it")
    wait_shown(page, "No row fits")


def test_hostile_prompt_is_text(page: Any) -> None:
    assert HOSTILE in (page.locator(".cell").nth(1).text_content() or "")
    page.locator(".cell").nth(1).click()
    page.locator("#detail blockquote", has_text="<script>").wait_for(timeout=WAIT)
    assert page.locator("#detail blockquote").inner_text() == HOSTILE


def test_opened_asset_shows_its_model_levels_and_lineage(page: Any, run: Any) -> None:
    page.locator(".cell").first.click()
    page.wait_for_selector(".frame[data-loaded] canvas", timeout=WAIT)
    text = page.inner_text(".facts-panel")
    for said in ("Manifest row", "Understood", "procedural", "unwrap", "chair 00_LOD1.glb", "triangles"):
        assert said in text
    if page.url.startswith("http"):
        link = page.locator(".files a").first.evaluate("link => link.href")
        assert page.request.get(link).body()[:4] == b"glTF"


def test_refused_asset_says_value_and_limit(page: Any) -> None:
    page.click("[data-outcome=rejected]")
    page.locator(".cell").first.click()
    page.locator(".findings", has_text="limit of 5").wait_for(timeout=WAIT)
    assert page.locator("canvas").count() == 0


def test_keyboard_opens_moves_and_closes(page: Any) -> None:
    page.click("[data-outcome=rejected]")
    page.locator(".cell .badge.is-rejected").first.wait_for()
    page.locator(".cell").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement === document.querySelectorAll('.cell')[1]")
    page.keyboard.press("Enter")
    page.locator("#detail .place", has_text="2 of").wait_for(timeout=WAIT)
    page.keyboard.press("ArrowRight")
    page.locator("#detail .place", has_text="3 of").wait_for(timeout=WAIT)
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "asset" not in url, timeout=WAIT)
    assert not page.is_visible("#detail")
    assert page.evaluate("document.activeElement === document.querySelectorAll('.cell')[2]")


def test_measurements_are_drawn(page: Any) -> None:
    page.click("#tab-measurements")
    assert page.locator("#stages tbody tr").count() == 2
    assert page.locator("#histograms svg").count() == 3
    assert not page.is_visible("#grid")


def test_phone_has_no_sideways_scroll(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    for tab in ("#tab-measurements", "#tab-assets"):
        page.click(tab)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
