"""Redrawing by a model of pictures: outside a region nothing moves and no paint changes, inside both do."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from ml.asset import Asset, InputError, Material, make_part
from ml.distill.settings import DistillSettings
from tasks.distill_edit import DistillEditOptions, distill_edit
from tasks.edit_frame import SAME
from tasks.refinement import Origin, asks_distillation, refine
from tasks.signed_distance import build_distance_field, unsigned_distance
from tasks.topology import topology
from tests.tiny_pipelines import latent_pipeline

pytestmark = pytest.mark.slow  # diffusers alone takes seconds to load

UPPER = json.dumps({"boxes": [{"min": [-9, 0.7, -9], "max": [9, 9, 9]}]})


def table() -> Asset:
    """A red top on a blue post, 1 m high, not at the origin."""
    top = trimesh.creation.box((0.8, 0.2, 0.6), trimesh.transformations.translation_matrix((2.0, 0.9, 0.0)))
    post = trimesh.creation.box((0.3, 0.85, 0.3), trimesh.transformations.translation_matrix((2.0, 0.425, 0.0)))
    red, blue = Material(base_color=(0.6, 0, 0, 1)), Material(base_color=(0, 0, 0.6, 1))
    return Asset((make_part(top.vertices, top.faces, red, name="top"), make_part(post.vertices, post.faces, blue)))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("pipeline")
    latent_pipeline(folder).save_pretrained(folder / "model")
    return str(folder / "model")


def options(model: str, **changes: object) -> DistillEditOptions:
    given: dict[str, object] = {"steps": 10, "batch_pictures": 2, "side": 24, "finest": 32, "resolution": 128}
    said = {"prompt": "a round table", "device": "cpu", **given, **changes}
    return DistillEditOptions(model=model, **said)  # type: ignore[arg-type]


def moved(asset: Asset, made: Asset) -> tuple[np.ndarray, np.ndarray]:
    """Heights of the new vertices, and how far each is from the old surface, in shares of the diagonal."""
    before, faces, _ = asset.merged()
    after = made.merged()[0]
    away = unsigned_distance(build_distance_field(before, faces), after).distance
    return after[:, 1], away / float(np.linalg.norm(np.ptp(before, axis=0)))


def test_outside_the_region_nothing_moves_and_inside_something_does(model: str) -> None:
    asset = table()
    made = distill_edit(asset, options(model, region=UPPER))
    part = made.parts[0]
    assert topology(part.vertices, part.faces).closed
    height, away = moved(asset, made)
    assert (height < 0.7).sum() > 100
    assert away[height < 0.7].max() < 0.008  # an edge is cut off by at most 0.8 of a cell
    assert made.metrics["edit.outside_percent"] < 0.8
    assert np.median(away[height < 0.7]) < 0.1 * SAME
    assert np.median(away[height > 0.75]) > SAME
    assert made.metrics["edit.moved_percent"] > 20.0
    assert made.notes["distill_edit"] == "a round table"
    assert made.provenance.ai_generated


def test_paint_outside_the_region_is_the_old_one(model: str) -> None:
    made = distill_edit(table(), options(model, region=UPPER))
    assert made.source is not None
    *old, new = made.source.parts
    assert {part.material.base_color for part in old} >= {(0, 0, 0.6, 1)}
    assert min(part.vertices[part.faces][..., 1].min() for part in old) == pytest.approx(0.0)
    assert new.vertices[new.faces][..., 1].min() > 0.65
    part = made.parts[0]
    assert part.colors is not None
    low = part.vertices[:, 1] < 0.6
    seen = part.colors[:, :3] / 255.0 * part.material.base_color[:3]
    assert np.abs(seen[low] - [0, 0, 0.6]).max() < 0.02


def test_without_a_region_all_of_it_may_move(model: str) -> None:
    asset = table()
    height, away = moved(asset, distill_edit(asset, options(model)))
    assert np.median(away[height < 0.6]) > SAME
    assert np.median(away[height > 0.75]) > SAME


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"prompt": " "}, "edit.no-prompt"),
        ({"region": '{"boxes": [{"min": [50, 50, 50], "max": [51, 51, 51]}]}'}, "region.empty"),
        ({"region": '{"parts": ["handle"]}'}, "region.no-part"),
        ({"model": "/nowhere"}, "model.missing-weights"),
    ],
)
def test_what_cannot_be_done_is_refused(model: str, changes: dict[str, object], code: str) -> None:
    with pytest.raises(InputError) as refused:
        distill_edit(table(), replace(options(model), **changes))  # type: ignore[arg-type]
    assert refused.value.code == code


def test_an_instruction_asks_for_it(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.refinement.REDRAWN_TEXELS", 128)
    asset, asked = table(), vars(options(model))
    told = DistillSettings(**{each.name: asked[each.name] for each in fields(DistillSettings)})
    made = refine(asset, Origin(()), "Distil it as a round table", UPPER, told, seed=3)
    height, away = moved(asset, made)
    assert away[height < 0.7].max() < 0.008
    assert np.median(away[height > 0.75]) > SAME
    assert made.parts[0].material.base_color_texture is not None
    done = json.loads(made.notes["refined"])
    assert (done["how"], done["understood"]) == ("distilled", "a round table")
    assert done["measured"]["edit.moved_percent"] > 20.0
    with pytest.raises(InputError) as refused:
        refine(asset, Origin(()), "distill as a round table", "")
    assert refused.value.code == "model.missing-weights"


@pytest.mark.parametrize(
    ("text", "asks"),
    [("distil as a lamp", True), (" Distill this as\na lamp", True), ("redraw as a lamp", False), ("distil", False)],
)
def test_which_instructions_do(text: str, asks: bool) -> None:
    assert asks_distillation(text) is asks
