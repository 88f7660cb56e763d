"""Refinements as asked: instructions on drawn and imported assets, measured apart, and what one costs."""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from meshes import REAL, ROOT
from refine_cases import CASES, Case

from ml.asset import Asset, InputError
from ml.generators.procedural import Procedural, ProceduralOptions
from ml.generators.protocol import Request
from ml.prompt import parse_prompt
from ml.readers.gltf import read_glb
from ml.readers.registry import read_mesh
from ml.sources import Source
from tasks.clean import CleanOptions
from tasks.glb import encode_glb
from tasks.orient import OrientOptions
from tasks.refinement import Origin, framed, refine
from tasks.scale import ScaleOptions

FRAME = (("clean", CleanOptions()), ("orient", OrientOptions()), ("scale", ScaleOptions()))
OPTIONS = ProceduralOptions()
SEED = 7
EXAMPLES = ROOT / "manifests" / "examples" / "inputs" / "meshes"


def folder_of(name: str) -> Path | None:
    """Where a mesh file lies; None where it is not there, and for a prompt."""
    return next((folder for folder in (EXAMPLES, REAL) if (folder / name).is_file()), None)


@cache
def parent(name: str) -> tuple[Asset, Origin]:
    """The raw mesh of a prompt or a file, as a run leaves it in the store, and how it came about."""
    folder = folder_of(name)
    if folder is not None:
        return read_mesh(Source(str(folder / name), str(folder))), Origin(FRAME)
    request = Request(name, SEED, parse_prompt(name))
    drawn = Procedural(OPTIONS).generate([request])[0]
    assert isinstance(drawn, Asset), f"{name} is refused"
    return read_glb(encode_glb(drawn)), Origin(FRAME, request, OPTIONS, FRAME)


def ended(case: Case) -> tuple[str, float, str]:
    """(as asked, refused, wrong; CPU seconds; what to say of it)."""
    raw, origin = parent(case.asset)
    started = time.process_time()
    try:
        after = refine(raw, origin, case.instruction, case.region)
    except InputError as error:
        seconds = time.process_time() - started
        return ("refused" if case.test else "as asked"), seconds, f"{error.code}: {error.message[:80]}"
    seconds = time.process_time() - started
    before = framed(raw, FRAME)
    good = case.test is not None and case.test(before, after)
    return ("as asked" if good else "wrong"), seconds, after.notes["refined"]


def measure() -> Iterator[Figure]:
    """Every case, twice for its cost: the first pass compiles."""
    there = [
        case for case in CASES if "." not in case.asset or any((f / case.asset).is_file() for f in (EXAMPLES, REAL))
    ]
    if len(there) < len(CASES):
        print(f"{len(CASES) - len(there)} cases left out: {REAL} does not hold their meshes", file=sys.stderr)
    for case in there:
        ended(case)
    found = [(case, *ended(case)) for case in there]
    for case, end, _, said in found:
        if end != "as asked":
            print(f"{end}: {case.instruction!r} on {case.asset!r}: {said}", file=sys.stderr)
    possible = [row for row in found if row[0].test]
    counts = Counter(end for _, end, *_ in possible)
    kinds = len({case.asset for case, *_ in possible})
    label = f"{len(possible)} instructions on {kinds} assets"
    yield Figure(f"{label}: carried out as asked", 100 * counts["as asked"] / len(possible), "%", 90, "higher")
    yield Figure(f"{label}: refused", counts["refused"], "refinements")
    yield Figure(f"{label}: done otherwise than asked", counts["wrong"], "refinements", 0)
    impossible = [row for row in found if not row[0].test]
    refused = sum(end == "as asked" for _, end, *_ in impossible)
    yield Figure(f"{len(impossible)} instructions that cannot be carried out: refused", refused, "refinements",
                 len(impossible), "higher")  # fmt: skip
    costs = [seconds for _, _, seconds, _ in possible]
    yield Figure("a refinement, median", statistics.median(costs), "CPU-s")
    yield Figure("a refinement, the dearest", max(costs), "CPU-s")


if __name__ == "__main__":
    main(measure, __doc__ or "")
