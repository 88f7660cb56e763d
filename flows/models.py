"""Pretrained models of this machine: what is there, what a run would lack, and pulling weights from their hub."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from flows.optional_parts import named_parts, parts_lacking
from manifests.errors import RecipeError, UsageError, nearest
from manifests.recipe import Recipe
from ml.generators.command import CommandOptions
from ml.generators.distill import DistillOptions
from ml.generators.pretrained.adapter import Pretrained, PretrainedOptions, lacks
from ml.generators.pretrained.card import Weights
from ml.generators.pretrained.listed import PRETRAINED
from ml.generators.pretrained.shelf import (
    MARKER,
    Missing,
    folder_of,
    marker_text,
    missing_licence,
    missing_program,
    models_folder,
    pulled,
)
from ml.generators.reconstruct import ReconstructOptions
from ml.generators.shapes import ShapesOptions

TERMS = ("model.missing-licence", "model.missing-territory")  # they hold wherever the work is done
SPARE = 1.05  # of the disk a download needs: the hub's own bookkeeping lies beside it


@runtime_checkable
class Checked(Protocol):
    """Options that name a model, of a generator or of a step, and know what it lacks."""

    def lacks(self) -> list[Missing]:
        """What it lacks on this machine."""
        ...


def check_models(recipe: Recipe) -> None:
    """Raises RecipeError with each thing that the recipe's own generators, or a step that asks a model, lacks here."""
    for name, missing in lacking_in(recipe).items():
        if missing := decided_here(missing):
            place = f"[generator.{name}]" if name in (recipe.generator, recipe.otherwise) else f"step {name}"
            listed = "; ".join(f"{each.code}: {each.text}" for each in missing)
            raise RecipeError(f"recipe {recipe.name}, {place}: {listed}")


def decided_here(missing: list[Missing]) -> list[Missing]:
    """Of what a model lacks that which stands in a run's way: nothing that is optional.

    Where Ray is attached to by address the models run on its machines, so that only terms count: what a worker lacks
    ends its rows with the same codes.
    """
    away = bool(os.environ.get("RAY_ADDRESS"))
    return [each for each in missing if not each.optional and (each.code in TERMS or not away)]


def lacking_here(name: str, options: object) -> list[Missing]:
    """What stands in the way of one generator with these options; nothing for one that needs no model."""
    return decided_here(lacking(name, options))


def lacking_in(recipe: Recipe) -> dict[str, list[Missing]]:
    """What the recipe's generators and its steps that ask a model lack, by their names."""
    named = (recipe.generator, recipe.otherwise) if recipe.otherwise else (recipe.generator,)
    found = {name: lacking(name, recipe.generator_options.get(name)) for name in named}
    for step in recipe.steps:
        if isinstance(step.options, Checked):
            found.setdefault(step.name, []).extend(lacking(step.name, step.options))
    return found


def lacking(name: str, options: object) -> list[Missing]:
    """What a generator lacks on this machine with these options; nothing for one that needs no model."""
    if isinstance(options, PretrainedOptions) and name in PRETRAINED:
        return lacks(PRETRAINED[name][0], options)
    if isinstance(options, Checked):
        return options.lacks()
    if isinstance(options, CommandOptions) and name == "command":
        program = options.python or next(iter(options.command), "")
        return list(missing_program(program)) if program else [Missing("model.missing-program", "no command is named")]
    return []


def checked(names: Sequence[str]) -> dict[str, list[Missing]]:
    """What models lack with their default options, and steps or parts of the house that do without something: all that
    there are where none is named; raises UsageError."""
    known: dict[str, type[Any]] = {name: options for name, (_, options) in PRETRAINED.items()}
    known |= {"distill": DistillOptions, "reconstruct": ReconstructOptions, "shapes": ShapesOptions}
    everything = [*known, *(name for name in named_parts() if name not in known)]
    for name in names:
        if name not in everything:
            raise UsageError(f"no model {name!r}{nearest(name, everything)}")
    own = {name: lacking(name, known[name]()) if name in known else [] for name in names or everything}
    return {name: [*missing, *parts_lacking(name)] for name, missing in own.items()}


