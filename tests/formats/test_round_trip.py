"""Exports read back by other programs equal the asset, and whatever is changed in an export is found out."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench" / "proof"))
sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from carries import FORMATS
from cells import Cell, read_back, write
from corpus import SYNTHETIC, leveled
from expected import expected
from judges import ask_others, validate

from ml.asset import F32, Asset, Part, Texture
from tasks.tangents import with_tangents

pytestmark = pytest.mark.slow

FAST = [name for name, form in FORMATS.items() if form.reader != "browser"]
WEB = [name for name, form in FORMATS.items() if form.reader == "browser"]
ASSETS = ("all-maps", "leveled", "names", "alphas", "colored", "one-face")
PYTHON = Path(sys.executable)
MODULES = Path(__file__).parents[2] / "tasks/web/node_modules"
Change = Callable[[Asset], Asset]


def proved(assets: dict[str, Asset], formats: Iterable[str], work: Path, truth: Asset | None = None) -> list[Cell]:
    """The cells of some formats after their readers; judged by `truth` where the assets are meant to differ from it."""
    formats = list(formats)
    cells = [cell for name, asset in assets.items() for cell in write(name, "synthetic", asset, work, formats)]
    read_back(cells, {name: expected(truth or asset) for name, asset in assets.items()}, PYTHON)
    return cells


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Cell]:
    """Every fast cell; one process a reader serves all assets."""
    cells = proved({name: SYNTHETIC[name]() for name in ASSETS}, FAST, tmp_path_factory.mktemp("fast"))
    if shutil.which("node") and (MODULES / "gltf-validator").is_dir():
        validate(cells)
    return {(cell.asset, cell.format): cell for cell in cells}


@pytest.mark.parametrize("asset", ASSETS)
@pytest.mark.parametrize("form", FAST)
def test_an_independent_reader_finds_the_asset_itself(form: str, asset: str, fast: dict[tuple[str, str], Cell]) -> None:
    cell = fast[asset, form]
    assert not cell.refusal
    assert not cell.wrong


def moved(asset: Asset) -> Asset:
    """One vertex a hundred-thousandth of the size off."""
    part = asset.parts[0]
    vertices = part.vertices.copy()
    vertices[7, 1] += 1e-4 * float(np.ptp(vertices))
    return replace(asset, parts=(replace(part, vertices=vertices), *asset.parts[1:]))


def slid(asset: Asset) -> Asset:
    """One texture coordinate off by a quarter of a texel of 64."""
    part = asset.parts[0]
    assert part.uv is not None
    uv = part.uv.copy()
    uv[7, 0] += 1 / 256
    return replace(asset, parts=(replace(part, uv=uv), *asset.parts[1:]))


def turned(asset: Asset) -> Asset:
    """Mirrored: the box of a lopsided ball stays nearly the same."""
    part = asset.parts[0]
    return replace(asset, parts=(replace(part, vertices=part.vertices * np.float32([-1, 1, 1])), *asset.parts[1:]))


def shorter(asset: Asset) -> Asset:
    """One face less."""
    return replace(asset, parts=(asset.parts[0].with_faces(asset.parts[0].faces[1:]), *asset.parts[1:]))


def renamed(asset: Asset) -> Asset:
    """One part under another name."""
    return replace(asset, parts=(replace(asset.parts[0], name="hul"), *asset.parts[1:]))


def repainted(asset: Asset) -> Asset:
    """Another colour map."""
    part = asset.parts[0]
    assert part.material.base_color_texture is not None
    pixels = part.material.base_color_texture.pixels().copy()
    pixels[:40] = 255 - pixels[:40]
    material = replace(part.material, base_color_texture=Texture.from_pixels(pixels[..., :3], "other"))
    return replace(asset, parts=(replace(part, material=material), *asset.parts[1:]))


def rougher(asset: Asset) -> Asset:
    """A roughness of 0.85 where it was 0.9."""
    part = asset.parts[0]
    return replace(asset, parts=(replace(part, material=replace(part.material, roughness=0.85)), *asset.parts[1:]))


def unbumped(asset: Asset) -> Asset:
    """No normal map."""
    part = asset.parts[0]
    return replace(asset, parts=(replace(part, material=replace(part.material, normal_texture=None)), *asset.parts[1:]))


def unlevelled(asset: Asset) -> Asset:
    """One level of detail less."""
    return replace(asset, lods=())


def relicensed(asset: Asset) -> Asset:
    """Another licence."""
    return replace(asset, provenance=replace(asset.provenance, license="MIT"))


def relit(asset: Asset) -> Asset:
    """One lightmap coordinate off by half a texel of 512."""
    part = asset.parts[0]
    assert part.uv1 is not None
    uv1 = part.uv1.copy()
    uv1[7, 1] -= 1 / 1024
    return replace(asset, parts=(replace(part, uv1=uv1), *asset.parts[1:]))


def tinted(asset: Asset) -> Asset:
    """One vertex a little redder."""
    part = asset.parts[1]
    assert part.colors is not None
    colors = part.colors.copy()
    colors[7, 0] += 9
    return replace(asset, parts=(asset.parts[0], replace(part, colors=colors)))


def bleached(asset: Asset) -> Asset:
    """No vertex colours."""
    return replace(asset, parts=(asset.parts[0], replace(asset.parts[1], colors=None)))


GEOMETRY = {"GLB", "glTF", "OBJ", "FBX", "USDZ", "3MF", "STL", "PLY"}
CHANGES: dict[Change, set[str]] = {
    moved: GEOMETRY,
    turned: GEOMETRY,
    shorter: GEOMETRY,
    slid: GEOMETRY - {"STL", "PLY"},
    renamed: GEOMETRY - {"STL", "PLY"},
    repainted: GEOMETRY - {"STL", "PLY"},
    rougher: GEOMETRY - {"STL", "PLY", "3MF"},
    unbumped: GEOMETRY - {"STL", "PLY", "3MF"},
    unlevelled: GEOMETRY - {"STL", "PLY"},
    relit: {"GLB", "glTF", "FBX", "USDZ"},
    tinted: GEOMETRY - {"STL"},
    bleached: GEOMETRY - {"STL"},
    relicensed: {"GLB", "glTF", "FBX", "USDZ", "3MF"},
}


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Cell]:
    """Exports of changed assets, judged by the unchanged one."""
    whole = leveled((2, 1))
    painted = np.random.default_rng(3).integers(0, 240, (len(whole.parts[1].vertices), 4), dtype=np.uint8)
    truth = replace(whole, parts=(whole.parts[0], replace(whole.parts[1], colors=painted)))
    assets = {change.__name__: change(truth) for change in CHANGES}
    cells = proved(assets, FAST, tmp_path_factory.mktemp("changed"), truth)
    return {(cell.asset, cell.format): cell for cell in cells}


@pytest.mark.parametrize(
    ("change", "form"), [(change.__name__, form) for change, forms in CHANGES.items() for form in sorted(forms)]
)
def test_a_change_is_found(change: str, form: str, changed: dict[tuple[str, str], Cell]) -> None:
    assert changed[change, form].wrong


@pytest.mark.parametrize("damage", ["mirrored", "turned", "absent"])
def test_wrong_tangents_are_found(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(part: Part) -> tuple[Part, F32 | None]:
        part, tangents = with_tangents(part)
        if damage == "absent":
            return part, None
        if damage == "mirrored":
            tangents[7, 3] *= -1
        else:
            assert part.normals is not None
            tangents[7, :3] = np.cross(part.normals[7], tangents[7, :3])
        return part, tangents

    monkeypatch.setattr("tasks.gltf_scene.with_tangents", wrong)
    cells = proved({"all-maps": SYNTHETIC["all-maps"]()}, ["GLB"], tmp_path)
    assert any("tangent" in text for cell in cells for text in cell.wrong)


@pytest.mark.slow
def test_browsers_decode_every_web_export_without_a_word_and_without_another_host(tmp_path: Path) -> None:
    if not Path("/usr/bin/chromium").exists() or not (MODULES / "three").is_dir():
        assert not os.environ.get("CI"), "CI has Chromium and three.js"
        pytest.skip("needs Chromium (apt-get install chromium) and three.js (npm ci in tasks/web)")
    assets = {name: SYNTHETIC[name]() for name in ("all-maps", "names", "colored", "leveled")}
    cells = proved(assets, [*WEB, "GLB", "glTF"], tmp_path)
    validate(cells)
    asked = [cell for cell in cells if cell.format in WEB or cell.format == "glTF"]
    ask_others(asked, {name: expected(asset) for name, asset in assets.items()}, ("viewer", "three"))
    assert len(cells) == len(assets) * (len(WEB) + 2)
    assert [(cell.asset, cell.format, cell.wrong) for cell in cells if cell.wrong] == []
