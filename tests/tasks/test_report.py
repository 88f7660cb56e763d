import json
import re
import resource
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import report
from tasks.report import ReportOptions, RunInfo, model_name, script, write_report
from tasks.report_data import FIRST, PAGED_TEXT, Sketch, Totals, Versions, card_of, entries, plain
from tasks.steps import STEPS

INFO = RunInfo("Spring", "spring.csv", "game-ready", "2026-11-21T06:12:17+00:00", 48.3, "inline", {"python": "3.11"})
HOSTILE = "</script><script>alert(1)</script>\u2028 \ud800 ü"


def row(number: int, outcome: str = "passed", reasons: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    glb = {"format": "glb", "lod": 0, "uri": f"assets/a-{number}/a.glb", "bytes": 3, "sha256": "ab" * 32}
    poster = {"format": "poster", "lod": 0, "uri": f"assets/a-{number}/poster.jpg", "bytes": 9, "sha256": "cd" * 32}
    made = outcome == "passed"
    return {
        "id": f"a-{number}", "key": "k", "row": number, "outcome": outcome, "reasons": list(reasons), "message": "",
        "generator": "procedural", "seed": 7, "attempts": 1, "parent": "", "recipe": "game-ready",
        "metrics": {"triangles": 1200.0} if made else {}, "outputs": [glb, poster] if made else [],
        "timings": {"generate": 0.02, "unwrap": 0.5} if made else {}, "prompt_understood": '{"subject":"chair"}',
        "meta": {"prompt": f"chair {number}"},
    } | more  # fmt: skip


def written(rows: list[dict[str, Any]], **options: int) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    write_report(iter(rows), files.__setitem__, lambda uri: b"glTF", INFO, ReportOptions(**options))
    return files


def data(files: dict[str, bytes], name: str) -> Any:
    """The last argument of a data script."""
    call = re.fullmatch(r"meshmill\.\w+\((.*)\);\n", files[f"report/data/{name}.js"].decode("ascii"))
    assert call
    return json.loads(f"[{call[1]}]")[-1]


def mixed() -> list[dict[str, Any]]:
    rejected = [row(i, "rejected", ("gate.triangles", "gate.uv"), timings={"generate": 0.1}) for i in range(4)]
    refused = [row(i, "rejected", ("prompt.unknown-subject",)) for i in range(4, 6)]
    failed = [
        row(6, "failed", ("mesh.truncated",)),
        row(7, "quarantined", ("killed.timeout",), timings={"generate": 1}),
    ]
    invalid = [row(8, "invalid", ("row.no-input",), generator="")]
    return [*rejected, *refused, *failed, *invalid, *(row(i) for i in range(9, 30))]


def test_what_gpus_took_stands_in_the_head() -> None:
    assert data(written([row(0)]), "summary")["spent"] == {}
    rows = [row(n, generator="triposg", gpu_seconds=1800.0, cost=1.45) for n in range(3)]
    files: dict[str, bytes] = {}
    info = replace(INFO, currency="USD")
    steps: Any = {"step_gpu_seconds": {"distill_edit": 3600.0}, "step_cost": {"distill_edit": 1.0}}
    drawn = row(3, generator="triposg", gpu_seconds=5400.0, cost=2.45, **steps)
    write_report([row(9), *rows, drawn], files.__setitem__, lambda uri: b"glTF", info)
    by = [["triposg", 2.0], ["distill_edit", 1.0]]
    assert data(files, "summary")["spent"] == {"gpuHours": 3.0, "cost": 6.8, "currency": "USD", "by": by}
    notes = dict(card_of(drawn)["notes"])
    assert (notes["gpu_seconds"], notes["gpu_seconds, distill_edit"]) == ("5400", "3600")


def test_every_file_of_the_page_is_there() -> None:
    files = written(mixed())
    page = files["report/index.html"].decode()
    assert {f"report/{name}" for name in re.findall(r'(?:src|href)="([\w./-]+\.(?:js|css))"', page)} <= set(files)
    assert {"report/data/summary.js", "report/data/page-000.js", "report/data/index-000.js"} <= set(files)


def test_nothing_of_a_row_reaches_the_markup_and_scripts_are_ascii() -> None:
    hostile = row(0, id=HOSTILE, meta={"prompt": HOSTILE, "__proto__": HOSTILE}, message=HOSTILE)
    files = written([hostile])
    assert files["report/index.html"] == (report.WEB / "index.html").read_bytes()
    assert data(files, "page-000")[0]["prompt"] == HOSTILE  # and ASCII throughout, or `data` had raised
    assert ["__proto__", HOSTILE] in data(files, "page-000")[0]["notes"]


def test_page_allows_no_inline_script_and_no_other_host() -> None:
    page = (report.WEB / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy[1].split("; ")}
    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == rules["style-src"] == ["'self'"]
    assert set(rules["connect-src"]) == {"'self'", "data:", "blob:"}
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=|(src|href)=\"(https?:)?//", page)
    for name in report.PAGE_FILES:
        assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|\beval\(", (report.WEB / name).read_text())


def test_classes_count_the_rows_by_outcome_reason_and_generator() -> None:
    rows = mixed()
    files = written(rows)
    classes, index = data(files, "summary")["classes"], data(files, "index-000")
    expected = Counter((r["outcome"], tuple(r["reasons"]), r["generator"]) for r in rows)
    assert {(outcome, tuple(reasons), generator): n for outcome, reasons, generator, n in classes} == expected
    assert [classes[number][0] for number in index] == [r["outcome"] for r in rows]
    assert [classes[number][1] for number in index] == [r["reasons"] for r in rows]


def test_funnel_separates_refused_prompts_from_gated_meshes() -> None:
    funnel = dict(data(written(mixed()), "summary")["funnel"])
    assert funnel == {"rows": 30, "valid": 29, "generated": 26, "gated": 25, "passed": 21}


def test_rows_are_cut_into_pages_in_order() -> None:
    rows = mixed()
    files = written(rows, page_rows=7, search_rows=11)
    pages = [data(files, f"page-{number:03d}") for number in range(5)]
    assert [len(page) for page in pages] == [7, 7, 7, 7, 2]
    assert [card["id"] for page in pages for card in page] == [r["id"] for r in rows]
    texts = [text for number in range(3) for text in data(files, f"search-{number:03d}")]
    assert all(r["meta"]["prompt"] in text for r, text in zip(rows, texts, strict=True))
    assert "report/data/page-005.js" not in files


def test_empty_run_is_a_page_without_data_pages() -> None:
    files = written([])
    assert data(files, "summary")["rows"] == 0
    assert not [name for name in files if "page-" in name or "index-0" in name]


def test_index_is_cut_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "INDEX_ROWS", 8)
    files = written(mixed())
    assert [len(data(files, f"index-{number:03d}")) for number in range(4)] == [8, 8, 8, 6]
    assert data(files, "summary")["indexRows"] == 8


