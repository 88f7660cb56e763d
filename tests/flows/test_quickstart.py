"""The shipped manifest and recipes as a user runs them: what the ledger says is what independent readers find."""

import csv
import hashlib
import io
import json
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import trimesh
from commands import MESHMILL, heard
from PIL import Image

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "manifests" / "examples"
VALIDATOR = ROOT / "tasks" / "web" / "node_modules" / "gltf-validator"
Row = dict[str, Any]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SMALL = f"""id,prompt,image,mesh,height_m
mug,a blue mug,,,0.1
duck,,{EXAMPLES}/inputs/rubber-duck.png,,0.08
stool,,,{EXAMPLES}/inputs/meshes/stool.obj,
"""


def mill(manifest: Path, out: Path, *options: str) -> dict[str, Any]:
    """The summary of `meshmill run`; nothing else may be said on stdout or stderr."""
    command = [MESHMILL, "run", str(manifest), "--out", str(out), "--engine", "inline", "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=550)
    assert (done.returncode, heard(done.stderr)) == (0, "")
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def ledger_of(out: Path) -> dict[str, Row]:
    done = subprocess.run([MESHMILL, "ledger", str(out), "--json"], capture_output=True, text=True, timeout=120)
    assert (done.returncode, heard(done.stderr)) == (0, "")
    return {row["id"]: row for row in map(json.loads, done.stdout.splitlines())}


def snapshot(out: Path) -> dict[str, tuple[int, bytes]]:
    """Time of writing and content of every file."""
    files = (path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def validate(files: list[Path]) -> list[dict[str, Any]]:
    """The Khronos validator's word on each GLB."""
    command = ["node", str(ROOT / "tests" / "validate_glb.mjs"), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def validator() -> None:
    if not (shutil.which("node") and VALIDATOR.is_dir()):
        reason = "needs node and the Khronos validator: npm ci in tasks/web"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickstart's output folder."""
    folder = tmp_path_factory.mktemp("quickstart") / "out"
    summary = mill(EXAMPLES / "quickstart.csv", folder)
    assert summary["rows"] == sum(summary["outcomes"].values()) == 24
    return folder


@pytest.fixture(scope="module")
def ledger(out: Path) -> dict[str, Row]:
    return ledger_of(out)


@pytest.fixture(scope="module")
def manifest() -> dict[str, dict[str, str]]:
    with (EXAMPLES / "quickstart.csv").open(newline="") as stream:
        return {row["id"]: row for row in csv.DictReader(stream)}


def passed(ledger: dict[str, Row]) -> Iterator[Row]:
    return (row for row in ledger.values() if row["outcome"] == "passed")


def files(row: Row, kind: str) -> dict[int, str]:
    """URI of each level of detail in one format."""
    return {output["lod"]: output["uri"] for output in row["outputs"] if output["format"] == kind}


def faces_said(row: Row, lod: int) -> float:
    metrics = row["metrics"]
    return metrics["triangles"] if lod == 0 else metrics[f"lod{lod}.triangles"]  # type: ignore[no-any-return]


def read(path: Path) -> trimesh.Scene:
    """A mesh file as trimesh sees it, nothing merged or repaired."""
    return trimesh.load_scene(path, process=False)


def faces_of(scene: trimesh.Scene) -> int:
    return sum(len(scene.geometry[scene.graph[node][1]].faces) for node in scene.graph.nodes_geometry)


def images_of(scene: trimesh.Scene) -> int:
    """Different images over all materials."""
    maps = ("baseColorTexture", "metallicRoughnessTexture", "normalTexture", "occlusionTexture", "emissiveTexture")
    materials = [getattr(mesh.visual, "material", None) for mesh in scene.geometry.values()]
    images = [image for material in materials for name in maps if (image := getattr(material, name, None)) is not None]
    return len({(image.size, image.mode, hashlib.sha256(image.tobytes()).digest()) for image in images})


def test_every_row_has_its_outcome(ledger: dict[str, Row], manifest: dict[str, dict[str, str]]) -> None:
    assert list(ledger) == list(manifest)
    assert sum(1 for _ in passed(ledger)) >= 20
    assert ledger["giraffe"]["outcome"] == "rejected"
    assert ledger["giraffe"]["reasons"] == ["prompt.unknown-noun"]
    assert len(ledger["giraffe"]["meta"]["hints"].split(", ")) >= 3
    assert {row["outcome"] for row in ledger.values()} <= {"passed", "rejected"}
    assert all(row["reasons"] for row in ledger.values() if row["outcome"] != "passed")


def test_every_input_kind_is_there(ledger: dict[str, Row]) -> None:
    assert {row["generator"] for row in passed(ledger)} == {"procedural", "inflate", "shapes", "visual-hull", "mesh"}
    drawn = {id: row for id, row in ledger.items() if row["generator"] in ("inflate", "shapes")}
    fell = {id for id, row in drawn.items() if row["meta"].get("fell_back") == "shapes: image.unsure"}
    assert fell == {id for id, row in drawn.items() if row["generator"] == "inflate"}
    assert {"rubber-duck", "guitar", "toy-fish"} <= fell  # nothing that the shape model has seen


def test_every_glb_is_valid(validator: None, out: Path, ledger: dict[str, Row]) -> None:
    glbs = [out / uri for row in passed(ledger) for uri in files(row, "glb").values()]
    assert len(glbs) >= 60
    verdicts = validate(glbs)
    assert len(verdicts) == len(glbs)
    assert [verdict for verdict in verdicts if verdict["errors"] or verdict["warnings"]] == []


def test_the_files_are_those_of_the_ledger(out: Path, ledger: dict[str, Row]) -> None:
    said = {output["uri"]: output for row in ledger.values() for output in row["outputs"]}
    assert {str(path.relative_to(out)) for path in (out / "assets").rglob("*") if path.is_file()} == set(said)
    for uri, output in said.items():
        data = (out / uri).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (output["bytes"], output["sha256"]), uri


def test_every_passed_asset_comes_in_each_format_with_a_poster(ledger: dict[str, Row]) -> None:
    for row in passed(ledger):
        levels = set(range(int(row["metrics"]["lods"]) + 1))
        assert set(files(row, "glb")) == set(files(row, "obj")) == levels, row["id"]
        assert set(files(row, "poster")) == {0}


def test_glb_has_the_faces_and_textures_of_the_ledger(out: Path, ledger: dict[str, Row]) -> None:
    for row in passed(ledger):
        for lod, uri in files(row, "glb").items():
            scene = read(out / uri)
            assert faces_of(scene) == faces_said(row, lod), uri
            if lod == 0:
                assert images_of(scene) == row["metrics"]["textures"] >= 1, uri


def test_obj_has_the_faces_of_the_ledger_and_finds_its_textures(out: Path, ledger: dict[str, Row]) -> None:
    for row in passed(ledger):
        for lod, uri in files(row, "obj").items():
            assert faces_of(read(out / uri)) == faces_said(row, lod), uri
        folder = (out / files(row, "mtl")[0]).parent
        lines = (out / files(row, "mtl")[0]).read_text().splitlines()
        maps = {line.split()[-1] for line in lines if line.strip().lower().startswith(("map_", "norm", "bump"))}
        pictures = {Path(o["uri"]).name for o in row["outputs"] if o["format"] in ("png", "jpg", "jpeg")}
        assert maps == pictures != set(), row["id"]
        for name in maps:
            with Image.open(folder / name) as image:
                image.load()


def test_posters_show_something(out: Path, ledger: dict[str, Row]) -> None:
    for row in passed(ledger):
        with Image.open(out / files(row, "poster")[0]) as image:
            pixels = np.asarray(image.convert("L"), dtype=float)
        assert pixels.std() > 8, row["id"]


def test_assets_have_the_height_that_was_asked_for(
    out: Path, ledger: dict[str, Row], manifest: dict[str, dict[str, str]]
) -> None:
    asked = {id: float(row["height_m"]) for id, row in manifest.items() if row["height_m"]}
    asked |= {"oak-chair": 0.9, "street-lamp": 3.0, "blue-vase": 0.3}  # said in the prompt
    checked = [id for id in asked if ledger[id]["outcome"] == "passed"]
    assert len(checked) >= 12
    for id in checked:
        scene = read(out / files(ledger[id], "glb")[0])
        assert scene.extents[1] == pytest.approx(asked[id], rel=0.03), id
        assert ledger[id]["metrics"]["size.height_m"] == pytest.approx(asked[id], rel=0.03), id
        assert scene.bounds[0][1] == pytest.approx(0, abs=1e-3 * asked[id]), f"{id} does not stand on the ground"


def test_what_the_prompt_limits_is_kept(ledger: dict[str, Row]) -> None:
    chest = ledger["treasure-chest"]
    assert chest["prompt_understood"]["constraints"] == {"max_triangles": 5000}
    assert chest["metrics"]["triangles"] <= 5000
    assert "rust" in " ".join(ledger["steel-sword"]["prompt_understood"]["negatives"])


def test_a_second_run_skips_everything_and_changes_no_byte(out: Path, ledger: dict[str, Row]) -> None:
    before = snapshot(out)
    summary = mill(EXAMPLES / "quickstart.csv", out)
    assert (summary["rows"], summary["skipped"], summary["outcomes"]) == (24, 24, {})
    assert summary["seconds"] < 10
    assert snapshot(out) == before


def test_plain_readers_read_the_ledger(out: Path, ledger: dict[str, Row]) -> None:
    expected = {id: row["outcome"] for id, row in ledger.items()}
    dataset = ds.dataset(out / "ledger").to_table()
    table = pq.read_table(out / "ledger")
    for each in (dataset, table):
        assert dict(zip(each["id"].to_pylist(), each["outcome"].to_pylist(), strict=True)) == expected
    with duckdb.connect() as connection:
        rows = connection.sql(f"SELECT id, outcome, metrics['triangles'] FROM read_parquet('{out}/ledger/*.parquet')")
        found = {id: (outcome, triangles) for id, outcome, triangles in rows.fetchall()}
    assert {id: outcome for id, (outcome, _) in found.items()} == expected
    assert all(found[row["id"]][1] == row["metrics"]["triangles"] for row in passed(ledger))


def test_the_report_has_every_row(out: Path, ledger: dict[str, Row]) -> None:
    pages = "".join(path.read_text() for path in sorted((out / "report" / "data").glob("page-*.js")))
    assert (out / "report" / "index.html").is_file()
    assert all(f'"{id}"' in pages for id in ledger)


@pytest.fixture(scope="module", params=["print", "web-ar", "import-optimise"])
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, dict[str, Row]]:
    """(recipe, output folder, ledger) of a prompt, an image and a mesh through another shipped recipe."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "rows.csv").write_text(SMALL)
    mill(folder / "rows.csv", folder / "out", "--recipe", request.param, "--input-root", str(EXAMPLES))
    return request.param, folder / "out", ledger_of(folder / "out")


def test_other_recipes_make_what_they_promise(validator: None, other: tuple[str, Path, dict[str, Row]]) -> None:
    recipe, out, ledger = other
    assert [row["outcome"] for row in ledger.values()] == ["passed"] * 3, [row["message"] for row in ledger.values()]
    for row in ledger.values():
        assert row["recipe"] == recipe
        CHECKS[recipe](out, row)
    glbs = [out / uri for row in ledger.values() for uri in files(row, "glb").values()]
    assert all(verdict["errors"] == verdict["warnings"] == 0 for verdict in (validate(glbs) if glbs else []))


def check_print(out: Path, row: Row) -> None:
    """A closed solid: STL in millimetres with Z up, PLY in metres with Y up and the colours of the input."""
    assert {output["format"] for output in row["outputs"]} - {"reference"} == {"stl", "3mf", "ply", "poster"}
    soup = trimesh.load_mesh(out / files(row, "stl")[0], process=False)
    solid = trimesh.Trimesh(soup.vertices, soup.faces, process=False)
    solid.merge_vertices()
    assert solid.is_watertight
    assert solid.is_winding_consistent
    assert solid.volume > 0
    assert len(soup.faces) == row["metrics"]["triangles"] <= 100_000
    metrics = row["metrics"]
    sides = [metrics["size.width_m"], metrics["size.depth_m"], metrics["size.height_m"]]
    assert soup.extents == pytest.approx(np.array(sides) * 1000, rel=1e-3)
    assert soup.volume * 1e-9 == pytest.approx(metrics["volume_m3"], rel=1e-3)
    ply = trimesh.load_mesh(out / files(row, "ply")[0], process=False)
    assert len(ply.faces) == metrics["triangles"]
    assert ply.extents * 1000 == pytest.approx(soup.extents[[0, 2, 1]], rel=1e-3)
    assert ply.visual.kind == "vertex"
    low, high = COLOURS[row["id"]]
    shown = np.median(ply.visual.vertex_colors[:, :3], axis=0)
    assert ((low <= shown) & (shown <= high)).all(), shown
    if row["id"] != "mug":  # whose glaze is one colour
        assert len(np.unique(ply.visual.vertex_colors, axis=0)) > 100


def check_web_ar(out: Path, row: Row) -> None:
    """One GLB under 30,000 triangles, its textures at most 1024 pixels wide; a smaller one, and a USDZ."""
    formats = [output["format"] for output in row["outputs"] if output["format"] != "reference"]
    assert formats == ["glb", "glb_web", "usdz", "poster"]
    small, master = (next(o["bytes"] for o in row["outputs"] if o["format"] == kind) for kind in ("glb_web", "glb"))
    assert small < master
    scene = read(out / files(row, "glb")[0])
    assert faces_of(scene) == row["metrics"]["triangles"] <= 30_000
    assert images_of(scene) == row["metrics"]["textures"]
    assert row["metrics"]["texture.max_px"] <= 1024
    data = (out / files(row, "glb")[0]).read_bytes()
    length = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + length])
    assert document["asset"]["version"] == "2.0"
    assert not document.get("extensionsRequired")


def check_import(out: Path, row: Row) -> None:
    """Three levels of detail, each about half of the one before."""
    assert set(files(row, "glb")) == {0, 1, 2, 3}
    counts = [faces_of(read(out / uri)) for _, uri in sorted(files(row, "glb").items())]
    assert counts == [faces_said(row, lod) for lod in range(4)]
    assert counts[0] <= 50_000
    assert all(low <= 0.75 * high for high, low in pairwise(counts))


# sRGB bounds of the middle colour of what was asked for: a blue mug, a yellow duck, a brown stool.
COLOURS = {
    "mug": ([0, 40, 120], [90, 130, 255]),
    "duck": ([170, 120, 0], [255, 220, 110]),
    "stool": ([80, 40, 10], [180, 110, 80]),
}
CHECKS = {"print": check_print, "web-ar": check_web_ar, "import-optimise": check_import}


def test_posters_are_jpegs_of_the_asked_size(out: Path, ledger: dict[str, Row]) -> None:
    sizes = set()
    for row in passed(ledger):
        with Image.open(io.BytesIO((out / files(row, "poster")[0]).read_bytes())) as image:
            assert image.format == "JPEG"
            sizes.add(image.size)
    assert len(sizes) == 1
