"""What a folder of a diffusers pipeline lacks before it can be asked; nothing is loaded to find out."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from ml.distill.settings import MODEL, DistillSettings
from ml.generators.pretrained.shelf import LEARNED, Missing, accelerator_gb, missing_modules

PACKAGES = ("torch", "diffusers", "transformers")
# Denoisers that read latents packed in rows, and take one prompt: they are given no negative one to be steered from.
PACKED = ("Flux", "Chroma", "QwenImage", "Bria")
MOVING = ("3D", "Video", "Temporal", "Motion")  # in the names of denoisers of videos
FREE = frozenset(("apache-2.0", "mit", "bsd-3-clause", "bsd-2-clause", "cc0-1.0", "cc-by-4.0"))
UNKNOWN = "unknown"  # what is accepted in place of the name of a licence that a folder does not state
MOST_HEADER = 100_000_000  # bytes: the format's own limit for the header of a safetensors file


@dataclass(frozen=True)
class ModelFolder:
    """Which pipeline is asked, under which terms, and where."""

    model: str
    accept: tuple[str, ...]
    device: str
    beside: str = ""  # what its memory is needed for beside the weights
    unsupported: str = "normals.unsupported-pipeline"  # the code of one that is of the wrong kind


def lacks_pipeline(options: DistillSettings) -> list[Missing]:
    """Everything that a distillation with these options lacks on this machine, a line each."""
    beside = f", and the gradients of {options.batch_pictures} pictures more"
    named = ModelFolder(options.model, options.accept, options.device, beside, "distill.unsupported-pipeline")
    return lacks_folder(named, wrong_kind)


def lacks_folder(named: ModelFolder, wrong: Callable[[Mapping[str, Any]], str]) -> list[Missing]:
    """The same of any pipeline; `wrong` says of an index why it is of another kind, "" where it is not."""
    found = [*missing_modules(PACKAGES, LEARNED)]
    folder = Path(named.model)
    index = _index(folder) if named.model else None
    if index is None:
        text = f"{named.model or 'no folder'}: name a diffusers pipeline with model = '…' (a folder with {MODEL})"
        return [*found, Missing("model.missing-weights", text)]
    kind = wrong(index)
    if kind:
        return [*found, Missing(named.unsupported, f"{named.model}: {kind}")]
    return [
        *found,
        *_missing_licence(folder, named.accept),
        *_missing_files(folder, index),
        *_memory(folder, named),
    ]


def wrong_kind(index: Mapping[str, Any]) -> str:
    """Why a pipeline of these components cannot be distilled from; "" where it can, as far as its index tells."""
    name = str(index.get("_class_name", "a pipeline"))
    denoiser = _class_of(index, "unet") or _class_of(index, "transformer")
    if not denoiser:
        return f"{name} has neither unet nor transformer"
    if not _class_of(index, "scheduler"):
        return f"{name} has no scheduler"
    if not (_class_of(index, "text_encoder") or _class_of(index, "tokenizer")):
        return f"{name} reads no prompt"
    if denoiser.startswith(PACKED):
        return f"{name}: {denoiser} reads packed latents of one prompt; it has to take pictures for two prompts"
    if any(word in denoiser for word in MOVING):
        return f"{name}: {denoiser} makes videos, not pictures"
    return ""


def licence_of(folder: Path) -> str:
    """What the `license` of the model card's front matter says, in lower case; "" where there is none."""
    try:
        lines = (folder / "README.md").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    if not lines or lines[0].strip() != "---":
        return ""
    for line in lines[1:]:
        key, _, value = line.partition(":")
        if line.strip() == "---":
            break
        if key == "license":
            return value.strip().strip("\"'").lower()
    return ""


def parameter_gb(folder: Path) -> float:
    """GB of the weights of all components in bfloat16, two bytes a parameter, by the headers of their files.

    Of a component that comes in several precisions the largest set counts once.
    """
    return sum(max(_variants(part).values(), default=0.0) for part in folder.iterdir() if part.is_dir()) / 1e9


def _index(folder: Path) -> dict[str, Any] | None:
    try:
        index = json.loads((folder / MODEL).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return index if isinstance(index, dict) else None


def _class_of(index: Mapping[str, Any], component: str) -> str:
    """The class of a component, "" where the pipeline does without it."""
    named = index.get(component)
    return str(named[1]) if isinstance(named, list) and len(named) == 2 and named[1] else ""


def _missing_licence(folder: Path, accepted: Iterable[str]) -> Iterator[Missing]:
    licence = licence_of(folder)
    if licence in FREE or (licence or UNKNOWN) in accepted:
        return
    said = f"its card says {licence}" if licence else "its folder states no licence"
    text = f"{said}: read the terms; to accept them: accept = [{licence or UNKNOWN!r}]"
    yield Missing("model.missing-licence", text)


def _missing_files(folder: Path, index: Mapping[str, Any]) -> Iterator[Missing]:
    """Components without a folder, and networks without weights."""
    names = [name for name in index if not name.startswith("_") and _class_of(index, name)]
    absent = [name for name in names if not (folder / name).is_dir()]
    networks = [name for name in names if name not in absent and (folder / name / "config.json").is_file()]
    empty = [name for name in networks if not any(_weights(folder / name))]
    if absent or empty:
        text = ", ".join([*absent, *(f"weights of {name}" for name in empty)])
        yield Missing("model.missing-weights", f"{folder} lacks {text}")


def _weights(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.suffix in (".safetensors", ".bin") and path.stat().st_size)


def _variants(folder: Path) -> dict[tuple[str, str], float]:
    """Bytes in bfloat16 of each set of files: by format, and by the variant in the name (`model.fp16.safetensors`)."""
    found: dict[tuple[str, str], float] = {}
    for path in _weights(folder):
        variant = path.suffix, ".".join(path.stem.split("-0")[0].split(".")[1:])
        found[variant] = found.get(variant, 0.0) + _bytes_of(path)
    return found


def _bytes_of(path: Path) -> float:
    """Two for each parameter that the header of a safetensors file lists; half a pickled file, which has 32 bits."""
    if path.suffix != ".safetensors":
        return path.stat().st_size / 2
    try:
        with path.open("rb") as stream:
            (size,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(min(size, MOST_HEADER)))
        found: int = sum(prod(each["shape"]) for name, each in header.items() if name != "__metadata__")
        return 2.0 * found
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        return path.stat().st_size / 2


def _memory(folder: Path, named: ModelFolder) -> Iterator[Missing]:
    if named.device == "cpu":
        return
    needed, there = parameter_gb(folder), accelerator_gb()
    text = f"its weights take {needed:.1f} GB in bfloat16{named.beside}"
    if there is None:
        yield Missing("model.missing-gpu", f"no GPU here; {text}; or device = 'cpu' and patience")
    elif there < needed:
        yield Missing("model.missing-memory", f"the GPU has {there:.0f} GB; {text}")
