"""Usual sizes: every category that is built has a range, and what is built lies in it."""

from __future__ import annotations

import numpy as np
import pytest

from ml.generators.procedural import Procedural, ProceduralOptions
from ml.generators.protocol import Request
from ml.parametric.catalogue import BUILDERS
from ml.parametric.sizes import EXTENTS, usual_extent
from ml.prompt import parse_prompt
from ml.vocabulary import CATEGORIES


def test_every_category_has_a_range_and_no_other_has() -> None:
    assert set(EXTENTS) == set(BUILDERS)
    assert set(EXTENTS) <= set(CATEGORIES.values())
    assert all(0 < low < high for low, high in EXTENTS.values())
    assert usual_extent("spaceship") is None


@pytest.mark.parametrize("category", ["chair", "mug", "car", "tree"])
def test_what_is_built_is_as_large_as_that(category: str) -> None:
    generator = Procedural(ProceduralOptions())
    for seed in range(3):
        made = generator.generate([Request(id="x", seed=seed, prompt=parse_prompt(f"a {category}"))])[0]
        low, high = EXTENTS[category]
        assert low <= float(np.ptp(made.bounds(), axis=0).max()) <= high  # type: ignore[union-attr]