def test_first_models_travel_as_scripts_and_large_ones_never() -> None:
    large = row(0)
    large["outputs"][0]["bytes"] = 9_000_000
    files = written([large, *(row(i) for i in range(1, 6))], embed_assets=3)
    assert sorted(name for name in files if "/models/" in name) == [f"report/models/a-{i}.js" for i in (1, 2, 3)]
    assert b"data:model/gltf-binary;base64,Z2xURg==" in files["report/models/a-1.js"]
    cards = data(files, "page-000")
    assert [card["outputs"][0][5:] for card in cards] == [[], ["a-1"], ["a-2"], ["a-3"], [], []]


def test_missing_model_file_leaves_the_report_whole() -> None:
    files: dict[str, bytes] = {}

    def read(uri: str) -> bytes:
        raise FileNotFoundError(uri)

    write_report([row(0)], files.__setitem__, read, INFO)
    assert not [name for name in files if "/models/" in name]
    assert len(data(files, "page-000")) == 1


@given(st.text(min_size=1), st.integers(0, 3))
def test_model_names_are_safe_anywhere(folder: str, lod: int) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._-]+", model_name(f"assets/{folder}/x.glb", lod))


def test_model_names_that_needed_cleaning_stay_apart() -> None:
    names = {model_name(f"assets/{folder}/x.glb", 0) for folder in ("a b", "a_b", "a?b", "..")}
    assert len(names) == 4


