"""Other shading models arrive as metallic-roughness: specular-glossiness by its formula, Phong by what files mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Material, Texture
from ml.readers.mtl import read_libraries
from ml.readers.phong import Phong, roughness, surface
from ml.readers.spec_gloss import SpecularGlossiness, metallic_roughness
from ml.sources import Source

UNIT = st.floats(0.0, 1.0, width=32)
GOLD = (1.0, 0.766, 0.336)


def pixel(*value: int) -> Texture:
    return Texture.from_pixels(np.uint8([[value]]))


def test_a_metal_and_a_dielectric_come_out_exactly() -> None:
    gold = metallic_roughness(SpecularGlossiness((0, 0, 0, 1), GOLD, 0.9))
    assert gold["base_color"] == pytest.approx((*GOLD, 1))
    assert (gold["metallic"], gold["roughness"]) == pytest.approx((1, 0.1))
    plastic = metallic_roughness(SpecularGlossiness((0.5, 0.2, 0.1, 0.3), (0.04,) * 3, 0.25))
    assert plastic["base_color"] == pytest.approx((0.5, 0.2, 0.1, 0.3))
    assert (plastic["metallic"], plastic["roughness"]) == (0, 0.75)


@settings(max_examples=100, deadline=None)
@given(color=st.tuples(UNIT, UNIT, UNIT), metallic=UNIT)
def test_a_material_given_as_specular_glossiness_looks_the_same(color: tuple[float, ...], metallic: float) -> None:
    """Diffuse and F0 of glTF's model, taken apart as the extension has them and put together again."""
    base = np.array(color) * 0.9 + 0.05
    specular = 0.04 + (base - 0.04) * metallic
    diffuse = base * 0.96 * (1 - metallic) / (1 - specular.max())
    found = metallic_roughness(SpecularGlossiness((*np.minimum(diffuse, 1), 1), tuple(specular), 0.5))
    again = np.array(found["base_color"][:3])
    f0 = 0.04 + (again - 0.04) * found["metallic"]
    # grey ones are exact; of coloured blends the formula keeps the brightness only
    tolerance = 0.02 if metallic in (0, 1) or np.ptp(base) < 1e-6 else 0.45
    assert np.abs(f0 - specular).max() <= tolerance
    if metallic in (0, 1):
        assert found["metallic"] == pytest.approx(metallic, abs=1e-3)


def test_a_blend_follows_the_appendix() -> None:
    """Its quadratic solved by numpy, its mix of the two base colours written out."""
    diffuse, specular = np.array([0.5, 0.3, 0.1]), np.array([0.4, 0.3, 0.2])
    d, s = (np.sqrt(color**2 @ [0.299, 0.587, 0.114]) for color in (diffuse, specular))
    m = np.roots([0.04, d * 0.6 / 0.96 + s - 0.08, 0.04 - s]).max()
    expected = diffuse * 0.6 / 0.96 / (1 - m) * (1 - m**2) + (specular - 0.04 * (1 - m)) / m * m**2
    found = metallic_roughness(SpecularGlossiness((*diffuse, 1), tuple(specular), 0.5))
    assert 0.3 < m < 0.7
    assert found["metallic"] == pytest.approx(m)
    assert found["base_color"][:3] == pytest.approx(expected)


def test_textures_are_converted_texel_by_texel_and_only_where_they_must() -> None:
    diffuse = Texture.from_pixels(np.uint8([[[200, 100, 50, 255], [0, 0, 0, 128]]]))
    glossy = Texture.from_pixels(np.uint8([[[0, 0, 0, 255], [255, 226, 155, 51]]]))
    found = metallic_roughness(SpecularGlossiness(diffuse_texture=diffuse, specular_glossiness_texture=glossy))
    base = found["base_color_texture"].pixels()[0]
    packed = found["metallic_roughness_texture"].pixels()[0]
    assert base[0].tolist() == [204, 102, 51, 255]  # 1/0.96 of the light: no highlight at all
    assert packed[0].tolist() == [255, 0, 0, 255]
    assert base[1].tolist() == [255, 226, 155, 128]
    assert packed[1].tolist() == [255, 204, 255, 255]
    plain = metallic_roughness(SpecularGlossiness(specular=(0.04,) * 3, diffuse_texture=diffuse))
    assert plain["base_color_texture"] is diffuse
    assert "metallic_roughness_texture" not in plain
    wide = Texture.from_pixels(np.full((2, 4, 4), 255, np.uint8))
    mixed = metallic_roughness(SpecularGlossiness(diffuse_texture=wide, specular_glossiness_texture=glossy))
    assert mixed["base_color_texture"].size == mixed["metallic_roughness_texture"].size == (4, 2)