@dataclass(frozen=True)
class Download:
    """One repository about to be pulled."""

    weights: Weights
    revision: str  # commit
    files: dict[str, int]  # bytes

    @property
    def gigabytes(self) -> float:
        """Of all files."""
        return sum(self.files.values()) / 1e9


def pull(name: str, accepted: Iterable[str], territory: str, revision: str | None, tell: Callable[[str], None]) -> None:
    """Bring a model's weights here, each repository whole or not at all; what is whole already is left alone.

    Everything that can fail is asked before the first byte: terms, access to gated repositories, disk. Raises
    UsageError with a `model.missing-…` code.
    """
    made = adapter(name)
    of_model = tuple(licence for licence in made.card.licences if licence.of == "model")
    terms = list(missing_licence(replace(made.card, licences=of_model), accepted, territory))
    if terms:
        raise UsageError("; ".join(f"{each.code}: {each.text}" for each in terms))
    wanted = [weights for weights in made.card.weights if pulled(weights) is None]
    downloads = [_asked(weights, revision if weights is made.card.weights[0] else None) for weights in wanted]
    _check_disk(downloads)
    for download in downloads:
        tell(f"{download.weights.repository}@{download.revision[:12]}: {download.gigabytes:.1f} GB")
        _download(download)
    tell(f"{name}: weights are in {models_folder()}")


def adapter(name: str) -> type[Pretrained]:
    """The adapter of that name; raises UsageError with the names there are."""
    if name not in PRETRAINED:
        raise UsageError(f"no model {name!r}: {', '.join(PRETRAINED)}")
    return PRETRAINED[name][0]


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise UsageError("model.missing-package: pulling needs huggingface_hub, in the extra 'learned'") from error
    return huggingface_hub


def _asked(weights: Weights, revision: str | None) -> Download:
    """What the hub would send; raises UsageError `model.missing-access` or `model.missing-weights`."""
    hub = _hub()
    try:
        if weights.gated:
            hub.auth_check(weights.repository)
        found = hub.HfApi().model_info(weights.repository, revision=revision, files_metadata=True)
    except Exception as error:
        kind = "access" if "Gated" in type(error).__name__ or weights.gated else "weights"
        reason = str(error).strip().partition("\n")[0]
        raise UsageError(f"model.missing-{kind}: {weights.repository}: {type(error).__name__}: {reason}") from error
    files = {
        each.rfilename: each.size or 0
        for each in found.siblings
        if any(fnmatch(each.rfilename, pattern) for pattern in weights.files)
    }
    if not files:
        raise UsageError(f"model.missing-weights: {weights.repository} has no {', '.join(weights.files)}")
    return Download(weights, found.sha, files)


def _check_disk(downloads: Sequence[Download]) -> None:
    folder = models_folder()
    folder.mkdir(parents=True, exist_ok=True)
    needed = SPARE * sum(download.gigabytes for download in downloads)
    free = shutil.disk_usage(folder).free / 1e9
    if needed > free:
        raise UsageError(f"model.missing-disk: {folder} has {free:.1f} GB free; {needed:.1f} GB are needed")


def _download(download: Download) -> None:
    """The files, then the marker: in a folder of ours, or in the hub's cache where the source loads by name."""
    weights, folder = download.weights, folder_of(download.weights)
    place: dict[str, Any] = {} if weights.by_name else {"local_dir": str(folder)}
    found = _hub().snapshot_download(
        weights.repository, revision=download.revision, allow_patterns=list(weights.files), **place
    )
    sizes = {name: (Path(found) / name).stat().st_size for name in download.files}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text(marker_text(download.revision, sizes, found if weights.by_name else ""))
