"""Rows of a mesh table through a curation recipe whose products cost nothing: what one driver carries for each.

The table is as Objaverse's: id, file, licence, source, sha256, title. A hundredth of the rows has a licence that the
recipe refuses, a hundredth repeats a file, one in twenty is rejected by the gate. ROWS=10000000 is the long run.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from million import ROWS, InstantEngine, driver

from flows.jobs import Processed
from manifests.ledger_row import Output

RECIPE = Path(__file__).parents[1] / "datasets" / "curation" / "dora.toml"
FILES = 1000
MEASURES = [f"measure_{i}" for i in range(8)]
PRODUCT = Output("vecset", 0, "assets/noop/product.npz", 1000, hashlib.sha256(bytes(1000)).hexdigest())
HEADER = "id,mesh,license,source,sha256,title\n"


class InstantCuration(InstantEngine):
    """A gate's measures, a caption and one product a row, none of which was made."""

    def answer(self, number: int) -> Processed:
        metrics = {name: (number + place) * 0.37 for place, name in enumerate(MEASURES)}
        timings = {"read": 0.011, "gate": 0.012, "watertight": 0.16, "vecset": 1.3, "write": 0.004}
        if number % 20 == 0:
            return Processed("rejected", ("gate.planar",), "gate.planar: 0.001", metrics, {}, (), timings)
        return Processed("passed", (), "", metrics, {"caption_short": "oak chair"}, (PRODUCT,), timings)


def line(number: int) -> str:
    """A row of the table."""
    digest = hashlib.sha256(str(number - (number % 100 == 99)).encode()).hexdigest()
    licence = "CC-BY-NC-4.0" if number % 100 == 50 else "CC-BY-4.0"
    return f"{number:032x},meshes/{number % FILES:03}.glb,{licence},objaverse,{digest},Oak chair {number}\n"


def measure() -> Iterator[Figure]:
    """The driver's figures, as for rows with prompts."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "meshes").mkdir()
        for number in range(FILES):
            (folder / "meshes" / f"{number:03}.glb").write_bytes(bytes(number + 1))
        with (folder / "table.csv").open("w") as stream:
            stream.write(HEADER)
            stream.writelines(map(line, range(ROWS)))
        recipe = folder / "dora.toml"
        recipe.write_text(RECIPE.read_text() + '\n[licences]\nallow = ["CC0-1.0", "CC-BY-4.0"]\n')
        yield from driver(folder / "table.csv", str(recipe), InstantCuration)


if __name__ == "__main__":
    main(measure, __doc__ or "")
