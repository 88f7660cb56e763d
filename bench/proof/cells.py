"""Cells of the table: an asset written in a format, its files on disk, and what each judge says of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import facts
from carries import FORMATS, Format
from compare import differences
from expected import Expected
from facts import Facts
from running import Job, run

from ml.asset import Asset, InputError
from tasks.exporters import EXPORTERS


@dataclass
class Cell:
    """One asset in one format: the main files by level, and the sentences of every judge; none means passed."""

    asset: str
    kind: str
    format: str
    files: dict[int, Path] = field(default_factory=dict)
    refusal: str = ""  # the InputError that an exporter raised: code and message
    wrong: list[str] = field(default_factory=list)
    bytes: int = 0
    off: float | None = None  # percent: mean difference of its picture to the master's
    waived: str = ""  # why no picture is compared
    cpu: float = 0.0  # of the exporter

    @property
    def outcome(self) -> str:
        """passed, failed or refused."""
        return "refused" if self.refusal else "failed" if self.wrong else "passed"


def write(name: str, kind: str, asset: Asset, work: Path, formats: Iterable[str] = FORMATS) -> Iterator[Cell]:
    """Export to the formats (all by default) that are registered, with files in WORK/FORMAT/NAME/."""
    for form_name in formats:
        form = FORMATS[form_name]
        if form.exporter in EXPORTERS:
            yield written(Cell(name, kind, form_name), asset, form, work / form_name / name)


def written(cell: Cell, asset: Asset, form: Format, folder: Path) -> Cell:
    """The cell with its files on disk, its refusal, or the exception that broke the exporter."""
    exporter = EXPORTERS[form.exporter]
    folder.mkdir(parents=True, exist_ok=True)
    start = time.process_time()
    try:
        files = exporter.write(asset, cell.asset, exporter.options(**form.options))
    except InputError as error:
        cell.refusal = f"{error.code}: {error.message}"
        return cell
    except Exception as error:
        cell.wrong.append(f"exporter: {type(error).__name__}: {error}")
        return cell
    cell.cpu = time.process_time() - start
    for file in files:
        (folder / file.name).write_bytes(file.data)
        cell.bytes += len(file.data)
        if file.name.endswith(form.suffix):
            cell.files[file.lod] = folder / file.name
    return cell


def stem(file: Path) -> Path:
    """Where a reader leaves what it found in a file, beside the images of that asset and format."""
    folder = file.parent.parent / f"{file.parent.name}.facts"
    folder.mkdir(exist_ok=True)
    return folder / file.stem


def read_back(cells: list[Cell], wanted: Mapping[str, Expected], python: Path | None = None) -> None:
    """Read every file with its format's independent reader and note what differs from the asset.

    `python` runs the readers; None is their own environment. The browser's driver is in this one.
    """
    for name, form in FORMATS.items():
        mine = [cell for cell in cells if cell.format == name and cell.files]
        jobs = [(cell, level, Job(file, stem(file))) for cell in mine for level, file in cell.files.items()]
        found: dict[str, dict[int, Facts]] = {cell.asset: {} for cell in mine}
        runner = Path(sys.executable) if form.reader == "browser" else python
        answers = run(form.reader, [job for _, _, job in jobs], python=runner)
        for (cell, level, job), answer in zip(jobs, answers, strict=True):
            if answer.error:
                cell.wrong.append(f"{form.reader}: {answer.error}")
            else:
                found[cell.asset][level] = facts.load(job.stem)
        for cell in mine:
            if found[cell.asset]:
                folder = stem(next(iter(cell.files.values()))).parent
                cell.wrong += differences(wanted[cell.asset], found[cell.asset], folder, form)
