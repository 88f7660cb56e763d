"""Short measures: self-crossing pieces, mirror symmetry, repeated vertices; and that only what is asked for is made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from ml.asset import Asset, Part, make_part
from tasks.asked_measures import EVERYTHING, MEASURES
from tasks.clean import clean
from tasks.measure import MeasureOptions, measure
from tasks.metrics import is_metric
from tasks.profile import list_profiles, load_profile
from tests.tasks.measured import ball, box, found, of


def test_a_piece_that_crosses_itself_is_told_from_pieces_that_cross() -> None:
    name = "topology.self_intersections"
    assert found(name, box(), box(0.5, x=0.5))[name] == 0
    bent = ball(subdivisions=2)
    points = bent.vertices.copy()
    points[np.argmax(points[:, 0])] = [-3.0, 0.3, 0.2]
    assert found(name, replace(bent, vertices=points))[name] > 0


def test_symmetry_of_a_box_a_turned_one_and_a_heap() -> None:
    name = "symmetry.score"
    assert found(name, box((1.0, 2.0, 3.0)))[name] == 1
    turned = box((1.0, 2.0, 3.0))
    turn = trimesh.transformations.rotation_matrix(np.pi / 4, [0, 1, 0])[:3, :3]
    assert found(name, replace(turned, vertices=(turned.vertices @ turn.T).astype(np.float32)))[name] > 0.97
    rng = np.random.default_rng(3)
    heap = [ball(0.1, 1, **dict(zip("xyz", rng.normal(size=3), strict=True))) for _ in range(9)]
    assert found(name, *heap)[name] < 0.4


def test_vertices_stored_twice_are_counted_and_cleaned() -> None:
    name = "topology.repeated_vertices"
    part = box()
    soup = make_part(part.vertices[part.faces.reshape(-1)], np.arange(36).reshape(-1, 3))
    assert found(name, part)[name] == 0
    assert found(name, soup)[name] == 28
    assert found(name, *clean(Asset((soup,))).parts)[name] == 0


def test_only_what_is_asked_for_is_measured() -> None:
    asset = Asset((box(), ball(x=2.0)))
    plain = measure(asset).metrics
    assert EVERYTHING.isdisjoint(plain)
    asked = measure(asset, MeasureOptions(frozenset(["floaters.share"]))).metrics
    assert set(asked) - set(plain) == {"floaters.count", "floaters.share", "floaters.distance_m"}


def test_every_measure_gives_the_names_it_says_and_no_other() -> None:
    assert all(is_metric(name) for name in EVERYTHING)
    everything = measure(Asset((box(), ball(x=2.0))), MeasureOptions(EVERYTHING))
    assert set(everything.metrics) - set(measure(Asset((box(), ball(x=2.0)))).metrics) <= EVERYTHING
    assert len(EVERYTHING) == sum(len(each.names) for each in MEASURES)


def test_profiles_ask_for_what_their_rules_name() -> None:
    for name in list_profiles():
        profile = load_profile(name)
        assert {rule.metric for rule in profile.rules} <= profile.metrics


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e15])
@pytest.mark.parametrize("kind", ["soup", "flat", "collapsed", "doubled", "flipped", "box"])
def test_nothing_crashes_at_any_size(kind: str, scale: float) -> None:
    rng = np.random.default_rng(0)
    part = {
        "soup": lambda: make_part(rng.normal(size=(120, 3)), rng.integers(0, 120, (200, 3))),
        "flat": lambda: make_part(rng.normal(size=(30, 3)) * [1, 0, 1], rng.integers(0, 30, (60, 3))),
        "collapsed": lambda: make_part(np.zeros((9, 3)), rng.integers(0, 9, (12, 3))),
        "doubled": lambda: box().with_faces(np.concatenate([box().faces] * 2)),
        "flipped": lambda: box().with_faces(box().faces[:, ::-1]),
        "box": box,
    }[kind]()
    scaled = make_part(part.vertices.astype(np.float64) * scale, part.faces)
    uv = rng.uniform(-3, 3, (len(scaled.vertices), 2)).astype(np.float32)
    metrics = measure(Asset((replace(scaled, uv=uv), scaled)), MeasureOptions(EVERYTHING)).metrics
    assert all(np.isfinite(value) for value in metrics.values())


def test_stability_and_pivot() -> None:
    metrics = measure(Asset((box(),))).metrics
    assert metrics["stable.margin_m"] == pytest.approx(0.5)
    assert metrics["stable.tilt_deg"] == pytest.approx(45.0)
    assert (metrics["pivot.base"], metrics["pivot.offset"]) == (0, 0)
    moved = measure(Asset((box(x=3.0, y=-2.0),))).metrics
    assert (metrics["pivot.base"], moved["pivot.base"], moved["pivot.offset"]) == (0, 2, 3)


def pyramid() -> Part:
    return of(trimesh.creation.cone(0.5, 1.0))


def test_a_size_out_of_its_category_is_told_by_the_factor() -> None:
    def factor(size: float) -> float:
        limits = {"size.category_min_m": 0.5, "size.category_max_m": 2.0}
        return measure(Asset((box(size),), metrics=limits)).metrics["size.category_factor"]

    assert [factor(size) for size in (1.0, 0.5, 2.0, 20.0, 0.05)] == pytest.approx([1, 1, 1, 10, 10])
    assert "size.category_factor" not in measure(Asset((pyramid(),))).metrics
