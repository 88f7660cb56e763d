"""Every curation recipe loads, and what it names comes out of the chain at reduced counts."""

from __future__ import annotations

import io
import zipfile
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from flows.catalogue import catalogue
from manifests.recipe import SHIPPED, curation_recipes, load_recipe
from ml.asset import Asset
from ml.shapes.example import example_of
from tasks.chain import Plan, run_chain
from tasks.watertight import WatertightOptions
from tests.tasks.export_assets import ball, painted

COUNTS = ("uniform", "salient", "near", "salient_near", "volume")


def reduced(options: Any) -> Any:
    """The same options with a few points, views and voxels each."""
    names = {field.name for field in fields(options)}
    small: dict[str, Any] = {name: min(getattr(options, name), 500) for name in COUNTS if name in names}
    small |= {"resolution": 64} if "resolution" in names else {}
    small |= {"count": 2, "size": 32} if "cameras" in names else {}
    return replace(options, **small)


@pytest.mark.parametrize("name", curation_recipes())
def test_a_recipe_runs_to_its_products(name: str) -> None:
    recipe = load_recipe(name, catalogue())
    assert recipe.name == name
    assert recipe.generator == "mesh"
    steps = tuple((stage.name, reduced(stage.options)) for stage in recipe.steps)
    exports = tuple((stage.name, reduced(stage.options)) for stage in recipe.exports)
    product = run_chain(Asset((ball(painted(), level=2),)), Plan(steps, exports=exports), "x")
    assert product.outcome == "passed"
    names = [file.name for file in product.files]
    assert len(set(names)) == len(names) == len(exports)
    for file, (_, options) in zip(product.files, exports, strict=True):
        if file.format == "vecset":
            arrays = np.load(io.BytesIO(file.data))
            assert len(arrays["surface_points"]) == options.uniform
            assert arrays["surface_points"].dtype == options.dtype
            assert "surface_colors" in arrays
            assert product.metrics["vecset.signs"] >= 0.99
            check_vecset(arrays, options)
        elif file.format == "views":
            with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
                assert len(archive.namelist()) == 2 * len(options.maps) + 1
        elif file.format == "shape":
            assert len(np.unique(example_of(file.data).surface_looks, axis=0)) > 10
        else:
            assert len(np.load(io.BytesIO(file.data))["coords"]) > 1000


def check_vecset(arrays: Any, options: Any) -> None:
    """Counts are those asked for, points reach as far as the mesh and no farther, signs are those of a ball."""
    counts = {"surface": options.uniform, **{kind: getattr(options, kind) for kind in COUNTS if kind != "uniform"}}
    assert {kind: len(arrays.get(f"{kind}_points", ())) for kind in counts} == counts
    on_surface = np.concatenate([arrays[f"{kind}_points"] for kind in ("surface", "salient") if counts[kind]])
    reach = np.abs(on_surface.astype(np.float64)).max()
    assert 0.9 * options.extent < reach <= options.extent
    assert np.abs(arrays["volume_points"].astype(np.float64)).max() <= options.volume_extent
    for kind in ("near", "salient_near", "volume"):
        if counts[kind]:
            out = np.linalg.norm(arrays[f"{kind}_points"].astype(np.float64), axis=1) - options.extent
            sure = np.abs(out) > 0.1 * options.extent  # a ball of 320 faces in a grid of 64: its radius is that wrong
            assert (np.sign(arrays[f"{kind}_distances"])[sure] == np.sign(out)[sure]).all()


@pytest.mark.parametrize(("name", "resolution"), [("dora", 256), ("dora-1.2", 512), ("triposg", 512), ("blog", 512)])
def test_grids_are_as_fine_as_the_sources_say(name: str, resolution: int) -> None:
    (found,) = [
        stage.options.resolution
        for stage in load_recipe(name, catalogue()).steps
        if isinstance(stage.options, WatertightOptions)
    ]
    assert found == resolution


def test_mistakes_of_the_sources_are_not_copied() -> None:
    hunyuan = load_recipe("hunyuan3d", catalogue()).exports[0].options
    assert hunyuan.salient_near_sigmas == tuple(sorted(hunyuan.salient_near_sigmas))  # type: ignore[attr-defined]
    dora = next(stage.options for stage in load_recipe("dora", catalogue()).steps if stage.name == "watertight")
    assert isinstance(dora, WatertightOptions)
    assert dora.min_component == 0.0


def test_names_do_not_collide_with_shipped_recipes() -> None:
    assert not {path.stem for path in SHIPPED.glob("*.toml")} & set(curation_recipes())
