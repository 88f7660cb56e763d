"""The report in a real browser: every row is found, filtered, opened and read."""

from collections import Counter
from typing import Any

import pytest

from tasks.report import VIEWER, WEB
from tests.conftest import CHROMIUM
from tests.tasks.conftest import HOSTILE, WAIT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not (WEB / VIEWER).exists(), reason="needs the viewer: infra/setup/npm.sh"),
]


def wait_shown(page: Any, text: str) -> None:
    page.locator("#shown", has_text=text).wait_for(timeout=WAIT)


def titles(page: Any) -> list[str]:
    return list(page.locator(".words > strong").all_text_contents())


FILLED = """() => { // the cells reach from above the window to below it, or to the list's ends
  const boxes = [...document.querySelectorAll("#grid li")].map((item) => item.getBoundingClientRect());
  const list = document.querySelector("#grid").getBoundingClientRect();
  return Math.min(...boxes.map((box) => box.top)) <= Math.max(0, list.top + 1)
    && Math.max(...boxes.map((box) => box.bottom)) >= Math.min(innerHeight, list.bottom - 1);
}"""


def scrolled_titles(page: Any) -> list[str]:
    """Titles of every asset in the list, read while scrolling to its end."""
    found = dict.fromkeys(titles(page))
    while page.evaluate("scrollY + innerHeight < document.documentElement.scrollHeight - 1"):
        page.evaluate("scrollBy(0, innerHeight * 0.7)")
        page.wait_for_function(FILLED, timeout=WAIT)
        found |= dict.fromkeys(titles(page))
    return list(found)


def test_the_list_shows_every_row_over_several_data_files(page: Any, run: Any) -> None:
    assert page.inner_text("h1") == "Kitchen"
    wait_shown(page, "64 of 64 assets")
    assert page.locator(".cell").count() < 40  # those in sight, and a little more
    first = page.locator(".cell img").first
    first.evaluate("image => image.decode()")
    assert first.evaluate("image => image.naturalWidth") == 64
    assert sorted(scrolled_titles(page)) == sorted(row["id"] for row in run[1])


def test_filters_narrow_to_the_rows_of_the_ledger(page: Any, run: Any) -> None:
    rows = run[1]
    for outcome, count in Counter(row["outcome"] for row in rows).items():
        page.click(f"[data-outcome={outcome}]")
        wait_shown(page, f"{count} of 64")
    page.click("[data-outcome=rejected]")
    page.select_option("#reason", "gate.luminance")
    wait_shown(page, f"{sum('gate.luminance' in row['reasons'] for row in rows)} of 64")
    page.click("#clear")
    wait_shown(page, "64 of 64")
    page.select_option("#generator", "inflate")
    inflated = [row for row in rows if row["generator"] == "inflate"]
    wait_shown(page, f"{len(inflated)} of 64")
    page.select_option("#tags", "oak")
    wait_shown(page, f"{sum(row['meta'].get('tags') == 'oak, sale' for row in inflated)} of 64")
    assert "generator=inflate&tags=oak" in page.url
    page.click("#clear")
    page.select_option("#category", "stool")
    wait_shown(page, "32 of 64")


def test_ranges_and_order_use_the_numbers(disk_page: Any, run: Any) -> None:
    measured = {row["id"]: row["metrics"] for row in run[1] if row["metrics"]}
    disk_page.fill("[data-range=triangles-0]", "400")
    disk_page.fill("[data-range=triangles-1]", "1600")
    disk_page.press("[data-range=triangles-1]", "Enter")
    chosen = [id for id, metrics in measured.items() if 400 <= metrics["triangles"] <= 1600]
    wait_shown(disk_page, f"{len(chosen)} of 64")
    assert "triangles=400..1600" in disk_page.url
    disk_page.select_option("#sort", "-score")
    disk_page.wait_for_function("location.hash.includes('sort')")
    ordered = sorted(chosen, key=lambda id: -measured[id]["score"])
    disk_page.locator(".grid li:nth-child(1) strong", has_text=ordered[0]).wait_for(timeout=WAIT)
    assert titles(disk_page) == ordered[: len(titles(disk_page))]
    disk_page.reload(wait_until="commit")
    disk_page.wait_for_selector("html[data-ready]", timeout=WAIT)
    wait_shown(disk_page, f"{len(chosen)} of 64")
    assert titles(disk_page)[0] == ordered[0]
    disk_page.click("#clear")
    wait_shown(disk_page, "64 of 64")
    last = max(measured, key=lambda id: measured[id]["score"])
    assert measured[titles(disk_page)[0]]["score"] == measured[last]["score"]
    disk_page.locator(".cell").first.focus()
    disk_page.keyboard.press("End")
    disk_page.locator(".grid li[data-current] .badge", has_text="quarantined").wait_for(timeout=WAIT)  # no number: last


def test_reason_bars_lead_to_their_rows(disk_page: Any, run: Any) -> None:
    count = sum("mesh.truncated" in row["reasons"] for row in run[1])
    disk_page.click("#tab-run")
    disk_page.click("#reasons a:has-text('mesh.truncated')")
    wait_shown(disk_page, f"{count} of 64")


def test_the_head_tells_what_gpus_took(disk_page: Any, run: Any) -> None:
    seconds = sum(row["gpu_seconds"] for row in run[1])
    disk_page.click("#tab-run")
    assert disk_page.locator("#headline li", has_text="GPU time").inner_text().startswith(f"{seconds:.1f} s")


def test_search_finds_in_every_file_and_the_address_keeps_it(disk_page: Any) -> None:
    disk_page.fill("#q", "KIND63")
    wait_shown(disk_page, "1 of 64")
    assert titles(disk_page) == ["chair-63"]
    disk_page.reload(wait_until="commit")
    wait_shown(disk_page, "1 of 64")
    assert disk_page.input_value("#q") == "KIND63"
    disk_page.fill("#q", "nothing like it")
    wait_shown(disk_page, "No asset fits")


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
    page.locator(".grid li:nth-child(2)[data-current]").wait_for()
    assert page.evaluate("document.activeElement === document.querySelectorAll('.cell')[1]")
    page.keyboard.press("Enter")
    page.locator("#detail .place", has_text="2 of").wait_for(timeout=WAIT)
    page.keyboard.press("ArrowRight")
    page.locator("#detail .place", has_text="3 of").wait_for(timeout=WAIT)
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "asset" not in url, timeout=WAIT)
    assert not page.is_visible("#detail")
    assert page.evaluate("document.activeElement === document.querySelectorAll('.cell')[2]")


def test_the_run_is_drawn(page: Any) -> None:
    page.click("#tab-run")
    assert page.locator("#stages tbody tr").count() == 2
    assert page.locator("#histograms svg").count() == 3
    assert not page.is_visible("#grid")
