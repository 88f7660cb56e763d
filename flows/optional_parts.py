"""What does its work without a package, and how it does so then: `meshmill models check` has a line for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ml.generators.pretrained.shelf import LEARNED, Missing, accelerator_gb, optional_modules
from tasks.normal_gradient_cuda import INSTALL

DIFFUSERS = ("torch", "diffusers", "transformers")


@dataclass(frozen=True)
class Part:
    """A part of the house that can use packages and does not need them."""

    of: str  # step, generator or option
    modules: tuple[str, ...]
    install: str
    without: str
    gpu: bool = False  # whether only a machine with a GPU could use them


PARTS = (
    Part("refine_normals", DIFFUSERS, LEARNED, "no model of normals; maps, the source and the CPU's kernels do"),
    Part(
        "refine_normals",
        ("nvdiffrast",),
        f"{INSTALL}; research and evaluation only",
        "rasteriser = 'nvdiffrast' is refused, the CPU's kernels draw",
    ),
    Part("caption", ("torch", "transformers"), LEARNED, "captions are made of metadata"),
    Part("text_to_image", DIFFUSERS, LEARNED, "models that take pictures refuse rows with a prompt alone"),
    Part("background", ("rembg",), "pip install rembg", "pictures need a plain background or an alpha channel"),
    Part("alignment", ("open_clip",), LEARNED, "model = 'meshmill' alone, which knows the factory's own categories"),
    Part("pull", ("huggingface_hub",), LEARNED, "`meshmill models pull` is refused"),
    Part(
        "distances",
        ("torch", "cubvh"),
        "pip install git+https://github.com/ashawkey/cubvh",
        "the CPU finds nearest triangles, as exactly",
        gpu=True,
    ),
)


def named_parts() -> list[str]:
    """What PARTS are of, each once."""
    return list(dict.fromkeys(part.of for part in PARTS))


def parts_lacking(name: str) -> Iterator[Missing]:
    """What that one does without on this machine, a line for each set of packages."""
    for part in PARTS:
        if part.of == name and (not part.gpu or accelerator_gb() is not None):
            yield from optional_modules(part.modules, part.install, part.without)