def test_absent_viewer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "VIEWER", report.Path("absent.js"))
    files: dict[str, bytes] = {}
    line = write_report([row(0)], files.__setitem__, lambda uri: b"", INFO)
    assert "absent.js is missing" in line
    assert data(files, "summary")["viewer"] is False
    assert "report/vendor/three.js" not in files


def test_card_takes_maps_in_every_guise_and_cuts_long_texts() -> None:
    pairs = card_of(row(0, metrics=[("triangles", 5.0)], timings=[("gate", 1.0)], meta=[("prompt", "x" * 100_000)]))
    assert pairs["metrics"] == [("triangles", 5.0)]
    assert pairs["timings"] == [("gate", 1.0)]
    assert len(pairs["prompt"]) < PAGED_TEXT + 50
    assert pairs["prompt"].endswith("(98,000 more characters)")
    assert entries(None) == {}
    assert entries("not json") == {"text": "not json"}


def test_nested_values_are_written_without_what_is_empty() -> None:
    part = {"color": "", "material": "brass", "part": "legs", "shapes": [], "count": 0}
    assert plain([part, "red"]) == "material brass, part legs, count 0, red"


def test_card_carries_findings_with_value_and_limit() -> None:
    finding = {"code": "gate.triangles", "value": 120000.0, "limit": 100000.0, "severity": "reject"}
    card = card_of(row(0, "rejected", ("gate.triangles",), meta={"findings": json.dumps([finding])}))
    assert card["findings"] == [["gate.triangles", 120000.0, 100000.0, "reject", ""]]
    assert "findings" not in dict(card["notes"])


def test_not_finite_numbers_stay_out_of_the_histograms() -> None:
    bad = row(0, metrics={"triangles": float("nan"), "volume_m3": float("inf")})
    files = written([bad])
    assert str(data(files, "page-000")[0]["metrics"]) == "[['triangles', nan], ['volume_m3', inf]]"
    assert data(files, "summary")["histograms"]["triangles"]["count"] == 0


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=200))
def test_sketch_quantiles_are_within_its_promise_and_bars_hold_every_value(values: list[float]) -> None:
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    ordered = sorted(values)
    for share in (0.5, 0.95):
        true = ordered[int(share * (len(values) - 1))]
        assert sketch.quantile(share) == pytest.approx(true, rel=0.026)
    bars = sketch.bars()
    assert sum(count for _, _, count in bars) == len(values)
    assert len(bars) <= 24
    assert bars[0][0] <= ordered[0] * 1.00001
    assert bars[-1][1] >= ordered[-1] * 0.99999


def test_stage_figures_come_in_order_of_the_line() -> None:
    stages = data(written([row(i) for i in range(10)]), "summary")["stages"]
    assert [stage["name"] for stage in stages] == ["generate", "unwrap"]
    assert stages[1]["total"] == pytest.approx(5.0)
    assert stages[1]["count"] == 10


def test_seed_zero_is_a_seed() -> None:
    assert card_of(row(0, seed=0))["seed"] == "0"


def test_timings_come_in_the_order_of_the_line_though_maps_are_sorted() -> None:
    names = ("bake", "clean", "custom", "export.glb", "gate", "generate", "measure", "write")
    card = card_of(row(0, timings=dict.fromkeys(names, 0.1)))
    ordered = ["generate", "clean", "bake", "custom", "export.glb", "measure", "gate", "write"]
    assert [name for name, _ in card["timings"]] == ordered


def noted(*findings: tuple[str, str]) -> dict[str, str]:
    return {"findings": json.dumps([{"code": code, "severity": severity} for code, severity in findings])}


def test_passed_assets_are_found_by_their_warnings_and_refused_ones_by_what_stopped_them() -> None:
    warned = row(0, meta=noted(("gate.watertight", "warn"), ("gate.dark", "warn")))
    stopped = row(1, "rejected", ("gate.triangles",), meta=noted(("gate.triangles", "reject"), ("gate.dark", "warn")))
    files = written([warned, stopped])
    assert [entry[1] for entry in data(files, "summary")["classes"]] == [
        ["gate.watertight", "gate.dark"],
        ["gate.triangles"],
    ]
    assert data(files, "page-000")[1]["warnings"] == ["gate.dark"]


