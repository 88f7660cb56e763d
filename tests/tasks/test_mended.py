"""What the gate suggests mends what it rejects: one planted fault each, through the chain with auto-fix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.asset import Asset, Material, Part, Texture, make_part
from tasks.chain import Plan, run_chain
from tasks.profile import load_profile
from tests.tasks.measured import ball, box

GREY = Material(base_color=(0.2, 0.2, 0.2, 1.0))


def flipped(part: Part) -> Part:
    return part.with_faces(part.faces[:, ::-1])


def soup(part: Part) -> Part:
    return make_part(part.vertices[part.faces.reshape(-1)], np.arange(3 * len(part.faces)).reshape(-1, 3), GREY)


def doubled(part: Part) -> Part:
    return part.with_faces(np.concatenate([part.faces, part.faces[:1]]))


def with_sliver(part: Part) -> Part:
    return part.with_faces(np.concatenate([part.faces, [[0, 0, 1]]]).astype(np.int32))


def half_flipped(part: Part) -> Part:
    faces = part.faces.copy()
    faces[:5] = faces[:5, ::-1]
    return part.with_faces(faces)


def mapped(side: int, overlap: bool) -> Part:
    """A ball under a picture of side², its UVs all over each other or in the square once."""
    part = ball(subdivisions=2)
    around = np.arctan2(part.vertices[:, 0], part.vertices[:, 2]) / (2 * np.pi) + 0.5
    uv = np.column_stack([around % 0.3 if overlap else around * 0.98 + 0.01, part.vertices[:, 1] * 0.9 + 0.05])
    pixels = np.random.default_rng(0).integers(90, 160, (side, side, 3)).astype(np.uint8)
    look = Material(base_color=(1, 1, 1, 1), base_color_texture=Texture.from_pixels(pixels))
    return make_part(part.vertices, part.faces, look, uv=uv.astype(np.float32))


PLANTED = {
    ("none", "winding"): Asset((half_flipped(box(material=GREY)),)),
    ("none", "inverted"): Asset((flipped(box(material=GREY)),)),
    ("none", "degenerate"): Asset((with_sliver(box(material=GREY)),)),
    ("none", "size"): Asset((box(1e-5, material=GREY),)),
    ("none", "back-faces"): Asset((flipped(ball()).with_faces(flipped(ball()).faces[:-1]),)),
    ("khronos", "albedo.dark"): Asset((box(material=Material(base_color=(0.0, 0.0, 0.0, 1.0))),)),
    ("khronos", "albedo.bright"): Asset((box(material=Material(base_color=(1.0, 1.0, 1.0, 1.0))),)),
    ("roblox", "triangles"): Asset((replace(ball(subdivisions=5), material=GREY),)),
    ("khronos", "texture.power-of-two"): Asset((mapped(600, False),)),
    ("khronos", "texture.min"): Asset((mapped(64, False),)),
    ("khronos", "uv.overlap"): Asset((mapped(512, True),)),
    ("khronos", "primitives"): Asset(tuple(box(0.2, replace(GREY, name=f"m{i}"), x=0.1 * i) for i in range(7))),
    ("turbosquid", "centred"): Asset((box(material=GREY, x=3.0),)),
    ("turbosquid", "vertices.repeated"): Asset((soup(box()),)),
    ("turbosquid", "duplicates"): Asset((doubled(box(material=GREY)),)),
    ("print-sls", "floaters"): Asset((box(0.1), ball(0.004, y=0.15))),
}


@pytest.mark.parametrize(("profile", "code"), PLANTED, ids=lambda part: part)
def test_a_planted_fault_is_rejected_and_mended(profile: str, code: str) -> None:
    asset = PLANTED[profile, code]
    before = run_chain(asset, Plan((), load_profile(profile)), "it")
    assert f"gate.{code}" in before.reasons
    after = run_chain(asset, Plan((), load_profile(profile), auto_fix=2), "it")
    assert f"gate.{code}" not in after.reasons, after.message
    assert after.notes["auto_fix"].startswith("round 1: gate.")  # one step may mend several rules
