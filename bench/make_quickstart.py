"""Makes manifests/examples/quickstart.csv and its pictures, drawings, views and meshes, the same bytes every time."""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import quickstart_models as models
import trimesh
from PIL import Image
from scipy import ndimage

from ml.asset import Asset, Material, Texture, make_part
from tasks.camera import Camera, orbit
from tasks.export_obj import export_obj
from tasks.export_ply import export_ply
from tasks.export_stl import export_stl
from tasks.ground import floor_shadow
from tasks.render import draw, prepare, render
from tasks.thumbnail import encode_jpeg

U8 = npt.NDArray[np.uint8]
F64 = npt.NDArray[np.float64]

EXAMPLES = Path(__file__).parent.parent / "manifests" / "examples"
COLUMNS = (
    *("id", "prompt", "negative_prompt", "image", "images", "sketch", "mesh"),
    *("seed", "style", "height_m", "title", "tags", "license"),
)
VASE_VIEWS = 12
ROBOT_VIEWS = {
    "front": (0.0, 0.0),
    "right": (90.0, 0.0),
    "back": (180.0, 0.0),
    "left": (270.0, 0.0),
    "top": (0.0, 90.0),
}
ROBOT_EXTENT = 1.5


def cloud(asset: Asset) -> F64:
    """(n, 3) vertices of all parts."""
    return asset.merged()[0]


def cutout(asset: Asset, azimuth: float, elevation: float, size: int = 512) -> bytes:
    """A photograph-like PNG whose background is transparent."""
    frame = render(asset, orbit(cloud(asset), azimuth, elevation, 20.0), size, 3)
    return png(frame.color)


def photograph(asset: Asset, azimuth: float, elevation: float, wall: tuple[int, int, int], size: int = 512) -> bytes:
    """A JPEG on a plain, slightly uneven backdrop with a soft shadow and a little sensor noise."""
    camera = orbit(cloud(asset), azimuth, elevation, 20.0, margin=1.35)
    scene = prepare(asset, camera, size, 2)
    color = draw(asset, scene, camera, 2).color.astype(np.float64)
    shadow = floor_shadow(camera, scene.studio, float(asset.bounds()[0, 1]), size, size)
    y, x = np.mgrid[-1.0 : 1.0 : size * 1j, -1.0 : 1.0 : size * 1j]
    light = (1.02 - 0.05 * y - 0.04 * (x * x + y * y))[..., None] * (1.0 - 0.55 * shadow[..., None])
    alpha = color[..., 3:] / 255.0
    mixed = color[..., :3] * alpha + np.array(wall) * light * (1.0 - alpha)
    noise = np.random.default_rng(7).normal(0.0, 1.3, (size, size, 1))
    return encode_jpeg(np.clip(mixed + noise + 0.5, 0, 255).astype(np.uint8), 45_000)


def line_drawing(asset: Asset, azimuth: float, elevation: float, size: int = 512) -> bytes:
    """Ink on paper: the edges between parts, creases and depths of a render, with a hand's slow wobble."""
    large = 2 * size
    frame = render(asset, orbit(cloud(asset), azimuth, elevation, 20.0, margin=1.25), large, 1)
    ids = frame.parts.astype(np.int64)
    depth = np.where(frame.mask, frame.depth, frame.depth[frame.mask].max() * 1.5)
    reach = float(np.ptp(depth[frame.mask]))
    edge = np.zeros((large, large), dtype=bool)
    for axis in (0, 1):
        step = (ids != np.roll(ids, 1, axis)) | (np.abs(depth - np.roll(depth, 1, axis)) > 0.06 * reach)
        step |= (frame.normals * np.roll(frame.normals, 1, axis)).sum(axis=2) < 0.6 * frame.mask
        edge |= step
    rng = np.random.default_rng(3)
    wobble = [ndimage.gaussian_filter(rng.normal(size=(large, large)), 45.0) for _ in range(2)]
    y, x = np.mgrid[0:large, 0:large].astype(np.float64)
    moved = [y + wobble[0] / wobble[0].std() * 2.2, x + wobble[1] / wobble[1].std() * 2.2]
    ink = ndimage.binary_dilation(edge, ndimage.generate_binary_structure(2, 1), iterations=2).astype(np.float64)
    ink = ndimage.map_coordinates(ink, moved, order=1)
    ink = ndimage.gaussian_filter(ink, 0.8).reshape(size, 2, size, 2).mean(axis=(1, 3))
    paper = np.array([252.0, 251.0, 247.0])
    pixels = paper * (1.0 - ink[..., None]) + np.array([38.0, 38.0, 44.0]) * ink[..., None]
    return palette_png(np.clip(pixels + 0.5, 0, 255).astype(np.uint8), 32)


