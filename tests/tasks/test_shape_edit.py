"""Redrawing by the shape model: outside a region nothing moves, inside something does, and the result is closed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from ml.asset import Asset, InputError, Material, make_part
from ml.shapes.asked import Asked
from ml.shapes.drawing import conditions, ready_model, tokens_outside
from ml.shapes.encoding import encoded
from ml.shapes.sampler import SamplerOptions
from tasks.bake import BakeOptions, bake
from tasks.shape_edit import ShapeEditOptions, shape_edit
from tasks.shape_examples import shape_example
from tasks.signed_distance import build_distance_field, unsigned_distance
from tasks.simplify import SimplifyOptions, simplify
from tasks.topology import topology
from tasks.unwrap import UnwrapOptions, unwrap

UPPER = json.dumps({"boxes": [{"min": [-9, 0.7, -9], "max": [9, 9, 9]}]})


def table() -> Asset:
    """A red top on a blue post, 1 m high, not at the origin."""
    top = trimesh.creation.box((0.8, 0.1, 0.6), trimesh.transformations.translation_matrix((2.0, 0.95, 0.0)))
    post = trimesh.creation.box((0.2, 0.9, 0.2), trimesh.transformations.translation_matrix((2.0, 0.45, 0.0)))
    red, blue = Material(base_color=(0.6, 0, 0, 1)), Material(base_color=(0, 0, 0.6, 1))
    return Asset((make_part(top.vertices, top.faces, red, name="top"), make_part(post.vertices, post.faces, blue)))


@pytest.fixture
def options(random_shape_model: Path) -> dict[str, object]:
    return {"prompt": "a round table", "model": str(random_shape_model), "resolution": 64, "steps": 3, "strength": 0.9}


@pytest.mark.slow
def test_outside_the_region_nothing_moves_and_inside_something_does(options: dict[str, object]) -> None:
    asset = table()
    fine = {**options, "resolution": 192}  # an edge is cut off by at most 0.8 of a cell: 0.3 % of the diagonal
    made = shape_edit(asset, ShapeEditOptions(region=UPPER, **fine))  # type: ignore[arg-type]
    part = made.parts[0]
    assert topology(part.vertices, part.faces).closed
    before, faces, _ = asset.merged()
    diagonal = float(np.linalg.norm(np.ptp(before, axis=0)))
    low = part.vertices[part.vertices[:, 1] < 0.7]
    away = unsigned_distance(build_distance_field(before, faces), low).distance
    assert len(low) > 100
    assert away.max() < 0.005 * diagonal
    assert made.metrics["edit.outside_percent"] < 0.5
    assert made.metrics["edit.moved_percent"] > 5.0
    grown = build_distance_field(part.vertices, part.faces)  # and what was there is still there
    corners = before[before[:, 1] < 0.7]
    assert unsigned_distance(grown, corners).distance.max() < 0.02 * diagonal  # cells cut corners off


def test_looks_outside_the_region_are_the_old_ones(options: dict[str, object]) -> None:
    made = shape_edit(table(), ShapeEditOptions(region=UPPER, **options))  # type: ignore[arg-type]
    fewer = simplify(made, SimplifyOptions(target_faces=12_000))  # a random field is all bumps, 47,000 faces of them
    low = bake(unwrap(fewer, UnwrapOptions(512)), BakeOptions(512))
    part = low.parts[0]
    assert part.uv is not None
    assert part.material.base_color_texture is not None
    pixels = part.material.base_color_texture.pixels()
    at = (part.uv[part.faces].mean(axis=1) * 512).astype(int)
    shown = pixels[at[:, 1], at[:, 0], :3].astype(int)
    height = part.vertices[part.faces].mean(axis=1)[:, 1]
    blue = np.abs(shown - [0, 0, 203]).max(axis=1) < 4
    assert blue[(height < 0.6)].mean() > 0.99
    assert not blue[height > 0.9].any()


def test_the_whole_is_redrawn_in_its_box(options: dict[str, object]) -> None:
    asset = table()
    made = shape_edit(asset, ShapeEditOptions(**options))  # type: ignore[arg-type]
    assert topology(made.parts[0].vertices, made.parts[0].faces).closed
    room = 0.06 * np.ptp(asset.bounds(), axis=0)
    assert (made.bounds()[0] > asset.bounds()[0] - room).all()
    assert (made.bounds()[1] < asset.bounds()[1] + room).all()
    assert made.source is not None
    assert made.source.parts[0].material.looks is not None


@pytest.mark.slow
def test_kept_tokens_stay_and_others_follow_the_words(random_shape_model: Path) -> None:
    model = ready_model(str(random_shape_model))
    start = encoded(model, shape_example(table(), "", ("", "", ""), 0))
    kept = tokens_outside(model, lambda points: (points[:, 1] > 0.0) & (points[:, 0] < 0.0))
    free = [0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1]  # the 2 × 2 cells of planes xy, xz and yz; the first coordinate in rows
    assert kept.tolist() == [not each for each in free] + [True]
    drawn = model.generate(conditions([Asked("a lamp", "", ())]), [3], SamplerOptions(steps=4), None, start, 0.8, kept)
    torch.testing.assert_close(drawn[0, kept], start[0, kept])
    assert not torch.isclose(drawn[0, ~kept], start[0, ~kept], atol=1e-3).all(dim=1).any()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"prompt": " "}, "edit.no-prompt"),
        ({"region": '{"boxes": [{"min": [50, 50, 50], "max": [51, 51, 51]}]}'}, "edit.no-effect"),
        ({"region": '{"parts": ["handle"]}'}, "region.no-part"),
        ({"model": "/nowhere"}, "weights.missing"),
    ],
)
def test_what_cannot_be_done_is_refused(options: dict[str, object], changes: dict[str, object], code: str) -> None:
    with pytest.raises(InputError) as refused:
        shape_edit(table(), ShapeEditOptions(**{**options, **changes}))  # type: ignore[arg-type]
    assert refused.value.code == code
