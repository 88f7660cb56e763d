"""The peers' side of bench/peer.py: python worker.py module.function FOLDER RUNS OPTIONS."""

import importlib
import json
import resource
import statistics
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main(work: str, folder: str, runs: int, options: dict) -> None:
    module, function = work.split(".")
    with np.load(f"{folder}/in.npz") as given:
        arrays = {name: given[name] for name in given.files}
    act = getattr(importlib.import_module(module), function)(arrays, **options)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    costs, made = [], {}
    for _ in range(runs):
        start = cpu()
        made = act() or {}
        costs.append(cpu() - start)
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    np.savez(f"{folder}/out.npz", **{name: np.asarray(value) for name, value in made.items()})
    cost = {"cpu": statistics.median(costs), "memory": memory}
    Path(folder, "cost.json").write_text(json.dumps(cost))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4]))
