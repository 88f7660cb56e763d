"""Reads a scene in a process of its own: native libraries that crash, hang or balloon there cost one file."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import InputError
from ml.readers.limits import ReadLimits

SECONDS = 240.0  # a row's own deadline is 300
MAX_MESSAGE = 500  # characters of a child's last words
Values = npt.NDArray[Any]


@dataclass
class SceneMaterial:
    """A material as a scene file has it; maps by slot are numbers of images, or names of files beside it."""

    name: str
    base_color: list[float] = field(default_factory=lambda: [0.8, 0.8, 0.8, 1.0])
    metallic: float = 0.0
    roughness: float = 0.8
    emissive: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    double_sided: bool = False
    maps: dict[str, int | str] = field(default_factory=dict)


@dataclass
class ScenePart:
    """Polygons of one material, metres, Y up, in the world.

    `corners` (c,) number `points` (v, 3), `counts` (p,) are corners a polygon. Attributes are normals, uv (v upward)
    and linear colours, each as values (n, k) and their index (c,).
    """

    name: str
    material: int
    points: Values
    corners: Values
    counts: Values
    attributes: dict[str, tuple[Values, Values]] = field(default_factory=dict)


@dataclass
class Scene:
    """What a reader finds: parts, materials, encoded images, what it left out."""

    parts: list[ScenePart] = field(default_factory=list)
    materials: list[SceneMaterial] = field(default_factory=list)
    images: list[bytes] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Reader = Callable[[str, ReadLimits], Scene]


def read_apart(module: str, data: bytes, suffix: str, limits: ReadLimits) -> Scene:
    """`module.read_scene` on the bytes as a file, in a child; raises InputError with the child's code, or `mesh.broken`
    where it died and `mesh.timeout` where it took SECONDS.
    """
    with tempfile.TemporaryDirectory(prefix="meshmill-read-") as folder:
        path = Path(folder) / f"scene{suffix}"
        path.write_bytes(data)
        code = f"from {module} import read_scene; from ml.readers.apart import answer; answer(read_scene)"
        command = [sys.executable, "-c", code, str(path), str(limits.max_faces)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False, cwd=_root())
        except subprocess.TimeoutExpired as error:
            raise InputError("mesh.timeout", f"the file was not read in {SECONDS:.0f} s") from error
        told = Path(folder) / "answer.json"
        if done.returncode or not told.exists():
            words = done.stderr.decode("utf-8", "replace").strip()[-MAX_MESSAGE:]
            raise InputError("mesh.broken", f"the reader ended with {done.returncode}: {words or 'no word'}")
        answer = json.loads(told.read_text())
        if "code" in answer:
            raise InputError(answer["code"], answer["message"])
        with np.load(Path(folder) / "answer.npz", allow_pickle=False) as arrays:
            return _scene(answer, arrays)


def answer(read: Reader) -> None:
    """The child's side: read the file named in the arguments, leave the scene or the refusal beside it."""
    path, limits = sys.argv[1], ReadLimits(int(sys.argv[2]))
    folder = Path(path).parent
    try:
        scene = read(path, limits)
    except InputError as error:
        (folder / "answer.json").write_text(json.dumps({"code": error.code, "message": error.message}))
        return
    arrays: dict[str, Values] = {f"image.{k}": np.frombuffer(data, np.uint8) for k, data in enumerate(scene.images)}
    for k, part in enumerate(scene.parts):
        arrays |= {f"{k}.{name}": getattr(part, name) for name in ("points", "corners", "counts")}
        for name, (values, index) in part.attributes.items():
            arrays |= {f"{k}.{name}": values, f"{k}.{name}.index": index}
    np.savez(folder / "answer.npz", **arrays)  # type: ignore[arg-type]
    told = {
        "parts": [[part.name, part.material, list(part.attributes)] for part in scene.parts],
        "materials": [asdict(material) for material in scene.materials],
        "images": len(scene.images),
        "notes": scene.notes,
    }
    (folder / "answer.json").write_text(json.dumps(told))


def _scene(told: dict[str, Any], arrays: Any) -> Scene:
    parts = []
    for k, (name, material, attributes) in enumerate(told["parts"]):
        points, corners, counts = (arrays[f"{k}.{array}"] for array in ("points", "corners", "counts"))
        found = {each: (arrays[f"{k}.{each}"], arrays[f"{k}.{each}.index"]) for each in attributes}
        parts.append(ScenePart(name, material, points, corners, counts, found))
    materials = [SceneMaterial(**each) for each in told["materials"]]
    images = [arrays[f"image.{k}"].tobytes() for k in range(told["images"])]
    return Scene(parts, materials, images, told["notes"])


def _root() -> str:
    """Where the child finds this package."""
    return str(Path(__file__).parents[2])
