"""Best of n: the best candidate stands with its files and seed, the others are recorded, a killed child loses none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import trimesh

from flows import cli
from flows.candidates import Candidates
from flows.catalogue import catalogue
from flows.chunk_work import ChunkWork, Line
from flows.chunks import Chunk, Keyed
from flows.jobs import Failure, Generated, GenerateJob, Processed, ProcessJob, process_asset
from flows.progress import Progress
from manifests.ledger import Ledger
from manifests.recipe import load_recipe
from manifests.row import Row
from manifests.store import Store
from ml.asset import Asset, make_part
from tasks.chain import Plan
from tasks.export_glb import GlbOptions
from tasks.glb import encode_glb
from tasks.profile import load_profile

RECIPE = "[generator]\nattempts = {}\nenough = {}\n[[steps]]\nuse = 'clean'\n[gate]\nprofile = 'none'\n"
MESH = Generated("digest", 1.0)


def scored(value: float) -> Processed:
    outcome = "passed" if value >= 0 else "rejected"
    return Processed(outcome, (), "", {"score": value}, {}, (), {"clean": 2.0})  # type: ignore[arg-type]


def steps(found: Candidates, *answers: Processed | Failure) -> list[str]:
    return [found.add(MESH, answer) for answer in answers]


def test_the_search_ends_with_enough_or_with_the_last_attempt() -> None:
    assert steps(Candidates(7, 3, 0.9), scored(0.5), scored(0.95)) == ["another", "done"]
    assert steps(Candidates(7, 3, 0.9), scored(0.5), scored(-2), scored(0.4)) == ["another", "another", "done"]
    assert steps(Candidates(7, 1, 0.9), scored(0.1)) == ["done"]


def test_the_best_stands_and_seeds_differ() -> None:
    found = Candidates(7, 4, 1.0)
    steps(found, scored(0.5), scored(0.8), scored(0.8), scored(0.6))
    assert found.best is not None
    assert found.beat == 0.8
    assert [each["score"] for each in found.tried] == [0.5, 0.8, 0.8, 0.6]
    assert found.best_seed == found.tried[1]["seed"]
    assert len({each["seed"] for each in found.tried}) == 4
    assert found.tried[0]["seed"] == 7
    assert found.seconds == 9.0


def test_refusals_and_killed_children_end_the_search_and_errors_do_not() -> None:
    refused, error = Failure("rejected", "prompt.unknown", ""), Failure("failed", "mesh.no-faces", "")
    assert Candidates(7, 3, 1.0).add(None, refused) == "done"
    assert Candidates(7, 3, 1.0).add(MESH, error) == "another"
    killed = Failure("quarantined", "guard.timeout", "")
    assert steps(Candidates(7, 3, 1.0), killed) == ["done"]
    assert steps(Candidates(7, 3, 1.0), scored(0.5), killed, scored(0.5)) == ["another", "restore", "done"]


class Scripted:
    """An engine that answers at once: meshes are their seeds, chains answer in the order given."""

    name = "scripted"
    ahead = 4

    def __init__(self, *answers: Processed | Failure) -> None:
        self.answers = list(answers)
        self.jobs: list[ProcessJob] = []

    def generate(self, jobs: Sequence[GenerateJob]) -> Future[list[Any]]:
        return done([Generated(str(job.request.seed), 1.0) for job in jobs])

    def process(self, jobs: Sequence[ProcessJob]) -> Future[list[Any]]:
        self.jobs += jobs
        return done([self.answers.pop(0) for _ in jobs])

    def window(self) -> int:
        return 2

    def close(self) -> None:
        pass


def done(answers: list[Any]) -> Future[list[Any]]:
    future: Future[list[Any]] = Future()
    future.set_result(answers)
    return future


def ledger_row(folder: Path, engine: Scripted, attempts: int = 3) -> dict[str, Any]:
    (folder / "best.toml").write_text(RECIPE.format(attempts, 0.9))
    store = Store(str(folder / "out"))
    line = Line(store, Ledger(store), engine, load_recipe(str(folder / "best.toml"), catalogue()), 0, Progress())
    row = Row(1, 2, "one", prompt="a chair", seed=5)
    ChunkWork(line, Chunk([Keyed("ab" * 16, row)])).run()
    (found,) = Ledger(store).rows()
    return found


def test_the_ledger_holds_the_best_and_lists_all(tmp_path: Path) -> None:
    engine = Scripted(scored(0.2), scored(0.7), scored(0.6))
    row = ledger_row(tmp_path, engine)
    assert (row["outcome"], row["metrics"]["score"]) == ("passed", 0.7)
    assert [each["score"] for each in row["meta"]["candidates"]] == [0.2, 0.7, 0.6]
    assert row["seed"] == row["meta"]["candidates"][1]["seed"] != 5
    assert [job.beat for job in engine.jobs] == [None, 0.2, 0.7]
    assert row["timings"]["other_candidates"] == 6.0


def test_after_a_killed_chain_the_best_is_written_again(tmp_path: Path) -> None:
    engine = Scripted(scored(0.2), Failure("quarantined", "guard.timeout", "hung"), scored(0.2))
    row = ledger_row(tmp_path, engine)
    assert (row["outcome"], row["seed"]) == ("passed", 5)
    assert [(job.digest, job.beat) for job in engine.jobs][::2] == [("5", None), ("5", None)]
    assert [each["outcome"] for each in row["meta"]["candidates"]] == ["passed", "quarantined"]


def test_one_attempt_leaves_rows_as_they_were(tmp_path: Path) -> None:
    row = ledger_row(tmp_path, Scripted(scored(0.2)), attempts=1)
    assert "candidates" not in row["meta"]
    assert "other_candidates" not in row["timings"]


def test_a_real_run_keeps_the_best_candidates_files_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.csv").write_text("id,prompt,seed\none,a chair,5\n")
    steps = "".join(f"[[steps]]\nuse = '{name}'\n" for name in ("clean", "unwrap"))
    (tmp_path / "large.toml").write_text(
        "title = 'large'\n[[score]]\nmetric = 'area_m2'\nweight = 100.0\nworst = 0\nbest = 100\n"
    )
    recipe = "[generator]\nattempts = 3\n" + steps + "[gate]\nprofile = 'large.toml'\n[[exports]]\nuse = 'glb'\n"
    (tmp_path / "best.toml").write_text(recipe)
    places = [str(tmp_path / name) for name in ("rows.csv", "best.toml", "out")]
    assert cli.main(["run", places[0], "--recipe", places[1], "--out", places[2], "--engine", "inline"]) == 0
    capsys.readouterr()
    assert cli.main(["ledger", places[2], "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    scores = [each["score"] for each in row["meta"]["candidates"]]
    assert len(set(scores)) == len(scores) == 3
    assert row["metrics"]["score"] == max(scores)
    assert row["seed"] == row["meta"]["candidates"][scores.index(max(scores))]["seed"]
    written = {f"assets/one/{path.name}" for path in (tmp_path / "out/assets/one").iterdir()}
    assert written == {output["uri"] for output in row["outputs"]}


@pytest.mark.parametrize(("beat", "replaced"), [(-5.0, True), (2.0, False)])
def test_only_a_better_candidate_replaces_the_files(tmp_path: Path, beat: float, replaced: bool) -> None:
    store = Store(str(tmp_path))
    box = trimesh.creation.box()
    digest = store.put_content(encode_glb(Asset((make_part(box.vertices, box.faces),))), ".glb")
    store.put("assets/one/one_LOD3.glb", b"of the candidate before")
    plan = Plan((), load_profile("none"), (("glb", GlbOptions()),))
    made = process_asset(ProcessJob(digest, plan, "assets/one", "one", store, beat))
    names = {path.name for path in (tmp_path / "assets/one").iterdir()}
    assert names == ({"one.glb"} if replaced else {"one_LOD3.glb"})
    assert [output.uri for output in made.outputs] == (["assets/one/one.glb"] if replaced else [])
