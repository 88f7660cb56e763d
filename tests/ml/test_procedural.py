"""Every category is closed, stands, varies with the seed and follows the prompt; what is unknown is refused."""

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, Part
from ml.generators.procedural import Procedural, ProceduralOptions
from ml.generators.protocol import Refusal, Request
from ml.parametric.catalogue import BUILDERS
from ml.prompt import parse_prompt
from ml.substances import SUBSTANCES, color_of
from ml.vocabulary import CATEGORIES, COLOR_WORDS, MATERIAL_WORDS, PARTS, SHAPES, category_of
from ml.vocabulary import STYLES as STYLE_WORDS

STYLES = ("", "modern", "rustic", "victorian", "sci-fi", "medieval", "low-poly", "cartoon", "japanese")


def make(text: str, seed: int = 1, *, negative: str = "", detail: float = 1.0, **request: str) -> Asset:
    generator = Procedural(ProceduralOptions(detail))
    answer = generator.generate([Request("row", seed, parse_prompt(text, negative), **request)])[0]
    assert isinstance(answer, Asset), answer
    return answer


def refused(text: str, **request: str) -> Refusal:
    answer = Procedural().generate([Request("row", 1, parse_prompt(text), **request)])[0]
    assert isinstance(answer, Refusal)
    return answer


def part(asset: Asset, name: str) -> Part:
    return next(item for item in asset.parts if item.name == name)


def names(asset: Asset) -> set[str]:
    return {item.name for item in asset.parts}


def digest(asset: Asset) -> str:
    whole = hashlib.sha256()
    for item in asset.parts:
        whole.update(repr((item.name, item.material)).encode())
        for array in (item.vertices, item.faces, item.normals):
            assert array is not None
            whole.update(array.tobytes())
    return whole.hexdigest()


def assert_closed_outward(item: Part) -> None:
    """Each directed edge once, its opposite once, and every connected shell of positive volume."""
    points, index = np.unique(item.vertices, axis=0, return_inverse=True)
    faces = index.reshape(-1)[item.faces]
    edges = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    ahead = edges[:, 0] * len(points) + edges[:, 1]
    assert len(np.unique(ahead)) == len(ahead), f"{item.name}: an edge has more than two faces"
    assert np.isin(edges[:, 1] * len(points) + edges[:, 0], ahead).all(), f"{item.name} is open"
    corners = item.vertices[item.faces].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert np.linalg.norm(normal, axis=1).min() > 1e-13, f"{item.name} has a face without area"
    shells = _shells(faces, len(points))
    centred = corners - corners.mean(axis=(0, 1))
    volume = np.einsum("ij,ij->i", centred[:, 0], np.cross(centred[:, 1], centred[:, 2]))
    assert np.bincount(shells, volume)[np.unique(shells)].min() > 0, f"{item.name} has a shell turned inside out"
    assert item.normals is not None
    assert np.linalg.norm(item.normals, axis=1) == pytest.approx(1.0, abs=1e-4)
    facing = np.einsum("ij,ij->i", normal, item.normals[item.faces].sum(axis=1, dtype=np.float64))
    assert facing.min() >= 0, f"{item.name} has a normal against its face"


def _shells(faces: np.ndarray, count: int) -> np.ndarray:
    """The lowest vertex of each face's connected shell."""
    label = np.arange(count)
    while True:
        lowest = label[faces].min(axis=1)
        spread = label.copy()
        np.minimum.at(spread, faces, np.repeat(lowest[:, None], 3, axis=1))
        spread = spread[spread]
        if (spread == label).all():
            return label[faces[:, 0]]
        label = spread


@pytest.mark.parametrize("category", BUILDERS)
def test_category(category: str) -> None:
    variants = [make(f"{style} {category}", seed) for seed, style in enumerate(STYLES)]
    for asset in variants:
        for item in asset.parts:
            assert_closed_outward(item)
        low, high = asset.bounds()
        assert low[1] == pytest.approx(0.0, abs=1e-5)
        assert (low + high)[[0, 2]] == pytest.approx(0.0, abs=1e-4)
        assert 0.01 < (high - low).max() < 30.0
        assert asset.face_count <= 15_000
    assert len(variants[0].parts) >= (
        1 if category in ("bottle", "rock", "bowl", "glass", "plate", "pitcher", "vase") else 2
    )
    assert len({digest(asset) for asset in variants}) == len(variants)


@pytest.mark.parametrize("category", BUILDERS)
def test_seeds_vary_the_shape(category: str) -> None:
    boxes = {tuple(np.ptp(make(category, seed).bounds(), axis=0).round(3)) for seed in range(4)}
    assert len(boxes) >= 3


@pytest.mark.slow
def test_every_known_noun_has_a_builder() -> None:
    assert set(CATEGORIES.values()) == set(BUILDERS)
    assert len(BUILDERS) >= 20
    for noun in CATEGORIES:
        assert make(f"a {noun}").notes["category"] == category_of(noun)