def test_script_separates_its_arguments() -> None:
    assert script("page", 3, ["ü"]) == b'meshmill.page(3,["\\u00fc"]);\n'


@pytest.mark.slow
def test_many_rows_cost_little_time_and_no_memory() -> None:
    def rows(count: int) -> Iterator[dict[str, Any]]:
        return islice((row(i, "rejected" if i % 9 == 0 else "passed", ("gate.uv",)) for i in range(count)), count)

    def write(count: int) -> None:
        write_report(rows(count), lambda path, content: None, lambda uri: b"", INFO, ReportOptions(embed_assets=0))

    write(2000)  # one full search file and page are in memory from here on
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    write(20_000)
    assert time.process_time() - started < 20_000 * 150e-6  # measured: 30 µs a row with the rows' own making
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB; all cards would be 60,000


def test_totals_keep_a_class_for_each_combination_only() -> None:
    totals = Totals()
    for number in range(1000):
        totals.add(card_of(row(number)))
    assert len(totals.classes) == 1
    assert len(totals.class_of) == 1000


def test_every_step_has_its_place_in_the_line() -> None:
    own = [name for name, (step, _) in STEPS.items() if step.__module__.startswith("tasks.")]  # tests list others
    assert list(FIRST) == ["generate", "read", *own]


def test_cards_carry_versions_and_the_summary_says_which_is_current() -> None:
    version = {"root": "a", "number": 2, "since": 2, "instruction": "red", "changes": {"parts": [1, None]}}
    rows = [
        row(1, id="a", meta={"version": "column of the manifest", "made_from": {"mesh": ""}}),
        row(1, id="a.v2", meta={"version": version}),
        row(1, "rejected", id="a.v3", meta={"version": {**version, "number": 3, "since": 3}}),
        row(2, id="b", meta={"version": {"since": 3}}),
    ]
    cards = [card_of(each) for each in rows]
    assert [card.get("version", {}).get("number") for card in cards] == [None, 2, 3, 1]
    assert cards[0]["notes"] == [("version", "column of the manifest")]
    assert cards[1]["version"]["changes"] == [["parts", 1, None]]
    totals = Totals()
    for card in cards:
        totals.add(card)
    assert totals.summary()["current"] == {"a": "a.v2", "b": "b"}


def test_a_row_finds_its_parent_wherever_it_stands() -> None:
    rows = [row(0, parent="a-2"), row(1), row(2), row(3, parent="a-1"), row(4, parent="gone"), row(5, parent="a-3")]
    links = data(written(rows, page_rows=2), "versions")
    assert links == {"pageRows": 2, "links": [["a-0", 0, "a-2", 2], ["a-3", 3, "a-1", 1], ["a-5", 5, "a-3", 3]]}
    assert Versions().links() == []


def test_card_carries_pictures_with_their_views_parts_and_candidates() -> None:
    outputs = [
        {"format": "reference", "lod": 0, "uri": f"assets/a/a_reference{number}.jpg", "bytes": 1, "sha256": ""}
        for number in (1, 2, 10)
    ]
    notes = {
        "pictures": json.dumps([{"number": 10, "azimuth": 30.0}, {"number": 2, "azimuth": 5.0}]),
        "parts": json.dumps([{"name": "leg", "min": [0, 0, 0], "max": [1, 1, 1]}]),
        "candidates": [{"seed": 1, "score": 0.5}],
    }
    card = card_of(row(0, outputs=outputs, meta=notes))
    assert [(each["uri"][-7:], each.get("azimuth")) for each in card["pictures"]] == [
        ("ce1.jpg", None),
        ("ce2.jpg", 5.0),
        ("e10.jpg", 30.0),
    ]
    assert card["outputs"] == card["notes"] == []
    assert card["parts"][0]["name"] == "leg"
    assert card["candidates"] == [{"seed": 1, "score": 0.5}]
    broken = card_of(row(0, meta={"pictures": "[1", "parts": "{}", "candidates": "text"}))
    assert not {"pictures", "parts", "candidates"} & set(broken)
