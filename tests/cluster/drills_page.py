"""The page of the cluster's drills, written from what each run kept: never from what somebody typed."""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from disturb import DISTURBANCES

BENCH = Path(__file__).parents[2] / "bench"
KEPT, PAGE = BENCH / "results" / "cluster_drills.json", BENCH / "DRILLS_CLUSTER.md"
HEAD = (
    "disturbed",
    "KIND",
    "then",
    "rows",
    "lost",
    "twice",
    "begun again",
    "ledger equal",
    "store equal",
    "took",
    "on",
)
NOT_RUN, UNFINISHED = (("not run yet", *["–"] * 8), ("**did not end**", *["–"] * 7))
SAID = {True: "yes", False: "NO"}


def keep(name: str, value: Any) -> None:
    """One result beside those of earlier runs, and the page anew."""
    found = results()
    found[name] = {"on": date.today().isoformat(), **value} if isinstance(value, dict) else value
    found["cpus"] = len(os.sched_getaffinity(0))
    KEPT.write_text(json.dumps(found, indent=1) + "\n")
    PAGE.write_text(page(found))


def results() -> dict[str, Any]:
    """What runs on this checkout have kept so far."""
    found: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    return found


def table(kept: dict[str, Any]) -> str:
    """Markdown, one line a kind of disturbance."""
    lines = [[*HEAD], ["---", "---", "---", *["---:"] * (len(HEAD) - 3)]]
    lines += [[kind, f"`{do.__name__}`", *kept.get(kind, NOT_RUN)] for kind, do in DISTURBANCES.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def chaos(kept: dict[str, Any]) -> str:
    """How the rows fared under a kill a minute."""
    if not kept:
        return "Not run yet."
    killed = Counter(kept["kills"])
    names = ", ".join(name if n == 1 else f"{name} ({n} times)" for name, n in sorted(killed.items()))
    again = kept["again"]
    compared = f"ledger equal: {SAID[kept['ledger']]}, store equal: {SAID[kept['store']]}"
    return f"""**{kept["rows"]:,} rows in {kept["seconds"] / 60:.0f} minutes with {len(kept["kills"])} kills: {kept["lost"]} lost, {kept["twice"]} twice; {compared}**
(draws of seed {kept["seed"]}, {kept["on"]}). Commands given: {kept["commands"]}. Begun again: {again[0]} raw meshes, {again[1]} chains.

Killed: {names}."""  # noqa: E501


def overhead(kept: dict[str, Any]) -> str:
    """What the cluster costs beyond one process."""
    if not kept:
        return "Not run yet."
    alone, cluster, idle = kept["alone"], kept["cluster"], kept["idle"]
    groups = {
        "the process; the cluster's driver with a Ray node beside it": ("driver", "driver-2"),
        "two Ray workers": ("ray-worker", "ray-worker-2"),
        "two Dask workers": ("dask-worker", "dask-worker-2"),
        "Ray head, Dask scheduler, Prefect, Postgres": ("ray-head", "dask-scheduler", "prefect", "postgres"),
    }
    lines = ["| CPU-seconds | one process | cluster | idle, a minute |", "| --- | ---: | ---: | ---: |"]
    for name, machines in groups.items():
        one, all_, rest = (
            sum(each.get(machine, 0.0) for machine in machines) for each in (alone["cpu"], cluster["cpu"], idle)
        )
        lines.append(f"| {name} | {one:.0f} | {all_:.0f} | {60 * rest:.1f} |")
    lines.append(f"| **all** | **{sum(alone['cpu'].values()):.0f}** | **{sum(cluster['cpu'].values()):.0f}** | |")
    lines.append(f"| wall time, s | {alone['wall']:.0f} | {cluster['wall']:.0f} | |")
    more = f"**{kept['overhead']:.1f} % more CPU than one process** (bar: 10 %)"
    each = 1000 * (sum(cluster["cpu"].values()) - sum(alone["cpu"].values())) / kept["rows"]
    said = f"""{kept["rows"]:,} rows, undisturbed, {kept["on"]}: {more}. That is {each:.0f} CPU-ms a row,
whatever a row costs: where each is made in 250 it is a quarter. The store took {kept["store"]:.0f} CPU-s for both."""
    return said + "\n\n" + "\n".join(lines)


def page(kept: dict[str, Any]) -> str:
    """The tables with what they mean."""
    return f"""# Drills on a cluster

Each service of [compose.yaml](../infra/compose/compose.yaml) runs by its own command and settings on its own machine: a
network, process and mount namespace with one address, a disk of its own and everything else read-only. Machines share
nothing but the store, a one-node Ceph. Prefect keeps its rows in Postgres. Ray asks for a token, Dask for certificates.
A run is disturbed when a third of its chains have begun (Ray's when a third of the raw meshes have); then the same
command is given again until it ends well. Ledger (without timings and attempts) and every byte under `assets/` and
`store/` are compared with what one process alone makes of the same rows. All services and drivers share
{kept["cpus"]} CPUs, which others used as well. `make cluster-drills` does all and writes this page;
`python -m pytest "tests/cluster/drills.py::test_drill[KIND]"` does one line of it, KIND being its second column.

{table(kept)}

- went on: the one command that was running ended well by itself.
- begun again: raw meshes + chains that nodes which live at the end had begun twice; what a lost node had begun is gone
  with its disk.
- services that end are started again, as compose's `restart: unless-stopped` does; what else runs on their machine ends
  first.

## A kill every minute

Here and below rows are made as the recipe [web-ar](../manifests/recipes/web-ar.toml) makes them.

{chaos(kept.get("chaos", {}))}

Every minute a machine is drawn, then one of its processes, all alike, and killed with SIGKILL: driver, Prefect,
Postgres, Ray's and Dask's processes, generators, guarded children and their templates, S3 gateway and monitor. Left out
is the store's own `ceph-osd`, which holds the only copy in memory here. `python -m pytest tests/cluster/chaos.py`.

## What a cluster costs

{overhead(kept.get("overhead", {}))}

Counted by Linux (control groups): everything on a machine from the command to its end, the start of Ray's node and of
workers' children included, less what the machine takes when nothing is asked of it. Both runs were made at once, by the
same store, so that they met the same load. The same command writes this.
"""