@pytest.mark.parametrize("detail", [0.3, 3.0])
@pytest.mark.parametrize("category", ["chair", "car", "teapot", "key", "axe", "boat", "tree"])
def test_detail_changes_triangles_only(category: str, detail: float) -> None:
    asset, usual = make(category, detail=detail), make(category)
    assert (asset.face_count - usual.face_count) * (detail - 1.0) > 0
    assert np.ptp(asset.bounds(), axis=0) == pytest.approx(np.ptp(usual.bounds(), axis=0), rel=0.1)
    for item in asset.parts:
        assert_closed_outward(item)


@pytest.mark.slow
def test_the_same_request_gives_the_same_bytes_in_any_process() -> None:
    texts = ["a rustic oak chair with a red cushion", "a car", "a glowing lamp, not brass", "a pine tree"]
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_procedural import digest, make\n"
        "print(*(digest(make(text, 7)) for text in sys.argv[2:]))"
    )
    here = Path(__file__)
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", script, str(here.parent), *texts],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(here.parents[2])},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == [digest(make(text, 7)) for text in texts]


def test_requests_are_answered_in_order_and_apart() -> None:
    requests = [Request("a", 3, parse_prompt("chair")), Request("b", 3, None), Request("c", 3, parse_prompt("stool"))]
    answers = Procedural().generate(requests)
    assert [getattr(answer, "name", getattr(answer, "code", "")) for answer in answers] == [
        "chair",
        "prompt.empty",
        "stool",
    ]
    assert digest(make("stool", 3)) == digest(answers[2])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a photo of a giraffe", "prompt.unknown-noun"),
        ("a chair giraffe", "prompt.unknown-noun"),
        ("red wooden", "prompt.unknown-noun"),
        ("", "prompt.empty"),
        ("🪑 !!", "prompt.empty"),
        ("rock, no body", "prompt.nothing-left"),
    ],
)
def test_refusals(text: str, code: str) -> None:
    assert refused(text).code == code


def test_a_refusal_names_the_nearest_nouns() -> None:
    refusal = refused("a stol")
    assert "stool" in refusal.hints
    assert "stool" in refusal.message
    assert "stol" in refusal.message


def test_the_category_column_helps_out_only_where_the_prompt_names_nothing() -> None:
    assert make("red wooden", category="Chairs").notes["category"] == "chair"
    assert make("", category="mug").notes["category"] == "mug"
    assert make("a stool", category="chair").notes["category"] == "stool"
    assert refused("a giraffe", category="chair").code == "prompt.unknown-noun"
    assert refused("", category="giraffe").code == "prompt.unknown-noun"


@pytest.mark.parametrize(
    ("plain", "worded", "axis", "sign"),
    [
        ("chair", "tall chair", 1, 1),
        ("vase", "low vase", 1, -1),
        ("bookshelf", "wide bookshelf", 0, 1),
        ("cabinet", "narrow cabinet", 0, -1),
        ("bench", "long bench", 0, 1),
        ("car", "long car", 2, 1),
        ("sword", "long sword with a guard", 1, 1),
        ("house", "large house", 0, 1),
        ("barrel", "tiny barrel", 1, -1),
    ],
)
def test_shape_words(plain: str, worded: str, axis: int, sign: int) -> None:
    difference = np.ptp(make(worded).bounds(), axis=0) - np.ptp(make(plain).bounds(), axis=0)
    assert difference[axis] * sign > 0


def test_round_table_is_round_and_square_stool_square() -> None:
    width, _, depth = np.ptp(part(make("round table", 4), "top").vertices, axis=0)
    assert width == pytest.approx(depth, rel=0.02)
    top = part(make("square stool", 4), "seat").vertices
    assert np.abs(top[:, [0, 2]]).min(axis=1).max() > 0.12  # reaches into the corners


