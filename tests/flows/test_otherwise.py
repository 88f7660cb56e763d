"""A row that its generator cannot make is made by the recipe's other one, and the ledger says so; once and for good."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from direct_engine import DirectEngine

from flows import cli
from flows.binding import bind, fallen_back, makers
from flows.budget import COST, HOURS
from flows.catalogue import catalogue
from flows.chunk_work import ChunkWork, Line
from flows.chunks import Chunk, Keyed
from flows.jobs import Failure, Generated, GenerateJob
from flows.models import lacking_in
from flows.otherwise import cannot_make, other_of
from flows.parents import Parent
from flows.progress import Progress
from manifests.journal import Journal
from manifests.ledger import Ledger
from manifests.ledger_row import comparable
from manifests.recipe import Recipe, parse_recipe
from manifests.row import InputFile, Row
from manifests.store import Store
from ml.generators.noop import Noop
from tasks.report_data import card_of

TEXT = "[generator]\nuse = '{}'\notherwise = '{}'\n[[steps]]\nuse = 'clean'\n[[exports]]\nuse = 'glb'\n"
PROMPTS = {"chair": "a red chair", "giraffe": "a giraffe", "mug": "a mug", "okapi": "an okapi"}


def recipe_of(use: str = "procedural", otherwise: str = "noop", more: str = "") -> Recipe:
    return parse_recipe(TEXT.format(use, otherwise) + more, "page.toml", catalogue())


def row_of(**fields: Any) -> Row:
    files = tuple(InputFile(str(name), "/in", str(name), "1:1") for name in fields.values() if "/in" in str(name))
    return Row(1, 2, "one", files=files, **fields)


def work_on(folder: Path, engine: DirectEngine, recipe: Recipe, prompts: dict[str, str] = PROMPTS) -> ChunkWork:
    store = Store(str(folder))
    keyed = [Keyed(f"{at:032x}", Row(at, at, id, prompt=prompt)) for at, (id, prompt) in enumerate(prompts.items())]
    return ChunkWork(Line(store, Ledger(store), engine, recipe, 0, Progress()), Chunk(keyed))


def ledger_of(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in Ledger(Store(str(folder))).rows()}


@dataclass
class Noted(DirectEngine):
    """Notes the batches, and is lost for one generator."""

    batches: list[tuple[str, list[str]]] = field(default_factory=list)
    lost: str = ""

    def generate(self, jobs: Sequence[GenerateJob]) -> Future[list[Generated | Failure]]:
        self.batches.append((jobs[0].generator, [job.request.id for job in jobs]))
        if jobs[0].generator == self.lost:
            answer: Future[list[Generated | Failure]] = Future()
            answer.set_exception(ConnectionError("engine lost"))
            return answer
        return super().generate(jobs)


def test_what_is_refused_is_made_by_the_other_together_and_the_ledger_says_so(tmp_path: Path) -> None:
    engine = Noted()
    assert work_on(tmp_path, engine, recipe_of()).run() == {"passed": 4}
    assert engine.batches == [("procedural", list(PROMPTS)), ("noop", ["giraffe", "okapi"])]
    rows = ledger_of(tmp_path)
    for id in PROMPTS:
        fell = id in ("giraffe", "okapi")
        assert rows[id]["generator"] == ("noop" if fell else "procedural")
        assert rows[id]["meta"].get("fell_back") == ("procedural: prompt.unknown-noun" if fell else None)
        assert rows[id]["meta"]["made_from"]["model"].startswith("noop/" if fell else "procedural/")
    assert ("fell_back", "procedural: prompt.unknown-noun") in card_of(rows["giraffe"])["notes"]


def test_a_row_alone_gives_the_same_asset(tmp_path: Path) -> None:
    work_on(tmp_path / "all", DirectEngine(), recipe_of()).run()
    work_on(tmp_path / "one", DirectEngine(), recipe_of(), {"giraffe": PROMPTS["giraffe"]}).run()
    files = [ledger_of(tmp_path / name)["giraffe"]["outputs"] for name in ("all", "one")]
    assert files[0] == files[1] != []


def test_without_another_generator_a_refusal_stands(tmp_path: Path) -> None:
    recipe = replace(recipe_of(), otherwise="")
    assert work_on(tmp_path, DirectEngine(), recipe).run() == {"passed": 2, "rejected": 2}
    assert "fell_back" not in ledger_of(tmp_path)["giraffe"]["meta"]


def test_where_both_refuse_the_last_word_stands(tmp_path: Path) -> None:
    engine = Noted()
    work_on(tmp_path, engine, recipe_of("shapes", "procedural"), {"flurb": "a flurb"}).run()
    row = ledger_of(tmp_path)["flurb"]
    assert (row["outcome"], row["reasons"], row["generator"]) == ("rejected", ["prompt.unknown-noun"], "procedural")
    assert row["meta"]["fell_back"] == "shapes: prompt.unknown-noun"
    assert [generator for generator, _ in engine.batches] == ["shapes", "procedural"]


def of_three_attempts() -> Recipe:
    """A score that nothing reaches: all attempts are made."""
    text = TEXT.replace("use = '{}'", "use = '{}'\nattempts = 3", 1).format("procedural", "noop")
    return replace(parse_recipe(text + "[gate]\nprofile = 'none'\n", "page.toml", catalogue()), enough=2.0)


def test_a_candidate_that_is_refused_falls_back_with_all_its_attempts(tmp_path: Path) -> None:
    engine = Noted()
    work_on(tmp_path, engine, of_three_attempts(), {"giraffe": "a giraffe"}).run()
    row = ledger_of(tmp_path)["giraffe"]
    assert [generator for generator, _ in engine.batches] == ["procedural", "noop", "noop", "noop"]
    assert (row["outcome"], row["generator"], len(row["meta"]["candidates"])) == ("passed", "noop", 3)


@dataclass
class Moody(Noted):
    """Declines every batch but the first."""

    def generate(self, jobs: Sequence[GenerateJob]) -> Future[list[Generated | Failure]]:
        if not self.batches:
            return super().generate(jobs)
        self.batches.append((jobs[0].generator, []))
        answer: Future[list[Generated | Failure]] = Future()
        answer.set_result([Failure("rejected", "image.unsure", "")] * len(jobs))
        return answer


def test_a_candidate_that_stands_is_kept(tmp_path: Path) -> None:
    engine = Moody()
    work_on(tmp_path, engine, of_three_attempts(), {"chair": "a chair"}).run()
    row = ledger_of(tmp_path)["chair"]
    assert [generator for generator, _ in engine.batches] == ["procedural", "procedural"]
    assert (row["outcome"], row["generator"], row["meta"].get("fell_back")) == ("passed", "procedural", None)


def test_a_run_that_is_lost_on_the_way_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    work_on(tmp_path / "whole", DirectEngine(), recipe_of()).run()
    lost = work_on(tmp_path / "lost", Noted(lost="noop"), recipe_of())
    with pytest.raises(ConnectionError):
        lost.run()
    decided = {record["id"] for record in Journal(lost.line.store, lost.chunk.id).records()}
    assert not decided & {"giraffe", "okapi"}
    engine = DirectEngine()
    work_on(tmp_path / "lost", engine, recipe_of()).run()
    assert engine.made["giraffe"] == engine.made["okapi"] == 2
    assert not decided & engine.made.keys()
    whole, again = (ledger_of(tmp_path / name) for name in ("whole", "lost"))
    assert {id: comparable(row) for id, row in again.items()} == {id: comparable(row) for id, row in whole.items()}


@pytest.mark.slow
def test_rows_are_made_again_when_either_generator_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.csv").write_text("id,prompt\nchair,a chair\ngiraffe,a giraffe\n")
    (tmp_path / "two.toml").write_text(TEXT.format("procedural", "noop"))

    def skipped() -> int:
        places = [str(tmp_path / name) for name in ("rows.csv", "two.toml", "out")]
        command = ["run", places[0], "--recipe", places[1], "--out", places[2], "--engine", "inline", "--json"]
        assert cli.main(command) == 0
        return int(json.loads(capsys.readouterr().out)["skipped"])

    assert (skipped(), skipped()) == (0, 2)
    monkeypatch.setattr(Noop, "version", "another")
    assert (skipped(), skipped()) == (0, 2)
    (tmp_path / "two.toml").write_text(TEXT.format("procedural", "noop") + "[generator.procedural]\ndetail = 2.0\n")
    assert (skipped(), skipped()) == (0, 2)


def test_the_key_has_both_generators_of_rows_that_may_fall_back() -> None:
    drawn, shown = row_of(prompt="a chair"), row_of(image="/in/a.png")
    both = makers(drawn, recipe_of("shapes", "procedural"))
    assert [name.partition("/")[0] for name in both.split(">")] == ["shapes", "procedural"]
    assert both.split(">")[:1] == [makers(shown, recipe_of("shapes", "procedural"))]
    assert recipe_of("shapes", "procedural").digest != replace(recipe_of("shapes", "noop")).digest


@pytest.mark.parametrize(
    ("fields", "otherwise", "other"),
    [
        ({"prompt": "a chair"}, "procedural", "procedural"),
        ({"category": "chair"}, "procedural", "procedural"),
        ({"image": "/in/a.png"}, "procedural", ""),
        ({"image": "/in/a.png", "prompt": "a chair"}, "procedural", ""),  # the prompt only describes
        ({"image": "/in/a.png", "prompt": "a chair"}, "inflate", "inflate"),
        ({"mesh": "/in/a.glb", "image": "/in/a.png"}, "inflate", ""),
        ({"prompt": "a chair"}, "shapes", ""),  # it is the row's own
        ({"prompt": "a chair"}, "", ""),
    ],
)
def test_the_other_takes_what_the_row_is_made_from(fields: dict[str, Any], otherwise: str, other: str) -> None:
    assert (
        other_of(row_of(**fields), replace(recipe_of("shapes", "procedural"), otherwise=otherwise), "shapes") == other
    )


@pytest.mark.parametrize(
    ("recipe", "row", "otherwise", "other"),
    [
        ("auto", "", "", "inflate"),
        ("shapes", "auto", "", "inflate"),
        ("auto", "", "shapes", ""),  # the recipe's own word
        ("shapes", "", "", ""),  # who names a generator wants it
        ("auto", "shapes", "", ""),
    ],
)
def test_pictures_whose_generator_nobody_chose_have_another(recipe: str, row: str, otherwise: str, other: str) -> None:
    rule = replace(recipe_of(), generator=recipe, otherwise=otherwise)
    for shown in ("image", "sketch"):
        assert bind(row_of(generator=row, **{shown: "/in/a.png"}), rule, 7).otherwise == other
    assert bind(row_of(prompt="a chair"), replace(recipe_of(), generator="auto", otherwise=""), 7).otherwise == ""


@pytest.mark.parametrize(
    ("outcome", "code", "expected"),
    [
        ("rejected", "prompt.unknown-noun", True),
        ("rejected", "image.unsure", True),
        ("rejected", "studio.own-code", True),
        ("failed", "field.empty", True),
        ("failed", "image.background", True),
        ("rejected", HOURS, False),
        ("rejected", COST, False),
        ("failed", "image.truncated", False),
        ("failed", "model.missing-weights", False),
        ("failed", "error.ValueError", False),
        ("quarantined", "guard.timeout", False),
    ],
)
def test_which_answers_mean_that_another_is_to_try(outcome: Any, code: str, expected: bool) -> None:
    assert cannot_make(Failure(outcome, code, "")) is expected


def test_files_name_the_generator_that_made_them() -> None:
    row, recipe = row_of(prompt="a giraffe"), recipe_of("procedural", "shapes")
    first = bind(row, recipe, 7)
    other = fallen_back(first, row, recipe, "prompt.unknown-noun")
    assert [each.plan.provenance.generator for each in (first, other)] == ["procedural", "shapes"]
    assert [each.plan.provenance.ai_generated for each in (first, other)] == [False, True]
    assert other.options == recipe.generator_options["shapes"]
    assert (other.request, other.otherwise) == (first.request, "")


def test_a_refinement_is_made_from_its_parent_alone() -> None:
    parent = Parent({"id": "a", "seed": 1, "generator": "procedural", "meta": {}})
    assert bind(row_of(prompt="a chair"), recipe_of(), 1).otherwise == "noop"
    assert parent.bind(row_of(prompt="a chair"), recipe_of())[0].otherwise == ""


def test_what_either_model_lacks_is_told_before_a_run() -> None:
    assert sorted(lacking_in(recipe_of("triposg", "triposr"))) == ["triposg", "triposr"]
    assert all(lacking_in(recipe_of("triposg", "triposr")).values())
