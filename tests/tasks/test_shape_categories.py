"""The judge of categories: right on shapes it never saw, by chance alone where labels mean nothing."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import trimesh

from ml.asset import Asset
from tasks.shape_body import Body, make_body, uniform_looks
from tasks.shape_categories import GRID, Judge, features, load_judge
from tasks.shape_category_training import train
from tasks.shape_truths import Truth, truths


def body(rng: np.random.Generator, kind: str) -> Body:
    mesh = trimesh.creation.icosphere(3) if kind == "ball" else trimesh.creation.box((1, 1, 1))
    return make_body(mesh.vertices * rng.uniform(0.6, 1.0, 3), np.asarray(mesh.faces, np.int32), uniform_looks([0] * 8))


def trained(path: Path, labels: Sequence[str], bodies: Sequence[Body]) -> Judge:
    pairs = zip(labels, bodies, strict=True)
    none = np.zeros(0, np.int32)
    train([Truth(label, (label,) * 3, 0, Asset(()), each, none) for label, each in pairs], path)
    return load_judge(path)


@pytest.fixture(scope="module")
def bodies() -> list[tuple[str, Body]]:
    rng = np.random.default_rng(0)
    return [(kind, body(rng, kind)) for kind in ("ball", "box") * 40]


def test_balls_and_boxes_are_told_apart_unless_labels_are_random(
    bodies: list[tuple[str, Body]], tmp_path: Path
) -> None:
    known, unseen = bodies[:40], bodies[40:]
    judge = trained(tmp_path / "a.safetensors", [kind for kind, _ in known], [each for _, each in known])
    assert all(judge.category(each) == kind for kind, each in unseen)
    labels = [str(label) for label in np.random.default_rng(1).integers(8, size=80)]
    lost = trained(tmp_path / "b.safetensors", labels[:40], [each for _, each in known])
    hits = sum(lost.category(each) == label for label, (_, each) in zip(labels[40:], unseen, strict=True))
    assert hits <= 13  # of 40 by chance 5, and 14 or more once in 6,000 times


def test_features_are_shares_of_the_surface(bodies: list[tuple[str, Body]]) -> None:
    for _, each in bodies[:4]:
        found = features(each.boxed, each.extents)
        assert (found[: GRID**3] ** 2).sum() == pytest.approx(GRID, rel=1e-5)
        assert found[GRID**3 :].max() == pytest.approx(0.0, abs=1e-5)


def test_the_shipped_judge_knows_true_shapes() -> None:
    """480 unseen ones are measured by bench/shape_judge.py; 24 may have one that it mistakes."""
    judge, found = load_judge(), list(truths(77, 24, None))
    assert len(judge.categories) >= 30
    assert sum(judge.category(truth.body) == truth.category for truth in found) >= 23
