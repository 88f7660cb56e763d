"""`meshmill run`: make every row of a manifest that is not made yet."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import logging
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flows.commands.answers import OK, TOO_MANY_INVALID, complain
from flows.commands.arguments import Commands, add_columns, positive, positive_number, rounds, share
from flows.progress import ORDER, Progress, ProgressLine, clock

if TYPE_CHECKING:
    from flows.run import RunConfig, Summary

    Flow = Callable[[RunConfig], Summary]


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("run", help="make every row of a manifest that is not made yet")
    add_run_options(parser)
    parser.add_argument(
        "--max-gpu-hours", type=positive_number, default=None, metavar="HOURS", help="of all runs into --out together"
    )
    parser.add_argument(
        "--max-cost", type=positive_number, default=None, metavar="COST", help="the same by the recipe's [prices]"
    )
    parser.set_defaults(handler=run)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The manifest, and how its rows are made."""
    parser.add_argument("manifest", help="CSV, Parquet or JSON lines; a path or an fsspec URL")
    parser.add_argument("--recipe", default="game-ready", help="a shipped recipe's name or a TOML file")
    parser.add_argument("--out", default=None, help="folder or s3:// prefix (default: out/<manifest name>)")
    parser.add_argument("--engine", choices=("auto", "inline"), default="auto")
    parser.add_argument("--max-invalid", type=share, default=1.0, metavar="SHARE", help="stop above this share, 0..1")
    parser.add_argument("--limit", type=positive, default=None, metavar="N", help="only the first N rows")
    parser.add_argument("--seed", type=int, default=0, help="of the run; a row's own seed wins")
    parser.add_argument(
        "--input-root", action="append", default=[], metavar="PREFIX", help="also read inputs below this"
    )
    parser.add_argument(
        "--auto-fix", type=rounds, default=None, metavar="N", help="do what the gate suggests, N rounds"
    )
    add_columns(parser)
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")


def run(options: argparse.Namespace) -> int:
    """Run it and print the summary."""
    from flows.run import RunConfig

    out = options.out or f"out/{Path(options.manifest).name.split('.')[0]}"
    roots = tuple(options.input_root)
    config = RunConfig(
        options.manifest,
        options.recipe,
        out,
        options.max_invalid,
        options.limit,
        options.seed,
        roots,
        auto_fix=options.auto_fix,
        columns=tuple(options.column),
        max_gpu_hours=options.max_gpu_hours,
        max_cost=options.max_cost,
    )
    return carry_out(config, options, as_flow)


def carry_out(config: RunConfig, options: argparse.Namespace, flow: Flow) -> int:
    """Make what is missing, with `flow` unless --engine inline, and print the summary."""
    from flows.execute import rows_to_expect
    from flows.run import TooManyInvalid, already_done

    try:
        with contextlib.redirect_stdout(sys.stderr):  # Ray tells of dead actors there; stdout is the summary's alone
            summary = already_done(config) or start(config, options.engine, Progress(rows_to_expect(config)), flow)
    except TooManyInvalid as error:
        return complain(f"stopped: {error} (--max-invalid {options.max_invalid:g})", TOO_MANY_INVALID)
    print(json.dumps(summary.to_dict()) if options.json else describe(summary, config.out))
    return OK


def start(config: RunConfig, engine: str, progress: Progress, flow: Flow) -> Summary:
    """Make what is missing: alone with `inline`, else as a Prefect run with Ray and Dask."""
    from flows.execute import Prepared, engine_for, execute, prepared

    api = contextlib.nullcontext if engine == "inline" else start_api
    # stdout is for the summary alone: Ray prints there when an actor dies
    with redirect_stdout(sys.stderr), api(), engine_for(engine) as running, ProgressLine(progress):
        token = prepared.set(Prepared(running, progress))
        try:
            if engine == "inline":
                with ThreadPoolExecutor(2) as pool:  # as many chunks as a run has in its window
                    return execute(config, engine, lambda work: pool.submit(work.run))
            quiet_prefect()
            return flow(config)
        finally:
            prepared.reset(token)


def start_api() -> contextlib.AbstractContextManager[None]:
    """Prefect's server, before anything else that can start beside it: it takes longest, 3.4 CPU-s in one process."""
    from flows.prefect_server import prefect_api

    return prefect_api()


def quiet_prefect() -> None:
    """Leave out what Prefect would print of an error that becomes one line here."""
    importlib.import_module("flows.generate")  # Prefect sets its loggers up when it is imported: levels hold after that
    if not os.environ.get("MESHMILL_DEBUG"):
        for name in ("prefect.flow_runs", "prefect.task_runs"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def as_flow(config: RunConfig) -> Summary:
    """The run as a Prefect flow run."""
    from flows.generate import generate
    from flows.run import Summary

    run = partial(generate, config.manifest, config.recipe, config.out, "auto")
    roots = list(config.input_roots)
    columns = dict(config.columns)
    chosen = partial(run, config.max_invalid, config.limit, config.seed, roots, config.auto_fix, columns)
    return Summary.from_dict(chosen(config.max_gpu_hours, config.max_cost))


def describe(summary: Summary, out: str) -> str:
    """The lines a person reads at the end."""
    made = sum(summary.outcomes.values())
    parts = [f"{summary.outcomes[name]} {name}" for name in ORDER if summary.outcomes.get(name)]
    rows = f"{summary.rows} row{'s' * (summary.rows != 1)}"
    lines = [f"{rows}: {', '.join(parts) or 'nothing to do'} in {clock(summary.seconds)}"]
    if summary.skipped:
        lines.append(f"{summary.skipped} were in the ledger already")
    if summary.gpu_hours:
        cost = f", {summary.cost:.2f} {summary.currency}".rstrip() if summary.cost else ""
        lines.append(f"{summary.gpu_hours:.3g} GPU-hours{cost}")
    lines.append(f"assets  {out}/assets")
    lines.append(f"ledger  {out}/ledger/*.parquet   (meshmill ledger {out} --json)")
    lines.append(f"report  {summary.report or out + '/report/index.html'}")
    return "\n".join(lines) if made or summary.skipped else lines[0]
