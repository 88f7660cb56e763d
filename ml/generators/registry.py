"""The one place where generators are listed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ml.generators.command import Command, CommandOptions
from ml.generators.distill import Distill, DistillOptions
from ml.generators.inflate import Inflate, InflateOptions
from ml.generators.mesh import MeshImport, MeshOptions
from ml.generators.noop import Noop, NoopOptions
from ml.generators.pretrained.listed import PRETRAINED
from ml.generators.procedural import Procedural, ProceduralOptions
from ml.generators.protocol import Generator
from ml.generators.reconstruct import Reconstruct, ReconstructOptions
from ml.generators.shapes import Shapes, ShapesOptions
from ml.generators.visual_hull import VisualHull, VisualHullOptions

GENERATORS: dict[str, tuple[type[Generator], type[Any]]] = {
    "procedural": (Procedural, ProceduralOptions),
    "inflate": (Inflate, InflateOptions),
    "visual-hull": (VisualHull, VisualHullOptions),
    "shapes": (Shapes, ShapesOptions),
    "reconstruct": (Reconstruct, ReconstructOptions),
    "distill": (Distill, DistillOptions),
    "mesh": (MeshImport, MeshOptions),
    "noop": (Noop, NoopOptions),
    "command": (Command, CommandOptions),
    **PRETRAINED,
}


def build_generator(name: str, options: object) -> Generator:
    """A generator ready to work; `options` is an instance of its options class."""
    make: Callable[[Any], Generator] = GENERATORS[name][0]
    return make(options)
