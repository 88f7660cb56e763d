"""Cleaning keeps what is seen, mends what is broken, and never opens a closed mesh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Part, make_part
from tasks.clean import CleanOptions, clean
from tasks.topology import Topology, degenerate_faces, topology, weld

BOX = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], np.float32)
BOX_FACES = np.array(
    [0, 2, 3, 0, 3, 1, 4, 5, 7, 4, 7, 6, 0, 1, 5, 0, 5, 4, 2, 6, 7, 2, 7, 3, 0, 4, 6, 0, 6, 2, 1, 3, 7, 1, 7, 5],
    np.int32,
).reshape(-1, 3)


def box(scale: float = 1.0, shift: float = 0.0, faces: np.ndarray = BOX_FACES) -> Part:
    return make_part(BOX * scale + shift, faces)


def together(*parts: Part) -> Part:
    vertices, faces, _ = Asset(parts).merged()
    return make_part(vertices, faces)


def measured(asset: Asset) -> Topology:
    vertices, faces, _ = asset.merged()
    points, welded, _ = weld(vertices, faces)
    return topology(points, welded)


def test_repeated_and_empty_faces_go_and_a_soup_becomes_one_closed_box() -> None:
    faces = np.concatenate([BOX_FACES, BOX_FACES[:2, [1, 2, 0]], [[0, 0, 1]]]).astype(np.int32)
    soup = make_part(BOX[faces].reshape(-1, 3), np.arange(faces.size).reshape(-1, 3))
    empty = make_part(BOX, np.zeros((0, 3), np.int32))
    cleaned = clean(Asset((soup, empty)))
    assert len(cleaned.parts) == 1
    assert len(cleaned.parts[0].vertices) == 8
    assert measured(cleaned).closed
    note = cleaned.notes["clean"]
    assert "dropped degenerate faces: 1, dropped duplicate faces: 2" in note
    assert "dropped empty parts: 1" in note


def test_the_two_sides_of_a_card_both_stay() -> None:
    card = make_part(BOX, [[0, 1, 3], [0, 3, 2], [0, 3, 1], [0, 2, 3]])
    assert clean(Asset((card,))).face_count == 4


def test_uv_seams_stay_split_but_equal_vertices_merge() -> None:
    corners = BOX_FACES.reshape(-1)
    uv = np.zeros((36, 2), np.float32)
    uv[:6] = BOX[corners[:6], :2]  # the first side has its own island
    part = make_part(BOX[corners], np.arange(36).reshape(-1, 3), uv=uv, colors=np.full((36, 4), 255, np.uint8))
    cleaned = clean(Asset((part,))).parts[0]
    assert len(cleaned.vertices) == 8 + 3  # the island's corner at uv (0, 0) is the one it shares
    assert cleaned.uv is not None
    assert np.array_equal(cleaned.uv[cleaned.faces], uv[part.faces])
    assert measured(Asset((cleaned,))).closed


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_crack_narrower_than_the_tolerance_closes(scale: float) -> None:
    noise = np.random.default_rng(1).uniform(-2e-7, 2e-7, (36, 3))
    soup = make_part((BOX[BOX_FACES].reshape(-1, 3) + noise) * scale, np.arange(36).reshape(-1, 3))
    assert not measured(Asset((soup,))).closed
    cleaned = clean(Asset((soup,)))
    assert measured(cleaned).closed
    assert (
        np.abs(cleaned.parts[0].vertices / scale - BOX[:, None].reshape(8, 1, 3)).max(axis=2).min(axis=0).max() < 1e-6
    )


def test_a_cap_hands_its_corner_to_the_neighbour() -> None:
    """Splitting only one of the two triangles at an edge, with a flat face across, is how CAD exports stay closed."""
    middle = np.concatenate([BOX, [[0.5, 0.5, 0.0]]]).astype(np.float32)  # on the diagonal 0–3 of the first side
    faces = np.concatenate([[[0, 2, 8], [2, 3, 8], [0, 8, 3]], BOX_FACES[1:]]).astype(np.int32)
    before = topology(middle, faces)
    assert before.closed
    assert before.degenerate_faces == 1
    cleaned = clean(Asset((make_part(middle, faces),)))
    after = measured(cleaned)
    assert after.closed
    assert after.degenerate_faces == 0
    assert after.volume == pytest.approx(1.0)
    unmended = clean(Asset((make_part(middle, faces),)), CleanOptions(drop_degenerate=False))
    assert measured(unmended).degenerate_faces == 1


def test_inside_out_boxes_turn_but_the_wall_of_a_cavity_stays() -> None:
    inverted = box(faces=BOX_FACES[:, ::-1])
    assert measured(clean(Asset((inverted,)))).volume == pytest.approx(1.0)
    assert measured(clean(Asset((inverted,)), CleanOptions(fix_winding=False))).volume == pytest.approx(-1.0)
    hollow = together(box(3.0), box(1.0, 1.0, BOX_FACES[:, ::-1]))
    assert measured(clean(Asset((hollow,)))).volume == pytest.approx(26.0)
    beside = together(box(3.0), box(1.0, 4.0, BOX_FACES[:, ::-1]))
    assert measured(clean(Asset((beside,)))).volume == pytest.approx(28.0)


def test_normals_of_turned_faces_look_outward() -> None:
    inward = replace(box(faces=BOX_FACES[:, ::-1]), normals=((1 - BOX * 2) / np.sqrt(3)).astype(np.float32))
    turned = clean(Asset((inward,))).parts[0]
    assert turned.normals is not None
    assert len(turned.vertices) == 8
    assert ((turned.vertices * 2 - 1) * turned.normals > 0).all()


def test_floaters_go_by_size_only_when_asked() -> None:
    asset = Asset((together(box(1.0), box(0.01, 2.0)),))
    assert clean(asset).face_count == 24
    cleaned = clean(asset, CleanOptions(drop_floaters=0.02))
    assert cleaned.face_count == 12
    assert "dropped floating faces: 12" in cleaned.notes["clean"]


def test_nothing_left_is_a_coded_error() -> None:
    for faces in ([[0, 0, 1]], np.zeros((0, 3), np.int32)):
        with pytest.raises(InputError) as caught:
            clean(Asset((make_part(BOX, faces),)))
        assert caught.value.code == "mesh.no-faces"
    broken = Part(BOX, np.array([[0, 1, 99]], np.int32))
    with pytest.raises(InputError) as caught:
        clean(Asset((broken,)))
    assert caught.value.code == "mesh.bad-index"


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-6, 1.0, 1e6]), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_any_flips_of_a_closed_box_are_undone(seed: int, scale: float, share: float) -> None:
    rng = np.random.default_rng(seed)
    faces = BOX_FACES.copy()
    flips = rng.random(len(faces)) < share
    faces[flips] = faces[flips][:, ::-1]
    after = measured(clean(Asset((make_part(BOX * scale, rng.permutation(faces)),))))
    assert after.closed
    assert after.volume == pytest.approx(scale**3, rel=1e-5)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.sampled_from([1e-6, 1.0, 1e6]))
@settings(max_examples=80, deadline=None)
def test_any_soup_comes_out_without_flat_or_repeated_faces_or_is_refused(seed: int, count: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    grid = rng.integers(0, 4, (12, 3)) * [1.0, 1.0, rng.choice([0.0, 1e-7, 1.0])] * scale
    asset = Asset((make_part(grid, rng.integers(0, 12, (count, 3))),))
    points, welded, _ = weld(grid, asset.parts[0].faces, 1e-6 * scale)
    if degenerate_faces(points, welded).all():
        with pytest.raises(InputError, match="is left"):
            clean(asset)
        return
    cleaned = clean(asset)
    after = measured(cleaned)
    assert (after.degenerate_faces, after.duplicate_faces) == (0, 0)
    again = clean(cleaned)
    assert again.face_count == cleaned.face_count
