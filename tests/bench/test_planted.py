"""Each fault of the quality bench, planted in one small asset, is found by its code, which the sound asset has not."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from flows.binding import bind
from flows.catalogue import catalogue
from manifests.readers import read_manifest
from manifests.recipe import load_recipe
from manifests.row import Row
from ml.asset import Asset, Material, Texture, make_part
from ml.generators.procedural import Procedural
from ml.generators.protocol import Request
from ml.generators.registry import build_generator
from ml.prompt import parse_prompt
from tasks.alignment import aligned
from tasks.chain import Product, run_chain
from tasks.duplicates import duplicates
from tasks.gate import gate
from tasks.profile import load_profile
from tasks.signature import Signature

BENCH = Path(__file__).parents[2] / "bench"
sys.path += [str(BENCH / folder) for folder in ("", "planted", "proof")]

from bases import Base, write_manifest  # noqa: E402
from corpus_of_faults import clean_case, manifest_row, planted_case  # noqa: E402
from faults import FAULTS, Fault  # noqa: E402
from judged import RECIPE  # noqa: E402

GRID = 6  # squares along the side of each of the six charts


@cache
def boulder() -> Asset:
    """A closed stone of 0.3 m with a flat base, six charts that fill the square, and a map of speckled grey."""
    u, v = (each.reshape(-1) for each in np.meshgrid(np.linspace(-1, 1, GRID + 1), np.linspace(-1, 1, GRID + 1)))
    corner = (np.arange(GRID)[:, None] * (GRID + 1) + np.arange(GRID)).reshape(-1)
    quad = np.stack([corner, corner + 1, corner + GRID + 2, corner + GRID + 1], axis=1)
    faces = np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]])
    points, indices, uv = [], [], []
    for chart, (axis, side) in enumerate((axis, side) for axis in range(3) for side in (-1.0, 1.0)):
        flat = np.stack([np.full_like(u, side), u if side > 0 else -u, v], axis=1)
        points.append(np.roll(np.tan(flat * np.pi / 4), axis, axis=1))
        indices.append(faces + chart * len(u))
        place = np.array([chart % 3, chart // 3]) / [3, 2]
        uv.append(place + np.stack([0.01 + 0.31 * (u + 1) / 2, 0.5 - (0.01 + 0.48 * (v + 1) / 2)], axis=1))
    sphere = np.concatenate(points)
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    stone = 0.15 * np.maximum(sphere, [-1.0, -0.7, -1.0]) * [1.2, 1.0, 0.9]
    stone[:, 1] -= stone[:, 1].min()
    speckles = np.random.default_rng(0).integers(126, 131, (512, 512, 3)).astype(np.uint8)
    material = Material("stone", (1.0, 1.0, 1.0, 1.0), base_color_texture=Texture.from_pixels(speckles))
    place = np.concatenate(uv).astype(np.float32)
    return Asset((make_part(stone, np.concatenate(indices), material, uv=place, uv1=place),), "b")


def judged(row: dict[str, str], folder: Path) -> Product:
    """What a run makes of the row: the file read, nothing mended, measured and judged."""
    (folder / "as-it-comes.toml").write_text(
        RECIPE.replace('[[exports]]\nuse = "glb"\n', "").replace("[alignment]\n", "")
    )
    write_manifest(folder / "rows.csv", [row])
    (read,) = read_manifest(str(folder / "rows.csv"), [])
    assert isinstance(read, Row), read
    bound = bind(read, load_recipe(str(folder / "as-it-comes.toml"), catalogue()), 0)
    (raw,) = build_generator(bound.generator, bound.options).generate([bound.request])
    assert isinstance(raw, Asset)
    return run_chain(raw, bound.plan, bound.stem)


def codes(product: Product) -> set[str]:
    return {finding["code"] for finding in json.loads(product.notes.get("findings", "[]"))}


def sound(profile: str) -> Base:
    return Base("stone", "a stool", "stool", profile, boulder())


@pytest.mark.parametrize("profile", sorted({fault.profile for fault in FAULTS}))
def test_the_sound_asset_has_none_of_the_faults(profile: str, tmp_path: Path) -> None:
    product = judged(manifest_row(clean_case(sound(profile), tmp_path)), tmp_path)
    assert product.outcome == "passed", product.message
    assert not codes(product) & frozenset().union(*(f.codes for f in FAULTS if f.profile == profile))


def test_a_wrong_caption_is_found_and_a_right_one_is_not() -> None:
    (fault,) = (fault for fault in FAULTS if fault.row == "other prompt")
    assert fault.codes
    (chair,) = Procedural().generate([Request("chair", seed=1, prompt=parse_prompt("an oak chair"))])
    assert isinstance(chair, Asset)
    found = [gate(aligned(chair, text), load_profile(fault.profile)) for text in ("an oak chair", "a red truck")]
    right, wrong = ({finding.code for finding in asset.findings} & fault.codes for asset in found)
    assert not right
    assert wrong


OF_FILES = [fault for fault in FAULTS if not fault.code and fault.row != "other prompt"]


@pytest.mark.slow
@pytest.mark.parametrize("fault", OF_FILES, ids=lambda fault: fault.name)
def test_each_fault_is_found_by_a_right_code(fault: Fault, tmp_path: Path) -> None:
    assert fault.codes, f"no rule of {fault.profile} judges {fault.metrics}"
    other = Base("other", "", "table", fault.profile, pole())
    case = planted_case(fault, sound(fault.profile), 0, tmp_path, np.random.default_rng(0), [other])
    assert codes(judged(manifest_row(case), tmp_path)) & fault.codes


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.code], ids=lambda fault: fault.name)
def test_a_repeated_asset_is_found(fault: Fault, tmp_path: Path) -> None:
    base = sound(fault.profile)
    cases = [
        clean_case(base, tmp_path),
        clean_case(Base("pole", "", "", fault.profile, pole()), tmp_path),
        planted_case(fault, base, 0, tmp_path, np.random.default_rng(0), []),
    ]
    products = [judged(manifest_row(case), tmp_path) for case in cases]
    (repeat,) = duplicates([Signature.of_text(product.notes["signature"]) for product in products])
    assert (repeat.index, repeat.of) == (2, 0)
    assert fault.code == ("duplicate.near" if repeat.distance else "duplicate.exact")


def pole() -> Asset:
    """The stone drawn out to a pole of another colour."""
    (stone,) = boulder().parts
    blue = np.zeros((512, 512, 3), np.uint8) + np.uint8([40, 60, 160])
    material = Material("pole", (1.0, 1.0, 1.0, 1.0), base_color_texture=Texture.from_pixels(blue))
    drawn = stone.vertices * np.float32([0.3, 4.0, 0.3])
    return Asset((make_part(drawn, stone.faces, material, uv=stone.uv),), "pole")
