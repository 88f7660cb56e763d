"""The corpus: every sound asset as it is, and each fault planted in several of them, as files and one manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from zlib import crc32

import numpy as np
from bases import Base, bases, write_manifest
from faults import FAULTS, Fault
from numpy.random import Generator
from raw_files import WRITERS

from ml.asset import Asset
from tasks.thumbnail import ThumbnailOptions, thumbnail

TIMES = 5  # each fault
ANY_SIZE = ("", "boat", "cactus", "house", "mushroom", "rock", "rocket", "tower", "tree")  # real ones differ tenfold
MOST_TRIES = 40  # bases looked at before a fault that fits none is an error


@dataclass(frozen=True)
class Case:
    """One row of the manifest: a sound asset (fault None) or one with a fault."""

    id: str
    base: Base
    fault: Fault | None
    file: str
    columns: dict[str, str] = field(default_factory=dict)


def make_corpus(folder: Path, seed: int) -> list[Case]:
    """The cases, clean ones first; their files and `rows.csv` lie in `folder`."""
    sound = list(bases(folder, seed))
    cases = [clean_case(base, folder) for base in sound]
    cases += [case for fault in FAULTS for case in planted_cases(fault, sound, folder, seed)]
    write_manifest(folder / "rows.csv", [manifest_row(case) for case in cases])
    return cases


def manifest_row(case: Case) -> dict[str, str]:
    """The line of the manifest."""
    base = case.base
    row = {"id": case.id, "prompt": base.prompt, "category": base.category, "profile": base.profile, "mesh": case.file}
    return row | case.columns


def clean_case(base: Base, folder: Path) -> Case:
    """The base as it is, in the format its customers use."""
    form = "stl" if base.profile.startswith("print") else "glb"
    name = f"clean-{base.name}"
    return Case(name, base, None, write(base.asset, folder / f"{name}.{form}"), stl_columns(base.asset, form))


def planted_cases(fault: Fault, sound: Sequence[Base], folder: Path, seed: int) -> Iterator[Case]:
    """TIMES assets with the fault, in as many different bases of its customer as there are."""
    rng = np.random.default_rng([seed, crc32(fault.name.encode())])
    fitting = [base for base in sound if base.profile == fault.profile]
    if fault.row == "category":
        fitting = [base for base in fitting if base.category not in ANY_SIZE]
    if fault.row == "other prompt":
        fitting = [base for base in fitting if base.prompt]
    made = 0
    for base in islice(cycle(rng.permutation(len(fitting))), MOST_TRIES):
        try:
            yield planted_case(fault, fitting[base], made, folder, rng, sound)
        except ValueError:  # there is nothing on this base that the fault could befall
            continue
        made += 1
        if made == TIMES:
            return
    raise RuntimeError(f"{fault.name} fits only {made} of {len(fitting)} bases")


def planted_case(fault: Fault, base: Base, index: int, folder: Path, rng: Generator, sound: Sequence[Base]) -> Case:
    """One asset with the fault; raises ValueError for a base that has nothing it could befall."""
    asset = fault.plant(base.asset, rng)
    name = f"{fault.name.replace(' ', '-')}-{index}"
    columns = stl_columns(asset, fault.form) | row_columns(fault, base, folder / name, rng, sound)
    return Case(name, base, fault, write(asset, folder / f"{name}.{fault.form}"), columns)


def write(asset: Asset, path: Path) -> str:
    """The file, its name taken from where the manifest lies."""
    path.write_bytes(WRITERS[path.suffix[1:]](asset))
    return path.name


def stl_columns(asset: Asset, form: str) -> dict[str, str]:
    """What a row has to say about a file without a unit."""
    return {"up_axis": "z", "height_m": f"{np.ptp(asset.bounds(), axis=0)[1]:.6f}"} if form == "stl" else {}


def row_columns(fault: Fault, base: Base, path: Path, rng: Generator, sound: Sequence[Base]) -> dict[str, str]:
    """What the row says of the asset that the file does not keep."""
    if fault.row == "size":
        width, height, _ = np.ptp(base.asset.bounds(), axis=0)
        return {"width_m": f"{width:.6f}", "height_m": f"{height:.6f}"}
    if fault.row.startswith("other"):
        others = [other for other in sound if other.category and other.category != base.category]
        other = others[rng.integers(len(others))]
        if fault.row == "other prompt":
            return {"prompt": other.prompt, "category": other.category}
        picture = path.with_suffix(".jpg")
        picture.write_bytes(thumbnail(other.asset, ThumbnailOptions()))
        return {"image": picture.name}
    return {}