def test_counts_are_built() -> None:
    for number in (3, 4, 5):
        legs = part(make(f"{number}-legged stool"), "legs")
        foot = legs.vertices[legs.vertices[:, 1] < 0.002]
        turns = np.unique(np.degrees(np.arctan2(foot[:, 2], foot[:, 0])).round(-1) // 20)
        assert len(turns) >= number
    few, many = make("chest with two drawers"), make("chest with eight drawers")
    assert few.notes["category"] == "dresser"
    assert len(part(many, "drawers").faces) > len(part(few, "drawers").faces) * 3
    assert len(part(make("truck with 8 wheels"), "tyres").faces) == 2 * len(
        part(make("truck with 4 wheels"), "tyres").faces
    )


def test_materials_and_colours_reach_their_parts() -> None:
    asset = make("oak table with black metal legs")
    assert part(asset, "top").material.name == "oak"
    legs = part(asset, "legs").material
    assert legs.metallic == 1.0
    assert legs.base_color[:3] == pytest.approx(color_of("black"))
    cushion = part(make("a victorian chair with a red cushion"), "cushion").material
    assert cushion.base_color[:3] == pytest.approx(color_of("red"))
    sword = make("gold sword with a leather handle")
    assert part(sword, "blade").material.base_color[:3] == pytest.approx(SUBSTANCES["gold"].color)
    assert part(sword, "handle").material.name.endswith("leather")
    car = make("navy car")
    assert part(car, "body").material.base_color[:3] == pytest.approx(color_of("navy"))
    assert part(car, "tyres").material.name == "rubber"
    sofa = make("dark green velvet sofa with oak legs")
    assert part(sofa, "seat").material.base_color[:3] == pytest.approx(color_of("dark green"))
    assert part(sofa, "legs").material.name == "oak"
    assert part(make("mug #336699"), "body").material.base_color[:3] == pytest.approx(color_of("#336699"))


def test_negatives_are_kept_out() -> None:
    assert "handle" in names(make("mug"))
    assert "handle" not in names(make("mug, no handles"))
    assert "handle" not in names(make("mug", negative="handle"))
    assert "arms" not in names(make("a sofa without arms"))
    assert not {"doors", "windows"} & names(make("house, no doors, no windows"))
    rusty, clean = make("rusty iron lantern"), make("iron lantern, not rusty")
    assert part(rusty, "roof").material.name.startswith("rusty")
    assert part(clean, "roof").material.name == "iron"
    for seed in range(6):
        materials = [item.material for item in make("a cabinet, not metal", seed).parts]
        assert all(material.metallic == 0.0 for material in materials)
        assert "red" not in part(make("a car", seed, negative="red"), "body").material.name


def test_light_shines_only_when_asked_for() -> None:
    assert all(item.material.emissive == (0, 0, 0) for item in make("table lamp").parts)
    lit = make("a glowing table lamp")
    assert max(part(lit, "bulb").material.emissive) > 0.5
    assert part(lit, "stem").material.emissive == (0, 0, 0)
    windows = make("a house with glowing windows")
    assert max(part(windows, "windows").material.emissive) > 0.3
    assert part(windows, "walls").material.emissive == (0, 0, 0)


def test_style_and_surface_words() -> None:
    assert make("chair", 3, style="sci-fi").notes["style"] == "sci-fi"
    assert digest(make("chair", 3, style="Sci Fi")) == digest(make("sci-fi chair", 3))
    assert make("low-poly tree").face_count < make("tree").face_count / 2
    glossy, matte = part(make("glossy oak table"), "top").material, part(make("matte oak table"), "top").material
    assert glossy.roughness < SUBSTANCES["oak"].roughness < matte.roughness
    glass = part(make("glass vase"), "body").material
    assert glass.alpha_mode == "BLEND"
    assert glass.base_color[3] < 1.0


PHRASES = st.one_of(
    st.builds(" with {} {}".format, st.integers(0, 120), st.sampled_from(sorted(PARTS))),
    st.builds(" with {} {} {}".format, *(st.sampled_from(sorted(t)) for t in (SHAPES, MATERIAL_WORDS, PARTS))),
    st.builds(", no {}".format, st.sampled_from(sorted(PARTS))),
)


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(
    words=st.tuples(*(st.sampled_from(sorted(t)) for t in (STYLE_WORDS, SHAPES, COLOR_WORDS, CATEGORIES))),
    phrases=st.lists(PHRASES, max_size=3),
    seed=st.integers(-(2**70), 2**70),
    detail=st.sampled_from((0.3, 1.0, 3.0)),
)
def test_any_mix_of_known_words_is_drawn_soundly(
    words: tuple[str, ...], phrases: list[str], seed: int, detail: float
) -> None:
    prompt = parse_prompt(" ".join(words) + "".join(phrases))
    answer = Procedural(ProceduralOptions(detail)).generate([Request("row", seed, prompt)])[0]
    for item in answer.parts if isinstance(answer, Asset) else ():
        assert_closed_outward(item)


def test_parts_of_furniture_touch() -> None:
    """No part hangs in the air: each one's box meets another's."""
    for text in (
        "chair",
        "stool",
        "table",
        "desk",
        "bed",
        "sofa",
        "lamp",
        "candelabra",
        "clock",
        "car",
        "office chair",
    ):
        for seed in range(4):
            asset = make(text, seed)
            boxes = [(item.vertices.min(axis=0) - 1e-3, item.vertices.max(axis=0) + 1e-3) for item in asset.parts]
            for k, (low, high) in enumerate(boxes):
                others = [box for j, box in enumerate(boxes) if j != k]
                assert any((low <= b).all() and (a <= high).all() for a, b in others), asset.parts[k].name


def test_a_typical_asset_is_cheap() -> None:
    generator = Procedural()
    requests = [Request("row", 5, parse_prompt(category)) for category in BUILDERS]
    generator.generate(requests)
    began = time.process_time()
    generator.generate(requests)
    assert (time.process_time() - began) / len(requests) < 0.03
