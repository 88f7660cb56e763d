"""The exported example is the asset's, and says what the row said and nothing more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.alignment.captions import draw, text
from ml.alignment.examples import parts_of_categories
from ml.alignment.tokens import claims
from ml.asset import Asset, InputError, Material, make_part
from ml.prompt import parse_prompt
from ml.shapes.captions import lengths_of
from ml.shapes.example import ShapeExample, example_of
from tasks.chain import Plan, run_chain
from tasks.export_shape import ShapeOptions, export_shape
from tasks.watertight import WatertightOptions

PROMPT = "a tall red oak chair with blue legs"


def cup(color: tuple[float, float, float, float] = (1, 0, 0, 1)) -> Asset:
    """An open shell: a ball without its top."""
    mesh = trimesh.creation.icosphere(3)
    faces = mesh.faces[mesh.triangles_center[:, 1] < 0.6]
    return Asset((make_part(mesh.vertices, faces, Material(base_color=color)),))


def exported(asset: Asset, **plan: Any) -> ShapeExample:
    steps = (("watertight", WatertightOptions(resolution=64, fill_holes=0.0)),)
    product = run_chain(asset, Plan(steps=steps, exports=(("shape", ShapeOptions()),), **plan), "cup")
    assert [(file.name, file.format) for file in product.files] == [("cup_shape.npz", "shape")]
    return example_of(product.files[0].data)


def test_an_open_mesh_gives_an_example_that_looks_as_it_did() -> None:
    example = exported(cup(), prompt=PROMPT)
    assert example.category == "chair"
    assert example.captions == (PROMPT, "red oak chair", "chair")
    assert (example.surface_looks[:, :3] == [255, 0, 0]).mean() > 0.99
    inside = np.linalg.norm(example.queries.astype(np.float64) * example.extents, axis=1) < 0.3
    assert (example.distances[inside] > 0).any()  # the bowl is hollow
    assert (example.pictures[0, 48, 48] > [100, 0, 0]).any()


def test_without_a_prompt_there_is_nothing_to_say() -> None:
    example = exported(cup())
    assert example.captions == ("", "", "")
    assert example.category == ""
    assert (example.tokens[:, 2:] == 0).all()


def test_open_parts_are_refused_and_seeds_differ() -> None:
    with pytest.raises(InputError) as caught:
        export_shape(cup(), "cup")
    assert caught.value.code == "shape.not-closed"
    mesh = trimesh.creation.box()
    box = Asset((make_part(mesh.vertices, mesh.faces),))
    first, again, other = (export_shape(box, "box", ShapeOptions(seed))[0].data for seed in (0, 0, 1))
    assert first == again
    assert first != other


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_captions_of_a_prompt_claim_no_more_than_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    prompt = text(draw(rng, parts_of_categories()), rng)
    said = [claims(parse_prompt(each)) for each in lengths_of(prompt)]
    assert said[0] >= said[1] >= said[2]
    assert len(said[2]) <= 2


@pytest.mark.parametrize("prompt", ["", "?!", "a thing that nobody knows", "blue"])
def test_words_that_are_not_understood_stay(prompt: str) -> None:
    assert lengths_of(prompt)[0] == prompt