def png(pixels: U8) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def palette_png(pixels: U8, colors: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).quantize(colors, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def vase_files() -> dict[str, bytes]:
    """Twelve views with their cameras in NeRF's convention."""
    asset, angle = models.vase(), 30.0
    files, frames = {}, []
    for index in range(VASE_VIEWS):
        camera = orbit(cloud(asset), 360.0 / VASE_VIEWS * index, (8.0, 38.0)[index % 2], angle, margin=1.15)
        name = f"vase-{index:02d}"
        files[f"vase/{name}.png"] = png(render(asset, camera, 320).color)
        frames.append({"file_path": f"./{name}", "transform_matrix": np.round(camera.matrix(), 9).tolist()})
    document = {"camera_angle_x": math.radians(angle), "up_axis": "Y", "frames": frames}
    return {**files, "vase/cameras.json": (json.dumps(document, indent=1) + "\n").encode()}


def robot_files() -> dict[str, bytes]:
    """Five orthographic views that their names place."""
    asset = models.robot()
    middle = asset.bounds().mean(axis=0)
    files = {}
    for name, (azimuth, elevation) in ROBOT_VIEWS.items():
        back = orbit(cloud(asset), azimuth, elevation, 0.0).axes()[2]
        eye, target = middle + 4.0 * back, middle
        camera = Camera(tuple(eye.tolist()), tuple(target.tolist()), fov=0.0, extent=ROBOT_EXTENT)
        files[f"robot/robot-{name}.png"] = png(render(asset, camera, 384).color)
    return files


def wood(size: int = 256) -> Texture:
    """Planks with a grain along v, as a tiling picture."""
    x = np.linspace(0.0, 1.0, size)[None, :]
    rng = np.random.default_rng(11)
    streak = ndimage.gaussian_filter(rng.normal(size=(size, size)), (18.0, 0.8), mode="wrap")
    plank = np.floor(x * 4.0)
    tone = 1.0 + 0.12 * np.sin(plank * 2.7) + 0.10 * streak / streak.std()
    gap = np.minimum(x * 4.0 - plank, plank + 1.0 - x * 4.0) < 0.02
    pixels = np.array([176.0, 118.0, 62.0]) * (tone * np.where(gap, 0.45, 1.0))[..., None]
    return Texture(palette_png(np.clip(pixels, 0, 255).astype(np.uint8), 64), "image/png", "wood")


def train_glb() -> bytes:
    """A toy train: one scene, six wheels that share a mesh under six node transforms, one textured floor."""
    scene = trimesh.Scene()

    def material(name: str, color: str, rough: float, metal: float = 0.0, picture: bytes | None = None):  # type: ignore[no-untyped-def]
        image = None if picture is None else Image.open(io.BytesIO(picture)).convert("RGB")
        factor = (np.array([*models.rgb(color), 1.0]) * 255.0 + 0.5).astype(np.uint8)
        return trimesh.visual.material.PBRMaterial(
            name=name, baseColorFactor=factor, roughnessFactor=rough, metallicFactor=metal, baseColorTexture=image
        )

    def add(name: str, solid: models.Solid, look: object, *places: tuple[float, float, float]) -> None:
        vertices, normals, faces = models.shade(solid.vertices, solid.faces)
        axis = np.abs(normals).argmax(axis=1)
        uv = np.stack(
            [np.choose(axis, [vertices[:, c] for c in columns]) for columns in ((2, 0, 0), (1, 2, 1))], axis=1
        )
        mesh = trimesh.Trimesh(vertices, faces, vertex_normals=normals, process=False)
        mesh.visual = trimesh.visual.TextureVisuals(uv=uv * 4.0, material=look)
        for index, place in enumerate(places or ((0.0, 0.0, 0.0),)):
            node = f"{name}-{index}" if places else name
            transform = trimesh.transformations.translation_matrix(place)
            scene.add_geometry(mesh, node_name=node, geom_name=name, transform=transform)

    red, dark = material("red", "#b3261e", 0.35), material("black", "#23262b", 0.5)
    brass = material("brass", "#c9a24a", 0.3, 1.0)
    planks = material("planks", "#ffffff", 0.6, 0.0, wood().data)
    add("floor", models.box(0.8, 0.07, 0.3, 0.012, 2).at(y=0.12), planks)
    add("boiler", models.cylinder(0.12, 0.44, 64, bevel=0.02).turned("z", -90).at(-0.1, 0.31), red)
    add(
        "cab",
        models.join(
            (models.box(0.24, 0.3, 0.28, 0.015, 2).at(-0.24, 0.19), models.box(0.3, 0.03, 0.34, 0.01).at(-0.24, 0.5))
        ),
        dark,
    )
    add("chimney", models.cylinder(0.035, 0.16, 40, 0.055, bevel=0.006).at(0.22, 0.4), dark)
    add("dome", models.ellipsoid(0.11, 0.14, 0.11, sides=40).at(0.04, 0.37), brass)
    wheel = models.join(
        (
            models.cylinder(0.085, 0.035, 48, bevel=0.008).turned("x", 90),
            models.ellipsoid(0.05, 0.05, 0.09, sides=20).at(0, -0.025, 0.018),
        )
    )
    places = [(x, 0.087, z) for x in (-0.27, 0.0, 0.27) for z in (0.16, -0.195)]
    add("wheel", wheel, brass, *places)
    data: bytes = scene.export(file_type="glb", include_normals=True)
    return data


def stool_files() -> dict[str, bytes]:
    """OBJ with its material library and a wood picture."""
    asset = models.stool()
    parts = []
    for part in asset.parts:
        size = np.ptp(part.vertices, axis=0).max()
        uv = (part.vertices[:, [0, 2]] / size + 0.5).astype(np.float32)
        look = Material(part.name, part.material.base_color, 0.0, part.material.roughness)
        if part.name == "seat":
            look = Material("seat", (1.0, 1.0, 1.0, 1.0), 0.0, 0.55, base_color_texture=wood())
        parts.append(make_part(part.vertices, part.faces, look, name=part.name, uv=uv, normals=part.normals))
    return {f"meshes/{file.name}": file.data for file in export_obj(Asset(tuple(parts), "stool"), "stool")}


def gem_off() -> bytes:
    """Geomview COFF text: every corner with its RGBA."""
    vertices, faces, _ = models.gem().merged()
    corners, index = np.unique(np.round(vertices, 6), axis=0, return_inverse=True)
    faces = index.ravel()[faces]
    lines = ["COFF", f"{len(corners)} {len(faces)} 0"]
    lines += [f"{x:g} {y:g} {z:g} 26 {round(120 + 130 * y)} 96 255" for x, y, z in corners]
    lines += [f"3 {a} {b} {c}" for a, b, c in faces]
    return ("\n".join(lines) + "\n").encode()


def input_files() -> dict[str, bytes]:
    """Every input by its path under inputs/."""
    return {
        "rubber-duck.png": cutout(models.duck(), 8.0, 6.0),
        "guitar.png": cutout(models.guitar(), 0.0, 2.0),
        "toy-fish.jpg": photograph(models.fish(), 6.0, 4.0, (226, 228, 231)),
        "mug.jpg": photograph(models.mug(), 4.0, 7.0, (203, 213, 226)),
        "mushroom-sketch.png": line_drawing(models.mushroom(), 0.0, 6.0),
        "rocket-sketch.png": line_drawing(models.rocket(), 0.0, 4.0),
        **vase_files(),
        **robot_files(),
        "meshes/train.glb": train_glb(),
        **stool_files(),
        "meshes/knot.ply": export_ply(models.knot(), "knot")[0].data,
        "meshes/gear.stl": export_stl(models.gear(), "gear")[0].data,
        "meshes/gem.off": gem_off(),
    }


def rows() -> list[dict[str, str]]:
    """The manifest: 11 prompts, 4 photographs, 2 drawings, 2 sets of views and 5 meshes; nobody here draws giraffes."""
    vase = ";".join(f"inputs/vase/vase-{index:02d}.png" for index in range(VASE_VIEWS))
    robot = ";".join(f"inputs/robot/robot-{name}.png" for name in ROBOT_VIEWS)
    meshes = "inputs/meshes/"
    return [
        _prompt("oak-chair", "a sturdy oak chair with a slatted back, 90 cm tall", "furniture"),
        _prompt("velvet-armchair", "a dark green velvet armchair with brass legs", "furniture"),
        _prompt("street-lamp", "a victorian cast iron street lamp, 3 m tall", "street"),
        _prompt("steel-sword", "a steel sword with a golden hilt, not rusty", "props", negative_prompt="rust"),
        _prompt("oak-barrel", "an old oak barrel with iron hoops", "props"),
        _prompt("treasure-chest", "a medieval wooden treasure chest with iron bands, under 5000 triangles", "props"),
        _prompt("blue-vase", "a tall glossy blue ceramic vase, 30 cm tall", "decor", seed="7"),
        _prompt("potted-cactus", "a cactus in a terracotta pot", "decor"),
        _prompt("walnut-bookshelf", "a modern walnut bookshelf with five shelves", "furniture", height_m="1.8"),
        _prompt("low-poly-truck", "a red truck", "vehicles", style="low-poly"),
        _prompt("giraffe", "a giraffe with a very long neck", "animals"),
        _given("rubber-duck", "image", "inputs/rubber-duck.png", "0.08", "toys"),
        _given("guitar", "image", "inputs/guitar.png", "1.0", "music"),
        _given("toy-fish", "image", "inputs/toy-fish.jpg", "0.12", "toys"),
        _given("glazed-mug", "image", "inputs/mug.jpg", "0.1", "tableware"),
        _given("mushroom-drawing", "sketch", "inputs/mushroom-sketch.png", "0.15", "drawings"),
        _given("rocket-drawing", "sketch", "inputs/rocket-sketch.png", "0.4", "drawings"),
        _given("painted-vase", "images", vase, "0.35", "decor", title="Painted vase from twelve views"),
        _given("tin-robot", "images", robot, "0.25", "toys", title="Tin robot from five plans"),
        _given("toy-train", "mesh", meshes + "train.glb", "0.14", "toys"),
        _given("milking-stool", "mesh", meshes + "stool.obj", "", "furniture"),
        _given("trefoil-knot", "mesh", meshes + "knot.ply", "0.2", "art"),
        _given("spur-gear", "mesh", meshes + "gear.stl", "0.014", "parts"),
        _given("cut-gem", "mesh", meshes + "gem.off", "0.03", "props"),
    ]


def _prompt(name: str, prompt: str, tags: str, **columns: str) -> dict[str, str]:
    return {"id": name, "prompt": prompt, "tags": tags, "license": "CC0-1.0", **columns}


def _given(name: str, column: str, files: str, height: str, tags: str, **columns: str) -> dict[str, str]:
    return {"id": name, column: files, "height_m": height, "tags": tags, "license": "CC0-1.0", **columns}


def manifest() -> bytes:
    """The CSV's bytes."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows())
    return text.getvalue().encode()


def main() -> None:
    """Write the example, or with --check say whether what is committed is what this makes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file would change")
    files = {"quickstart.csv": manifest(), **{f"inputs/{name}": data for name, data in input_files().items()}}
    if parser.parse_args().check:
        stale = [n for n, data in files.items() if not (EXAMPLES / n).is_file() or (EXAMPLES / n).read_bytes() != data]
        raise SystemExit(f"would change: {', '.join(stale)}" if stale else 0)
    for name, data in files.items():
        path = EXAMPLES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    print(f"{len(files)} files, {sum(map(len, files.values())) / 1e6:.2f} MB in {EXAMPLES}")


if __name__ == "__main__":
    main()
