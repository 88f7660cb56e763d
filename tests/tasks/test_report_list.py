import json
import math
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tasks import report_list
from tasks.report import ReportOptions, RunInfo, write_report
from tasks.report_data import card_of
from tasks.report_list import CELL_TEXT, Columns, cell_of, recorded, short

INFO = RunInfo("Spring", "spring.csv", "game-ready", "2026-11-21T06:12:17+00:00", 48.3, "inline", {"python": "3.11"})


def row(number: int, meta: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": f"a-{number}", "key": f"{number:032x}", "row": number, "outcome": "passed", "reasons": [],
        "generator": "procedural", "metrics": {"triangles": 10.0 * number, "score": number / 10},
        "outputs": [], "timings": {"bake": 0.5}, "prompt_understood": {"subject": "chair"}, "meta": meta or {},
    } | more  # fmt: skip


def written(rows: list[dict[str, Any]], **options: int) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    write_report(iter(rows), files.__setitem__, lambda uri: b"", INFO, ReportOptions(**options))
    return files


def data(files: dict[str, bytes], name: str) -> list[Any]:
    """The arguments of a data script."""
    call = re.fullmatch(r"meshmill\.\w+\((.*)\);\n", files[f"report/data/{name}.js"].decode("ascii"))
    assert call
    arguments: list[Any] = json.loads(f"[{call[1]}]")
    return arguments


def test_columns_hold_each_rows_values_and_the_summary_their_sets_and_ends() -> None:
    rows = [
        row(1, {"category": "armchair", "tags": "oak, sale,oak", "profile": "game"}),
        row(2, {"tags": "sale, oak"}),
        row(3, metrics={"triangles": float("nan"), "similarity.reference": 0.5}, prompt_understood={}),
    ]
    files = written(rows)
    summary = data(files, "summary")[-1]
    sets = {name: [values for values, _ in facet["sets"]] for name, facet in summary["facets"].items()}
    assert sets == {"category": [[], ["armchair"], ["chair"]], "tags": [[], ["oak", "sale"]], "profile": [[], ["game"]]}
    assert summary["facets"]["tags"]["sets"] == [[[], 1], [["oak", "sale"], 2]]
    assert data(files, "category-000") == ["category", 0, [1, 2, 0]]
    assert data(files, "tags-000")[-1] == [1, 1, 0]
    assert summary["numbers"] == {
        "triangles": [10, 20], "seconds": [0.5, 0.5], "score": [0.1, 0.2], "similarity": [0.5, 0.5]
    }  # fmt: skip
    assert data(files, "score-000")[-1] == [0.1, 0.2, None]
    assert data(files, "similarity-000")[-1] == [None, None, 0.5]
    assert "report/data/alignment-000.js" not in files  # no row has one


def test_cells_and_ids_come_in_order_of_the_rows() -> None:
    rows = [row(n, {"prompt": "x" * 1000, "title": "T"}) for n in range(7)]
    files = written(rows, cell_rows=3)
    cells = [cell for part in range(3) for cell in data(files, f"cell-{part:03d}")[-1]]
    assert [cell["id"] for cell in cells] == [each["id"] for each in rows]
    assert [cell["key"] for cell in cells] == [each["key"][:12] for each in rows]
    assert data(files, "id-000")[-1] == [[each["id"], each["key"][:12]] for each in rows]
    assert len(cells[0]["prompt"]) == CELL_TEXT + 1


def test_recorded_decisions_travel_apart_and_not_as_notes() -> None:
    decided = row(1, {"review": {"decision": "reject", "reason": "shape", "note": "x", "before": {}}})
    column = row(2, {"review": "a column of the manifest"})
    files = written([decided, column, row(3)])
    assert data(files, "recorded-000")[-1] == [["a-1", "reject", "shape", "x"]]
    assert data(files, "summary")[-1]["recordedFiles"] == 1
    assert card_of(decided)["notes"] == []
    assert card_of(column)["notes"] == [("review", "a column of the manifest")]
    assert recorded(row(3)) is None


def test_too_many_values_are_cut_and_said(monkeypatch: Any) -> None:
    monkeypatch.setattr(report_list, "VALUES", 4)
    columns = Columns()
    for number in range(10):
        columns.add(card_of(row(number, {"category": f"c{number}"})))
    facet = columns.summary()["facets"]["category"]
    assert facet["cut"]
    assert [count for _, count in facet["sets"]] == [7, 1, 1, 1]


@given(st.floats(width=32))
def test_numbers_keep_seven_digits(value: float) -> None:
    kept = short(value)
    assert kept is None if not math.isfinite(value) else math.isclose(kept or 0.0, value, rel_tol=1e-6)


def test_a_cell_leaves_out_what_is_not_there() -> None:
    assert cell_of(card_of(row(1))) == {
        "id": "a-1", "outcome": "passed", "generator": "procedural", "key": "0" * 12, "triangles": 10
    }  # fmt: skip
