"""Where a training goes on after a kill: folders of safetensors and JSON that are there whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ml.alignment.tensors import read_tensors, write_tensors
from ml.asset import InputError

STEP = "written_at_step"  # beside the weights in each of their files
KEPT = 2  # checkpoints; the older one in case a disk fails the newer
FILE_BYTES = 15 << 20  # of a file of shipped weights: the most that a lent machine gives back is 16 MiB


def captured(model: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Copies on the CPU of the weights, their average and the optimiser's moments, by the weights' names."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    for name, weight in model.named_parameters():
        moments = optimiser.state.get(weight, {})
        tensors |= {f"optimiser.{name}.{key}": value for key, value in moments.items()}
    return {name: value.detach().to("cpu", copy=True) for name, value in tensors.items()}


def restored(
    tensors: Mapping[str, Tensor], model: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer
) -> None:
    """Put back what `captured` took; raises InputError `training.other-recipe` where the networks differ."""
    try:
        model.load_state_dict(_below(tensors, "model."))
        average.load_state_dict(_below(tensors, "average."))
    except RuntimeError as error:
        raise InputError("training.other-recipe", f"the checkpoint is of another network: {error}") from error
    for name, weight in model.named_parameters():
        moments = _below(tensors, f"optimiser.{name}.")
        if moments:  # the count of steps too: a fused optimiser has it on the device
            optimiser.state[weight] = {key: value.to(weight.device, copy=True) for key, value in moments.items()}


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


class Checkpoints:
    """Checkpoints of one stage in `folder`: `step-000001200/` holds tensors.safetensors and state.json.

    A folder is written in a thread under another name and renamed when all of it is on the disk; steps go on meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def save(self, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Begin to write; `wait` for the one before. Raises OSError of the one before."""
        self.wait()
        self._thread = threading.Thread(target=self._write, args=(step, dict(tensors), dict(state)), name="checkpoint")
        self._thread.start()

    def wait(self) -> None:
        """Until what was begun is on the disk; raises OSError where it could not be written."""
        if self._thread:
            self._thread.join()
            self._thread = None
        if self._error:
            error, self._error = self._error, None
            raise error

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Tensors and state of the newest checkpoint; None where there is none."""
        folders = self._folders()
        if not folders:
            return None
        arrays = read_tensors(folders[-1] / "tensors.safetensors")
        tensors = {name: torch.from_numpy(values.copy()) for name, values in arrays.items()}
        return tensors, json.loads((folders[-1] / "state.json").read_text())

    def any(self) -> bool:
        """Whether there is one."""
        return bool(self._folders())

    def _folders(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("step-*") if path.suffix != ".part")

    def _write(self, step: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        try:
            final = self.folder / f"step-{step:09d}"
            part = final.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            write_tensors(part / "tensors.safetensors", {name: value.numpy() for name, value in tensors.items()})
            (part / "state.json").write_text(json.dumps(state, indent=2) + "\n")
            for path in (*part.iterdir(), part):
                _to_disk(path)
            shutil.rmtree(final, ignore_errors=True)
            part.rename(final)
            _to_disk(self.folder)
            for old in self._folders()[:-KEPT]:
                shutil.rmtree(old, ignore_errors=True)
        except BaseException as error:  # `wait` raises it in the thread of the steps
            self._error = error


def _to_disk(path: Path) -> None:
    place = os.open(path, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def write_weights(
    folder: Path, weights: Mapping[str, Tensor], step: int = 0, file_bytes: int = FILE_BYTES
) -> list[Path]:
    """The weights as float16, in files `weights-1.safetensors` … of about `file_bytes` each; a tensor is in one file.

    Integers stay as they are. Older files of the folder that are not written again are deleted. Each file says of
    which step it is, so that a kill between two of them is noticed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: list[dict[str, Any]] = [{}]
    filled = 0
    for name, value in weights.items():
        array = value.detach().cpu()
        values = (array.half() if array.is_floating_point() else array).numpy()
        if filled and filled + values.nbytes > file_bytes:
            files.append({})
            filled = 0
        files[-1][name] = values
        filled += values.nbytes
    paths = [folder / f"weights-{at + 1}.safetensors" for at in range(len(files))]
    for path, arrays in zip(paths, files, strict=True):
        write_tensors(path, arrays | {STEP: np.array(step, np.int64)})
    for old in set(folder.glob("weights-*.safetensors")) - set(paths):
        old.unlink()
    return paths


def read_weights(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    """What `write_weights` wrote, as it is in the files.

    Raises InputError `weights.missing`, `weights.unreadable`, and `weights.mixed` for files of several steps.
    """
    files = [read_tensors(path) for path in sorted(folder.glob("weights-*.safetensors"))]
    if not files:
        raise InputError("weights.missing", f"no weights in {folder.name}")
    if len({int(arrays.pop(STEP, np.array(0))) for arrays in files}) > 1:
        raise InputError("weights.mixed", f"the files of {folder.name} are not of one training step")
    return {name: values for arrays in files for name, values in arrays.items()}
