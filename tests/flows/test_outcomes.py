"""What the ledger says of a row that was made, refused, killed or wrong from the start."""

import json

from flows.binding import bind
from flows.catalogue import catalogue
from flows.jobs import Failure
from flows.outcomes import blank_row, failure_row, invalid_row, understood
from manifests.ledger_row import LedgerRow
from manifests.recipe import load_recipe
from manifests.row import InvalidRow, Row
from ml.prompt import parse_prompt

RECIPE = load_recipe("web-ar", catalogue())
PROMPT = "a red oak chair, not rusty, under 5000 triangles, 90 cm tall"


def blank(**fields: object) -> LedgerRow:
    row = Row(7, 9, "one", prompt=PROMPT, meta={"shelf": "A3"}, **fields)  # type: ignore[arg-type]
    return blank_row("k" * 32, row, bind(row, RECIPE, 11))


def test_understood_keeps_what_was_found_and_nothing_else() -> None:
    found = understood(parse_prompt(PROMPT))
    assert found["subject"] == "chair"
    assert found["constraints"] == {"max_triangles": 5000, "height_m": 0.9}
    assert "rusty" in " ".join(found["negatives"])
    assert all(found.values())
    assert "text" not in found
    assert json.loads(json.dumps(found))["materials"] == ["oak"]


def test_no_prompt_is_understood_as_nothing() -> None:
    assert understood(None) == {}


def test_a_blank_row_carries_the_rows_identity() -> None:
    row = blank(title="Oak", tags=("a", "b"), license="CC0-1.0")
    assert (row.id, row.key, row.row, row.generator, row.seed) == ("one", "k" * 32, 7, "procedural", 11)
    assert row.recipe == "web-ar"
    said = {"prompt": PROMPT, "title": "Oak", "license": "CC0-1.0", "tags": "a, b"}
    assert row.meta == {"shelf": "A3", "profile": "web-ar", **said}


def test_a_blank_row_has_no_empty_columns_in_its_meta() -> None:
    assert set(blank().meta) == {"shelf", "prompt", "profile"}


def test_a_killed_row_keeps_the_last_words() -> None:
    row = failure_row(blank(), Failure("quarantined", "guard.timeout", "killed after 6 s", 2, "in unwrap"), {"read": 1})
    assert (row.outcome, row.reasons, row.attempts) == ("quarantined", ("guard.timeout",), 2)
    assert row.meta["stderr"] == "in unwrap"
    assert row.timings == {"read": 1}


def test_a_refusal_carries_its_hints() -> None:
    refusal = Failure("rejected", "prompt.unknown-noun", "not known", hints=("carafe", "skiff"))
    row = failure_row(blank(), refusal, {})
    assert row.meta["hints"] == "carafe, skiff"
    assert "stderr" not in row.meta


def test_an_invalid_row_names_line_and_column() -> None:
    row = invalid_row(InvalidRow(3, 5, "x", "seed", "row.bad-number", "seed is 'q'", {"shelf": "A3"}), "web-ar")
    assert (row.id, row.row, row.outcome, row.reasons) == ("x", 3, "invalid", ("row.bad-number",))
    assert row.meta == {"shelf": "A3", "line": "5", "column": "seed"}


def test_an_invalid_row_without_a_column_or_an_id_still_has_a_name() -> None:
    row = invalid_row(InvalidRow(3, 5, "", "", "row.no-input", "no input"), "web-ar")
    assert row.id == "#row3"
    assert row.meta == {"line": "5"}
