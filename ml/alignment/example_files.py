"""Training examples kept on disk in files of a few groups, so that a killed run makes none of them twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from ml.alignment.examples import Example, Studio, make_groups
from ml.alignment.train import Examples, as_examples
from ml.asset import U8

GROUPS = 50  # a file: 29 MB of 64-pixel pictures


def kept_examples(
    folder: Path, count: int, first_seed: int, studio: Studio, held: bool, workers: int, tell: Callable[[str], None]
) -> Iterator[tuple[U8, list[list[Example]]]]:
    """`count` groups from `first_seed` on, file by file: pictures and examples, made where the folder lacks them."""
    folder.mkdir(parents=True, exist_ok=True)
    end = first_seed + count
    files = {
        folder / f"{start:08d}.npy": range(start, min(start + GROUPS, end)) for start in range(first_seed, end, GROUPS)
    }
    missing = [seed for path, seeds in files.items() if not path.exists() for seed in seeds]
    made = make_groups(missing, studio, held, workers)  # of all files at once: a process takes 5 CPU-seconds to start
    for path, seeds in files.items():
        if not path.exists():
            groups = list(islice(made, len(seeds)))
            texts = [[(each.prompt, each.short, each.kind) for each in group] for group in groups]
            path.with_suffix(".json").write_text(json.dumps(texts))
            temporary = path.with_suffix(".part.npy")
            np.save(temporary, np.stack([[each.pictures for each in group] for group in groups]))
            temporary.replace(path)
            tell(f"{seeds[-1] + 1 - first_seed}/{count} groups of examples")
        pictures = np.load(path)
        texts = json.loads(path.with_suffix(".json").read_text())
        yield pictures, [_group(*each) for each in zip(texts, pictures, strict=True)]


def _group(texts: list[list[str]], pictures: U8) -> list[Example]:
    return [Example(text[0], text[1], text[2], seen) for text, seen in zip(texts, pictures, strict=True)]


def all_examples(parts: Iterator[tuple[U8, list[list[Example]]]]) -> Examples:
    """The files' groups as one set of arrays."""
    pictures, groups = zip(*parts, strict=True)
    return as_examples(np.concatenate(pictures), [[(e.prompt, e.short) for e in g] for part in groups for g in part])