@pytest.mark.parametrize(
    ("given", "metallic", "base"),
    [
        # the OpenGL teapot table; what most OBJ exporters write; chrome as a black body with a strong highlight
        (Phong((0.75164, 0.60648, 0.22648), (0.628281, 0.555802, 0.366065), 51.2), 1, (0.75164, 0.60648, 0.22648)),
        (Phong((0.7038, 0.27048, 0.0828), (0.256777, 0.137622, 0.086014), 12.8), 1, (0.7038, 0.27048, 0.0828)),
        (Phong((0.61424, 0.04136, 0.04136), (0.727811, 0.626959, 0.626959), 76.8), 0, (0.61424, 0.04136, 0.04136)),
        (Phong((0.8, 0.8, 0.8), (0.5, 0.5, 0.5), 96.078), 0, (0.8, 0.8, 0.8)),
        (Phong((0.0, 0.0, 0.0), (0.9, 0.9, 0.9), 400.0), 1, (0.9, 0.9, 0.9)),
        (Phong((0.0, 0.0, 0.0), (0.9, 0.9, 0.9), 400.0, diffuse_map=True), 0, (0.0, 0.0, 0.0)),
    ],
)
def test_a_phong_highlight_says_metal_only_where_no_dielectric_could(
    given: Phong, metallic: float, base: tuple[float, float, float]
) -> None:
    color, found, rough = surface(given)
    assert (found, color) == (metallic, base)
    assert rough == pytest.approx((2 / (given.exponent + 2)) ** 0.25)


def test_no_highlight_is_rough_and_the_exponent_sets_the_rest() -> None:
    assert surface(Phong((1, 1, 1), exponent=100, illum=1))[2] == 1
    assert surface(Phong((1, 1, 1), (0, 0, 0), 100))[2] == 1
    assert surface(Phong((1, 1, 1), (0, 0, 0), 100, specular_map=True))[2] < 0.4
    assert surface(Phong((1, 1, 1)))[2] == 0.8
    assert [roughness(n) for n in (0, 6, 30)] == pytest.approx([1, 2**-0.5, 0.5])


def library(folder: Path, text: str, **images: np.ndarray) -> dict[str, Material]:
    for name, pixels in images.items():
        (folder / f"{name}.png").write_bytes(Texture.from_pixels(pixels).data)
    (folder / "a.mtl").write_text(text)
    return read_libraries(Source(str(folder / "a.obj"), str(folder)), ["a.mtl"], [])


def test_mtl_blocks_use_phong_only_without_the_pbr_extension(tmp_path: Path) -> None:
    gold = "Kd 0.7 0.6 0.2\nKs 0.6 0.5 0.2\n"
    text = f"newmtl gold\n{gold}Ns 30\nnewmtl same\n{gold}Pm 0\nPr 0.2\nnewmtl matt\nKd 1 1 1\nNs 900\nillum 1\n"
    found = library(tmp_path, text)
    assert (found["gold"].metallic, found["gold"].roughness) == (1, 0.5)
    assert (found["same"].metallic, found["same"].roughness) == (0, 0.2)
    assert found["matt"].roughness == 1


def test_mtl_maps_for_shine_and_cut_outs(tmp_path: Path) -> None:
    shine = np.uint8([[0, 255]])
    mask = np.uint8([[255, 64]])
    color = np.uint8([[[10, 20, 30], [40, 50, 60]]])
    leaf = np.uint8([[[10, 20, 30, 255], [40, 50, 60, 0]]])
    text = "newmtl a\nNs 30\nmap_Ns shine.png\nmap_Kd color.png\nmap_d mask.png\n"
    text += "newmtl b\nmap_Kd leaf.png\nmap_d leaf.png\nnewmtl c\nmap_Kd color.png\nmap_d color.png\n"
    text += "newmtl d\nmap_Kd color.png\nmap_d leaf.png\n"
    found = library(tmp_path, text, shine=shine, mask=mask, color=color, leaf=leaf)
    assert found["d"].base_color_texture.pixels()[0, :, 3].tolist() == [255, 0]
    assert found["a"].metallic_roughness_texture.pixels()[0, :, 1].tolist() == [255, 128]
    assert (found["a"].roughness, found["a"].metallic, found["a"].alpha_mode) == (1, 0, "BLEND")
    assert found["a"].base_color_texture.pixels()[0].tolist() == [[10, 20, 30, 255], [40, 50, 60, 64]]
    assert found["b"].alpha_mode == "BLEND"
    assert found["b"].base_color_texture.data == (tmp_path / "leaf.png").read_bytes()
    assert found["c"].alpha_mode == "OPAQUE"
