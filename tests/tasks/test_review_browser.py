"""The review in a real browser: decided by keyboard and by mouse, kept, saved, opened again, in two languages."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from manifests.review_file import Decision, read_review
from tasks.report import VIEWER, WEB
from tests.conftest import CHROMIUM
from tests.tasks.conftest import WAIT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not (WEB / VIEWER).exists(), reason="needs the viewer: infra/setup/npm.sh"),
]


def said(page: Any, words: str) -> None:
    page.locator("#said", has_text=words).wait_for(timeout=WAIT)


def reviewed(page: Any, count: int) -> None:
    page.locator("#progress-words", has_text=f"{count} of ").wait_for(timeout=WAIT)


def chosen(page: Any, name: str) -> None:
    page.locator("#dock .who strong", has_text=name).wait_for(timeout=WAIT)


def saved(page: Any, button: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.click(button)
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_a_whole_review_by_keyboard_alone(disk_page: Any, run: Any, tmp_path: Path) -> None:
    page, keys = disk_page, disk_page.keyboard
    keys.press("j")
    chosen(page, "chair 00")
    keys.press("a")
    said(page, "chair 00 is approved. 1 of 64 reviewed")
    chosen(page, "chair-01")  # it went on by itself
    keys.press("r")
    page.locator("#ask button", has_text="Texture").wait_for()
    keys.press("2")
    chosen(page, "chair-02")
    keys.press("m")
    chosen(page, "chair-03")
    keys.press("f")
    page.locator("#ask-words").wait_for()
    keys.type("make the legs 20 % longer")
    keys.press("Enter")
    chosen(page, "chair-04")
    reviewed(page, 4)
    keys.press("k")
    chosen(page, "chair-03")
    assert page.locator(".grid li[data-current] .mark").text_content() == "Refine"
    keys.press("?")
    page.locator("#ask kbd").first.wait_for()
    keys.press("Escape")
    keys.press("/")
    keys.type("kind6")
    page.locator("#shown", has_text="5 of 64").wait_for(timeout=WAIT)
    keys.press("Enter")
    chosen(page, "chair-06")
    keys.press("a")
    said(page, "cannot be approved")  # the gate rejected it
    keys.press("m")
    reviewed(page, 5)
    keys.press("u")
    reviewed(page, 4)

    page.reload(wait_until="commit")
    page.wait_for_selector("html[data-ready]", timeout=WAIT)
    reviewed(page, 4)
    key = {row["id"]: row["key"][:12] for row in run[1]}
    assert read_review(str(saved(page, "#save-review", tmp_path))) == [
        Decision(2, "chair 00", "approve", key=key["chair 00"]),
        Decision(3, "chair-01", "reject", "texture", key=key["chair-01"]),
        Decision(4, "chair-02", "remake", key=key["chair-02"]),
    ]
    with saved(page, "#save-refine", tmp_path).open(newline="") as stream:
        assert list(csv.DictReader(stream)) == [
            {"parent": "chair-03", "instruction": "make the legs 20 % longer", "region": ""}
        ]


@pytest.mark.parametrize("place", ["", "#decision=none"])
def test_quick_keys_each_meet_the_next_asset(open_report: Any, run: Any, place: str) -> None:
    with open_report(run[0].as_uri(), place=place) as page:
        page.evaluate("""() => ["j", "a", "a", "a", "m", "a", "a"].forEach((key) =>
          document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })))""")
        reviewed(page, 6)
        decided = dict(page.evaluate("meshmill.review.local().map(([id, { decision }]) => [id, decision])"))
    names = [row["id"] for row in run[1][:6]]
    assert decided == dict(zip(names, ["approve"] * 3 + ["remake"] + ["approve"] * 2, strict=True))


def test_decisions_by_pointer_filters_by_decision_and_bulk(disk_page: Any) -> None:
    page = disk_page
    first = page.locator(".grid li").first
    first.hover()
    first.locator("[data-act=approve]").click()
    reviewed(page, 1)
    first.locator("[data-act=approve]").click()  # once more takes it away
    reviewed(page, 0)
    page.click("#said-undo")
    reviewed(page, 1)
    page.click("[data-chip=decision-none]")
    page.locator("#shown", has_text="63 of 64").wait_for(timeout=WAIT)
    page.fill("#q", "kind1")
    page.locator("#shown", has_text="10 of 64").wait_for(timeout=WAIT)
    page.click("#bulk")
    page.locator("#ask p", has_text="6 finished assets").wait_for(timeout=WAIT)
    page.locator("#ask p", has_text="4 others stay").wait_for()
    page.click("#ask .main")
    reviewed(page, 7)
    page.locator("#shown", has_text="4 of 64").wait_for(timeout=WAIT)  # the list of what is not reviewed yet
    page.click("#undo")
    reviewed(page, 1)
    page.locator("#shown", has_text="10 of 64").wait_for(timeout=WAIT)


def test_what_is_done_and_a_refinement_with_a_region_reach_the_files(disk_page: Any, tmp_path: Path) -> None:
    page = disk_page
    notes = {"chair 00": "=SUM(A1)", "chair-01": 'a "quote", and\r\na line', "chair-02": "@-+\t;ü𝄞"}
    page.evaluate(
        "notes => Object.entries(notes).forEach(([id, note]) => meshmill.review.set(id, 'reject', { note }))", notes
    )
    region = {"parts": ["leg"], "boxes": [{"min": [0, 0, 0], "max": [1, 0.5, 1]}]}
    entry = {"parent": "chair-01", "instruction": 'thinner, please\nand "red"', "region": region}
    page.evaluate("entry => meshmill.review.addRefinement(entry)", entry)
    path = saved(page, "#save-review", tmp_path)
    said(page, "2 values begin like formulas")
    lines = [line for line in read_review(str(path)) if isinstance(line, Decision)]
    assert {line.id: line.note for line in lines} == notes
    assert {line.key for line in lines} != {""}
    refine = saved(page, "#save-refine", tmp_path)
    with refine.open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row == {**entry, "region": json.dumps(region, separators=(",", ":"))}

    page.evaluate("localStorage.clear()")
    page.reload(wait_until="commit")
    page.wait_for_selector("html[data-ready]", timeout=WAIT)
    reviewed(page, 0)
    page.set_input_files("#file", path)
    reviewed(page, 3)
    page.set_input_files("#file", refine)
    said(page, "1 line taken over")
    assert page.evaluate("meshmill.review.refinements()") == [entry]
    assert page.evaluate("meshmill.review.get('chair-02').note") == notes["chair-02"]


def test_an_opened_file_says_which_lines_it_could_not_use(disk_page: Any, run: Any, tmp_path: Path) -> None:
    text = io.StringIO(newline="")
    rows = [
        ("chair-02", "approve", ""),
        ("nobody", "approve", ""),
        ("chair-03", "keep", ""),
        ("chair-04", "reject", "ff"),
    ]
    csv.writer(text, delimiter=";").writerows([("ID", "Decision", "key"), *rows])
    (tmp_path / "review.csv").write_text("\ufeff" + text.getvalue())
    disk_page.set_input_files("#file", tmp_path / "review.csv")
    disk_page.locator(".refused li").first.wait_for(timeout=WAIT)
    refused = disk_page.locator(".refused li").all_text_contents()
    assert [line.split()[1] for line in refused] == ["3", "4", "5"]
    for line, why in zip(refused, ("no such asset", "none of approve", "made again since"), strict=True):
        assert why in line
    disk_page.keyboard.press("Escape")
    reviewed(disk_page, 1)


def test_an_asset_is_decided_on_where_it_is_open(disk_page: Any) -> None:
    disk_page.click("[data-outcome=rejected]")
    disk_page.locator("#shown", has_text="10 of 64").wait_for(timeout=WAIT)
    disk_page.locator(".cell").first.click()
    disk_page.locator("#verdict .act").first.wait_for(timeout=WAIT)
    disk_page.keyboard.press("r")
    disk_page.locator("#ask button").first.wait_for()
    disk_page.keyboard.press("1")
    disk_page.locator("#detail .place", has_text="2 of 10").wait_for(timeout=WAIT)
    reviewed(disk_page, 1)
    assert disk_page.locator("#detail #said").inner_text().startswith("chair-06 is rejected")
    disk_page.keyboard.press("k")
    disk_page.locator("#verdict .mark", has_text="Rejected: Shape").wait_for(timeout=WAIT)


def test_decisions_of_the_ledger_are_shown_and_old_ones_dropped(open_report: Any, small_run: Any) -> None:
    def decide(rows: list[dict[str, Any]]) -> None:
        rows[0]["meta"]["review"] = {"decision": "approve", "reason": "", "note": ""}
        rows[1] |= {"outcome": "rejected", "reasons": ["review.shape"], "message": "review.shape"}
        rows[1]["meta"]["review"] = {"decision": "reject", "reason": "shape", "note": "legs"}

    host = small_run(decide)
    same = {"decision": "approve", "reason": "", "note": "", "key": ""}
    old = {"decision": "reject", "reason": "", "note": "", "key": "another"}
    kept = {"decisions": [["chair 00", same], ["chair-02", old]], "refinements": []}
    place = f"meshmill.review.{host[7:]}/report/index.html|kitchen.csv|game-ready"
    script = f"localStorage.setItem({json.dumps(place)}, {json.dumps(json.dumps(kept))})"
    with open_report(host, script=script) as page:
        said(page, "made again since")  # the one on chair-02; that on chair 00 has arrived in the ledger
        reviewed(page, 2)
        assert page.locator(".grid .mark").all_text_contents() == ["Approved", "Rejected: Shape"]
        assert page.locator("#save-review").is_disabled()
        page.locator(".grid li").nth(1).locator("[data-act=approve]").click()  # a reviewer may think again
        page.locator("#save-review:not(:disabled)").wait_for(timeout=WAIT)
        reviewed(page, 2)


def test_storage_that_is_forbidden_is_said(open_report: Any, run: Any) -> None:
    script = "Storage.prototype.setItem = () => { throw new DOMException('no room', 'QuotaExceededError'); }"
    with open_report(run[0].as_uri(), script=script) as page:
        page.keyboard.press("j")
        chosen(page, "chair 00")
        page.keyboard.press("m")
        reviewed(page, 1)
        chosen(page, "chair-01")
        page.keyboard.press("x")
        page.evaluate("meshmill.review.set('chair-05', 'approve')")
        said(page, "does not keep the review")


WORDS = """() => {
  const seen = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode())
    if (!["SCRIPT", "NOSCRIPT", "KBD", "PRE", "CODE"].includes(node.parentElement.tagName)) seen.push(node.textContent);
  for (const name of ["aria-label", "title", "placeholder", "alt"])
    for (const node of document.body.querySelectorAll(`[${name}]`)) seen.push(node.getAttribute(name));
  return [...new Set(seen.map((text) => text.trim()).filter((text) => /\\p{L}/u.test(text)))];
}"""


def test_every_word_comes_from_a_message_file(open_report: Any, run: Any) -> None:
    # A language whose every message is a blank box and its values: what else has letters is a word outside the files.
    script = """Object.defineProperty(window, "meshmill", { configurable: true, set: (page) => {
      Object.defineProperty(window, "meshmill", { value: page });
      const blank = (text) => "□" + (text.match(/\\{\\w+\\}/g) ?? []).join(" ");
      const boxed = ([key, text]) => [key, blank(typeof text === "string" ? text : text.other)];
      Object.defineProperty(page, "language", { configurable: true, set: (language) => { // all messages are there now
        page.messages.en = Object.fromEntries(Object.entries(page.messages.en).map(boxed));
        Object.defineProperty(page, "language", { value: language });
      } });
    } })"""
    rows = run[1]
    data = {value for row in rows for value in (row["id"], row["meta"]["prompt"], row["generator"], row["message"])}
    data |= {code for row in rows for code in row["reasons"]} | {f"({key})" for key in "ARMF"}
    data |= {
        "Kitchen",
        "kitchen.csv",
        "game-ready",
        "inline",
        "python",
        "Meshmill",
        "oak",
        "sale",
        "game",
        "chair",
        "stool",
    }
    units = {
        "tris",
        "B",
        "kB",
        "MB",
        "ms",
        "s",
        "µs",
        "UTC",
        "Nov",
        "Deutsch",
        "generate",
        "unwrap",
        "review.csv",
        "refine.csv",
    }
    with open_report(run[0].as_uri(), script=script) as page:
        heard = page.evaluate(WORDS)
        page.keyboard.press("j")
        for keys in ("r", "f", "?"):
            page.keyboard.press(keys)
            page.locator("#ask[open] button").first.wait_for(timeout=WAIT)
            heard += page.evaluate(WORDS)
            page.keyboard.press("Escape")
            page.locator("#ask:not([open])").wait_for(state="attached")
        page.click("#tab-run")
        heard += page.evaluate(WORDS)
    assert any("□" in text for text in heard)
    left = set()
    for text in heard:
        rest = text
        for known in sorted(data | units, key=len, reverse=True):
            rest = rest.replace(known, "") if known else rest
        if any(letter.isalpha() for letter in rest):
            left.add(text)
    assert left == set()


def test_the_language_is_chosen_and_remembered(disk_page: Any) -> None:
    page = disk_page
    page.keyboard.press("j")
    chosen(page, "chair 00")
    page.select_option("#language", "de")
    page.locator("#progress-words", has_text="0 von 64 geprüft").wait_for(timeout=WAIT)
    assert page.get_attribute("html", "lang") == "de"
    assert page.get_attribute("#dock [data-act=approve]", "aria-label") == "Freigeben: chair 00"
    assert page.inner_text("#shown") == "64 von 64 Assets"
    assert page.locator("#chips").inner_text().split()[0].lower() == "alle"
    page.reload(wait_until="commit")
    page.locator("#progress-words", has_text="geprüft").wait_for(timeout=WAIT)
    page.click("#tab-run")
    assert "Zeit je Stufe" in page.inner_text("#run")


CONTROLS = """() => [...document.querySelectorAll("a, button, input, select, textarea, summary, [tabindex]")]
  .filter((node) => node.checkVisibility())
  .filter((node) => !(node.ariaLabel || node.labels?.[0]?.textContent || node.textContent.trim()))
  .map((node) => node.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_no_width_scrolls_sideways_and_every_control_has_a_name(open_report: Any, run: Any, width: int) -> None:
    scheme = "dark" if width == 768 else "light"
    script = "localStorage.setItem('meshmill.language', 'de')"  # the longer words
    size = {"width": width, "height": 740}
    with open_report(run[0].as_uri(), viewport=size, color_scheme=scheme, script=script) as page:
        if width < 800:
            page.click("#show-filters")
        assert page.evaluate(CONTROLS) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.keyboard.press("j")
        chosen(page, "chair 00")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        acts = page.locator("#dock .act").evaluate_all("all => all.map((node) => node.getBoundingClientRect().right)")
        assert max(acts) <= width
        page.keyboard.press("f")
        page.locator("#ask-words").wait_for()
        assert page.evaluate(CONTROLS) == []
        box = page.locator("#ask").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        page.keyboard.press("Escape")
        page.click("#tab-run")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_tab_key_reaches_everything_and_focus_is_seen(disk_page: Any) -> None:
    reached = []
    disk_page.keyboard.press("j")
    chosen(disk_page, "chair 00")
    disk_page.evaluate("document.activeElement.blur(); document.body.tabIndex = -1; document.body.focus()")
    for _ in range(60):
        disk_page.keyboard.press("Tab")
        name, seen = disk_page.evaluate("""() => {
          const node = document.activeElement, style = getComputedStyle(node), { act, chip, range } = node.dataset;
          const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
          return [node.id || act || chip || range || node.className, seen];
        }""")
        assert seen, name
        reached.append(name)
        if name == "refine" and "approve" in reached[:-4] and reached.count("refine") == 2:
            break
    for name in (
        "language",
        "q",
        "open-file",
        "help",
        "decision-none",
        "outcome-passed",
        "reason",
        "triangles-0",
        "sort",
        "size",
        "bulk",
        "cell",
        "approve",
    ):
        assert name in reached, name
    assert reached.count("cell") == 1  # one stop for the whole list


def test_no_motion_for_those_who_asked_for_none(open_report: Any, run: Any) -> None:
    with open_report(run[0].as_uri(), reduced_motion="reduce") as page:
        page.keyboard.press("j")
        chosen(page, "chair 00")
        moving = "(node) => ['transitionDuration', 'animationDuration'].some((x) => getComputedStyle(node)[x] !== '0s')"
        assert page.evaluate(f"[...document.querySelectorAll('*')].filter({moving}).length") == 0
