"""Signatures: order, scale and place do not count; shape, colour and stance do; duplicates are those of brute force."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Material, make_part
from tasks.duplicates import duplicates
from tasks.signature import FEATURES, Signature, distance, signature
from tasks.transform import transformed

RED = Material(base_color=(0.8, 0.05, 0.05, 1.0))


def bracket(thickness: float = 0.2, material: Material = RED, subdivisions: int = 0) -> Asset:
    mesh = trimesh.util.concatenate(
        [
            trimesh.creation.box((1.0, thickness, 0.5)).apply_translation((0.5, 0.0, 0.0)),
            trimesh.creation.box((thickness, 1.5, 0.5)).apply_translation((0.0, 0.6, 0.1)),
        ]
    )
    for _ in range(subdivisions):
        mesh = mesh.subdivide()
    return Asset((make_part(mesh.vertices, mesh.faces, material),))


def apart(first: Asset, second: Asset) -> float:
    return float(distance(signature(first).features, signature(second).features[None])[0])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_order_scale_and_place_do_not_count(seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    part = bracket().parts[0]
    order = random.permutation(len(part.vertices))
    rank = np.argsort(order)
    faces = np.stack([np.roll(rank[face], random.integers(3)) for face in part.faces])[
        random.permutation(len(part.faces))
    ]
    shuffled = Asset((make_part(part.vertices[order], faces, part.material),))
    moved = transformed(shuffled, np.eye(3) * scale, random.normal(size=3) * scale)
    assert signature(moved).digest == signature(bracket()).digest
    assert apart(moved, bracket()) < 1e-3


def test_the_same_surface_in_other_triangles_is_near_but_not_equal() -> None:
    assert signature(bracket(subdivisions=1)).digest != signature(bracket()).digest
    assert apart(bracket(subdivisions=1), bracket()) < 1e-3


def test_shape_colour_and_stance_count() -> None:
    assert apart(bracket(0.3), bracket()) > 0.03
    assert apart(bracket(material=Material(base_color=(0.05, 0.1, 0.8, 1.0))), bracket()) > 0.1
    assert signature(bracket(material=Material())).digest != signature(bracket()).digest
    turned = transformed(bracket(), np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]), np.zeros(3))
    assert apart(turned, bracket()) > 0.1
    mirrored = bracket().parts[0]
    flipped = make_part(mirrored.vertices * [-1, 1, 1], mirrored.faces[:, ::-1], RED)
    assert apart(Asset((flipped,)), bracket()) > 0.1


def test_a_signature_survives_the_ledger() -> None:
    found = signature(bracket())
    again = Signature.of_text(found.text())
    assert (again.digest, again.features.tolist()) == (found.digest, found.features.tolist())
    for broken in ("", "abc", found.text()[:-8], found.text()[:10]):
        with pytest.raises(ValueError, match=r"signature|base64|padding"):
            Signature.of_text(broken)
    with pytest.raises(InputError):
        signature(Asset((replace(bracket().parts[0], faces=np.zeros((0, 3), np.int32)),)))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.floats(0.001, 0.1))
def test_duplicates_are_what_brute_force_finds(seed: int, count: int, threshold: float) -> None:
    random = np.random.default_rng(seed)
    kinds = random.integers(0, 256, (5, FEATURES))
    rows = []
    for _ in range(count):
        kind = int(random.integers(5))
        noise = random.normal(scale=random.choice([0.0, 2.0, 10.0]), size=FEATURES)
        features = np.clip(kinds[kind] + noise, 0, 255).astype(np.uint8)
        rows.append(Signature(blake2b(features.tobytes(), digest_size=16).hexdigest(), features))
    found = {each.index: each for each in duplicates(rows, threshold)}
    stands: list[int] = []
    for i, row in enumerate(rows):
        away = [(float(distance(row.features, rows[j].features[None])[0]), j) for j in stands]
        near = min(away, default=(np.inf, -1))
        assert (i in found) == (near[0] <= threshold)
        if i in found:
            assert found[i].distance == pytest.approx(near[0])
        else:
            stands.append(i)
