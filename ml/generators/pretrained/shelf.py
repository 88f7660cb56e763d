"""Where pulled weights lie on this machine, and what a model still lacks before it can run."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ml.generators.pretrained.card import Licence, ModelCard, Weights

OPTIONAL = "model.optional-"
LEARNED = "pip install -e '.[learned]'"  # what brings torch, diffusers and transformers
MIB = 1 << 20
MARKER = ".meshmill-pulled.json"  # revision and file sizes, written when a download is whole


@dataclass(frozen=True)
class Missing:
    """One thing a model lacks, with what to do about it in one line."""

    code: str  # model.missing-<what>, or model.optional-<what> for what is done without
    text: str

    @property
    def optional(self) -> bool:
        """Whether all goes on without it, in another way that the text tells."""
        return self.code.startswith(OPTIONAL)

    def done_without(self, how: str) -> Missing:
        """The same of something that nothing waits for."""
        return Missing(self.code.replace("model.missing-", OPTIONAL), f"{self.text}; without: {how}")


def models_folder() -> Path:
    """MESHMILL_MODELS, else a folder in the user's cache."""
    chosen = os.environ.get("MESHMILL_MODELS")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "meshmill" / "models"


def folder_of(weights: Weights | str) -> Path:
    """The folder of a repository: `owner/name` below the models' folder, which sources of both kinds can load from."""
    return models_folder() / (weights if isinstance(weights, str) else weights.repository)


def pulled(weights: Weights) -> dict[str, Any] | None:
    """What the marker of a whole download says, None where there is none or a file of it has gone or shrunk."""
    folder = folder_of(weights)
    try:
        marker: dict[str, Any] = json.loads((folder / MARKER).read_text())
        root = Path(marker["folder"]) if marker.get("folder") else folder
        whole = all((root / name).stat().st_size == size for name, size in marker["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return marker if whole else None


def missing_licence(card: ModelCard, accepted: Iterable[str], territory: str) -> Iterator[Missing]:
    """Terms with limits that were not accepted by name, and terms that give no rights where the work is done."""
    known = set(accepted)
    for licence in card.licences:
        if licence.limits and licence.name not in known:
            how = f"accept = [{licence.name!r}] in the recipe, --accept {licence.name} for a download"
            yield Missing("model.missing-licence", f"{licence.name}: {licence.limits}; to accept that: {how}")
        if licence.barred:
            yield from _missing_territory(licence, territory.upper())


def _missing_territory(licence: Licence, territory: str) -> Iterator[Missing]:
    if not territory:
        text = (
            f"{licence.name} gives no rights in {len(licence.barred)} countries: say where with territory = 'US' or so"
        )
        yield Missing("model.missing-territory", text)
    elif territory in licence.barred:
        yield Missing("model.missing-territory", f"{licence.name} gives no rights in {territory}")


def missing_packages(card: ModelCard) -> Iterator[Missing]:
    """Modules that cannot be found; nothing is imported."""
    return missing_modules(card.packages, f"code: {card.source}")


def missing_modules(names: Iterable[str], where: str) -> Iterator[Missing]:
    """The same of any modules, with a word on where they come from."""
    absent = [name for name in names if not _importable(name)]
    if absent:
        yield Missing("model.missing-package", f"not installed here: {', '.join(absent)} ({where})")


def optional_modules(names: Iterable[str], where: str, without: str) -> Iterator[Missing]:
    """The same of modules that can be done without, and how."""
    return (each.done_without(without) for each in missing_modules(names, where))


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # a parent that is missing, or a stand-in without a spec
        return False


def missing_weights(card: ModelCard) -> Iterator[Missing]:
    """Repositories that were not pulled whole, and access that has to be asked for first."""
    absent = [weights for weights in card.weights if pulled(weights) is None]
    if absent:
        names = ", ".join(f"{weights.repository} ({weights.gigabytes:g} GB)" for weights in absent)
        yield Missing("model.missing-weights", f"not pulled: {names}")
        yield from _missing_disk(sum(weights.gigabytes for weights in absent))
    gated = [weights.repository for weights in absent if weights.gated]
    if gated and not hub_token():
        text = f"{', '.join(gated)} is gated: ask for access on its page, then set HF_TOKEN"
        yield Missing("model.missing-access", text)


def _missing_disk(needed: float) -> Iterator[Missing]:
    """Too little room for as many GB as are still to be pulled; `models pull` asks the hub for their real size."""
    folder = models_folder()
    place = next((each for each in (folder, *folder.parents) if each.exists()), Path("/"))
    free = shutil.disk_usage(place).free / 1e9
    if needed > free:
        yield Missing("model.missing-disk", f"{folder} has {free:.1f} GB free; about {needed:g} GB are to be pulled")


def hub_token() -> bool:
    """Whether there is a token for gated repositories."""
    if os.environ.get("HF_TOKEN"):
        return True
    if not _importable("huggingface_hub"):
        return False
    from huggingface_hub import get_token

    return get_token() is not None


def missing_memory(card: ModelCard, memory_gb: float | None) -> Iterator[Missing]:
    """No accelerator (`memory_gb` None), or one that is too small for the default options."""
    if memory_gb is None:
        if not card.on_cpu:
            yield Missing("model.missing-gpu", f"no GPU here; it needs one of {card.vram_gb:g} GB")
    elif memory_gb < card.vram_gb:
        yield Missing("model.missing-memory", f"the GPU has {memory_gb:.0f} GB; it needs {card.vram_gb:g} GB")


def missing_cuda(device: str, what: str = "") -> Iterator[Missing]:
    """A GPU that is asked for by name, as `device` ("cuda", "cuda:1") or by `what` needs one, and is not here."""
    if device.startswith("cuda") and accelerator_gb() is None:
        yield Missing("model.missing-gpu", f"no GPU here; {what or f'device = {device!r}'} needs one")


def missing_program(program: str) -> Iterator[Missing]:
    """A program or interpreter that cannot be started."""
    if shutil.which(program) is None:
        yield Missing("model.missing-program", f"{program} is no program here")


def accelerator_gb() -> float | None:
    """Memory of the largest NVIDIA GPU of this machine, None without one.

    Asked of the driver: the torch of this process may be one without CUDA, while the model has an environment of its
    own.
    """
    try:
        sizes = [float(line) for line in _driver_says("memory.total")]
    except ValueError:
        return None
    return max(sizes) * MIB / 1e9 if sizes else None


def accelerator_name() -> str:
    """Name of the first NVIDIA GPU of this machine (`NVIDIA H100 80GB HBM3`), "" without one."""
    return next(iter(_driver_says("name")), "")


def _driver_says(what: str) -> tuple[str, ...]:
    """A line for each GPU, none where there is no driver or it does not answer."""
    program = shutil.which("nvidia-smi")
    return _asked(program, what) if program else ()


@lru_cache
def _asked(program: str, what: str) -> tuple[str, ...]:
    """Once a process: it takes a tenth of a second and more, and is asked for with every batch."""
    asked = [program, f"--query-gpu={what}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(done.stdout.splitlines())


def marker_text(revision: str, files: Mapping[str, int], folder: str = "") -> str:
    """The marker of a download that is whole; `folder` where the files lie elsewhere, in the hub's own cache."""
    return json.dumps({"revision": revision, "files": dict(files), **({"folder": folder} if folder else {})})
