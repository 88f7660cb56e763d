"""Every asset of the corpus in every format, read back and drawn by other programs and compared with the master."""

from __future__ import annotations

import pickle
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "proof"))

import godot
from carries import FORMATS
from cells import Cell, read_back, write
from corpus import Source, sources
from expected import Expected, expected
from figures import Figure, main
from judges import LIMIT, ask_others, draw, validate
from page import write_page

from ml.asset import Asset, InputError
from tasks.exporters import EXPORTERS
from tasks.surface import drawable

WORK = Path(__file__).parents[1] / "build" / "proof-work"
SUCCESS = 99.5  # percent of corpus × formats
GODOT = ("leveled", "oak-chair", "toy-fish", "spot", "bunny")
GODOT_EXPORTS = {"glb": {"lods": "scene"}, "gltf": {"lods": "scene"}, "fbx": {"lods": "scene", "textures": "files"}}


def assets(work: Path) -> Iterator[tuple[Source, Asset | InputError]]:
    """Every asset of the corpus, or why the generator or a step refused to make it; none of the others may fail."""
    for source in sources(work):
        try:
            yield source, source.make()
        except InputError as error:
            yield source, error


def prove(made: dict[str, tuple[str, Asset]], work: Path) -> list[Cell]:
    """The cells of all assets, by name with their kind, after every judge has spoken."""
    plain = {name: asset for name, (_, asset) in made.items()}
    wanted: dict[str, Expected] = {name: expected(asset) for name, asset in plain.items()}
    cells = [cell for name, (kind, asset) in made.items() for cell in write(name, kind, asset, work)]
    read_back(cells, wanted)
    validate(cells)
    draw(cells, plain, wanted, work)
    ask_others(cells, wanted)
    return cells


def measure() -> Iterator[Figure]:
    """The table goes to bench/FORMATS.md, its picture to bench/pictures/formats.png."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    made: dict[str, tuple[str, Asset]] = {}
    refused: dict[str, str] = {}
    for source, asset in assets(WORK):
        if isinstance(asset, InputError):
            refused[source.name] = f"{asset.code}: {asset.message}"
        else:
            made[source.name] = (source.kind, asset)
    cells = prove(made, WORK)
    (WORK / "cells.pickle").write_bytes(pickle.dumps((cells, refused)))
    write_page(cells, refused)
    yield from figures(cells)
    yield from godot_figures({name: asset for name, (_, asset) in made.items()}, WORK / "godot")


def godot_figures(assets: dict[str, Asset], work: Path) -> Iterator[Figure]:
    """Scenes with levels of detail, and bodies where an asset has them, as Godot's importer finds them."""
    if godot.command() is None:
        return
    scenes: dict[str, list[tuple[str, bytes]]] = {}
    wanted: dict[str, Asset] = {}
    for name in (name for name in GODOT if name in assets):
        for form, options in GODOT_EXPORTS.items():
            exporter = EXPORTERS[form]
            files = exporter.write(assets[name], f"{name}_{form}", exporter.options(engine="godot", **options))
            scenes[files[0].name] = [(file.name, file.data) for file in files]
            wanted[files[0].name] = assets[name]
    found = godot.import_scenes(work, scenes)
    good = 0
    for name, asset in wanted.items():
        levels = [{part.name: len(part.faces) for part in drawable(level).parts} for level in (asset, *asset.lods)]
        mapped = any(part.material.base_color_texture is not None for part in asset.parts)
        wrong = godot.complaints(found[name], levels, len(asset.collision), mapped)
        good += not wrong
        print(*(f"{name}: {text}" for text in wrong), sep="\n", end="\n" if wrong else "", file=sys.stderr)
    what = "scenes that Godot 3 imports with every level, body, material and map"
    yield Figure(what, good, f"of {len(wanted)}", len(wanted), "higher")


def figures(cells: list[Cell]) -> Iterator[Figure]:
    """Success in all and by format, the farthest picture by format, and what writing cost."""
    passed = sum(cell.outcome == "passed" for cell in cells)
    what = f"exports of {len({cell.asset for cell in cells})} assets in {len({cell.format for cell in cells})} formats"
    yield Figure(f"{what}: passed every judge", 100.0 * passed / len(cells), "%", SUCCESS, "higher")
    yield Figure("cells refused", sum(cell.outcome == "refused" for cell in cells), f"of {len(cells)}, with reasons")
    for judge in ("validator", "viewer", "three"):
        wrong = sum(any(text.startswith(judge) for text in cell.wrong) for cell in cells)
        yield Figure(f"exports that the {judge} complains of", wrong, "exports", 0)
    for name in FORMATS:
        mine = [cell for cell in cells if cell.format == name]
        if not mine:
            continue
        good = sum(cell.outcome == "passed" for cell in mine)
        yield Figure(f"{name}: passed", good, f"of {len(mine)}", len(mine), "higher")
        off = [cell.off for cell in mine if cell.off is not None]
        yield Figure(f"{name}: farthest picture from the master's, of {len(off)}", max(off), "%", LIMIT)
        yield Figure(f"{name}: CPU to write an asset with its levels", 1e3 * sum(c.cpu for c in mine) / len(mine), "ms")


if __name__ == "__main__":
    main(measure, __doc__ or "")
