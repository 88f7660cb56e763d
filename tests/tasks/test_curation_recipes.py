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
        elif file.format == "views":
            with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
                assert len(archive.namelist()) == 2 * len(options.maps) + 1
        elif file.format == "shape":
            assert len(np.unique(example_of(file.data).surface_looks, axis=0)) > 10
        else:
            assert len(np.load(io.BytesIO(file.data))["coords"]) > 1000


def test_mistakes_of_the_sources_are_not_copied() -> None:
    hunyuan = load_recipe("hunyuan3d", catalogue()).exports[0].options
    assert hunyuan.salient_near_sigmas == tuple(sorted(hunyuan.salient_near_sigmas))  # type: ignore[attr-defined]
    dora = next(stage.options for stage in load_recipe("dora", catalogue()).steps if stage.name == "watertight")
    assert isinstance(dora, WatertightOptions)
    assert dora.min_component == 0.0


def test_names_do_not_collide_with_shipped_recipes() -> None:
    assert not {path.stem for path in SHIPPED.glob("*.toml")} & set(curation_recipes())
