"""The command line: run, status, ledger, duplicates and report."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from flows.progress import ORDER, Progress, ProgressLine, clock
from manifests.errors import UsageError
from manifests.ledger import Ledger
from manifests.store import Store

if TYPE_CHECKING:
    from flows.run import RunConfig, Summary

OK, FAILED, WRONG_CALL, TOO_MANY_INVALID = 0, 1, 2, 3


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="meshmill", description="A manifest in, finished 3D assets out.")
    top.add_argument("--version", action="version", version=f"meshmill {version('meshmill')}")
    commands = top.add_subparsers(dest="command", required=True)

    run = commands.add_parser("run", help="make every row of a manifest that is not made yet")
    run.add_argument("manifest", help="CSV, Parquet or JSON lines; a path or an fsspec URL")
    run.add_argument("--recipe", default="game-ready", help="a shipped recipe's name or a TOML file")
    run.add_argument("--out", default=None, help="folder or s3:// prefix (default: out/<manifest name>)")
    run.add_argument("--engine", choices=("auto", "inline"), default="auto")
    run.add_argument("--max-invalid", type=share, default=1.0, metavar="SHARE", help="stop above this share, 0..1")
    run.add_argument("--limit", type=positive, default=None, metavar="N", help="only the first N rows")
    run.add_argument("--seed", type=int, default=0, help="of the run; a row's own seed wins")
    run.add_argument("--input-root", action="append", default=[], metavar="PREFIX", help="also read inputs below this")
    run.add_argument("--auto-fix", type=rounds, default=None, metavar="N", help="do what the gate suggests, N rounds")
    run.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    run.set_defaults(handler=run_command)

    status = commands.add_parser("status", help="what the ledger holds")
    status.add_argument("out")
    status.add_argument("--json", action="store_true")
    status.set_defaults(handler=status_command)

    ledger = commands.add_parser("ledger", help="the ledger's rows")
    ledger.add_argument("out")
    ledger.add_argument("--where", help="an SQL condition, as in \"outcome = 'failed'\"")
    ledger.add_argument("--json", action="store_true", help="JSON lines, every column")
    ledger.set_defaults(handler=ledger_command)

    duplicates = commands.add_parser("duplicates", help="assets that repeat an earlier one, and rejecting them")
    duplicates.add_argument("out")
    duplicates.add_argument("--threshold", type=share, default=None, metavar="D", help="how far apart still counts")
    duplicates.add_argument("--reject", action="store_true", help="reject them in the ledger and remove their files")
    duplicates.add_argument("--json", action="store_true", help="JSON lines")
    duplicates.set_defaults(handler=duplicates_command)

    report = commands.add_parser("report", help="write the report again from the ledger")
    report.add_argument("out")
    report.set_defaults(handler=report_command)
    return top


def share(text: str) -> float:
    """A share between 0 and 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def positive(text: str) -> int:
    """A whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def rounds(text: str) -> int:
    """Rounds of auto-fix, 0 for none."""
    from manifests.recipe import MAX_ROUNDS

    value = int(text)
    if not 0 <= value <= MAX_ROUNDS:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {MAX_ROUNDS}")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. Whatever goes wrong is one line on stderr, a traceback with MESHMILL_DEBUG=1."""
    options = parser().parse_args(arguments)
    try:
        code: int = options.handler(options)
        sys.stdout.flush()
    except UsageError as error:
        return complain(str(error), WRONG_CALL)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python's last flush complains of it
        return OK
    except KeyboardInterrupt:
        return complain("interrupted; the same command goes on from here", 130)
    except Exception as error:
        if os.environ.get("MESHMILL_DEBUG"):
            raise
        return complain(f"{type(error).__name__}: {error} (MESHMILL_DEBUG=1 shows where)", FAILED)
    return code


def complain(message: str, code: int) -> int:
    """One line on stderr."""
    print(f"meshmill: {' '.join(message.split())}", file=sys.stderr)
    return code


def run_command(options: argparse.Namespace) -> int:
    """`meshmill run`."""
    from flows.run import RunConfig, TooManyInvalid, already_done

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
    )
    try:
        with contextlib.redirect_stdout(sys.stderr):  # Ray tells of dead actors there; stdout is the summary's alone
            summary = already_done(config) or start(config, options.engine, Progress(rows_to_expect(config)))
    except TooManyInvalid as error:
        return complain(f"stopped: {error} (--max-invalid {options.max_invalid:g})", TOO_MANY_INVALID)
    print(json.dumps(summary.to_dict()) if options.json else describe(summary, out))
    return OK


def rows_to_expect(config: RunConfig) -> int | None:
    """For the time left: about how many rows there are, at most --limit."""
    from manifests.estimate import estimate_rows

    rows = estimate_rows(config.manifest)
    return rows if rows is None or config.limit is None else min(rows, config.limit)


def start(config: RunConfig, engine: str, progress: Progress) -> Summary:
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
            return as_flow(config)
        finally:
            prepared.reset(token)


def start_api() -> contextlib.AbstractContextManager[None]:
    """Prefect's server, before anything else that can start beside it: it takes longest, 3.4 CPU-s in one process."""
    from flows.prefect_server import prefect_api

    return prefect_api()


def as_flow(config: RunConfig) -> Summary:
    """The run as a Prefect flow run."""
    from flows.generate import generate
    from flows.run import Summary

    if not os.environ.get("MESHMILL_DEBUG"):
        for name in ("prefect.flow_runs", "prefect.task_runs"):  # they would print what becomes one line here
            logging.getLogger(name).setLevel(logging.CRITICAL)
    run = partial(generate, config.manifest, config.recipe, config.out, "auto")
    roots = list(config.input_roots)
    return Summary.from_dict(run(config.max_invalid, config.limit, config.seed, roots, config.auto_fix))


def describe(summary: Summary, out: str) -> str:
    """The lines a person reads at the end."""
    made = sum(summary.outcomes.values())
    parts = [f"{summary.outcomes[name]} {name}" for name in ORDER if summary.outcomes.get(name)]
    rows = f"{summary.rows} row{'s' * (summary.rows != 1)}"
    lines = [f"{rows}: {', '.join(parts) or 'nothing to do'} in {clock(summary.seconds)}"]
    if summary.skipped:
        lines.append(f"{summary.skipped} were in the ledger already")
    lines.append(f"assets  {out}/assets")
    lines.append(f"ledger  {out}/ledger/*.parquet   (meshmill ledger {out} --json)")
    lines.append(f"report  {summary.report or out + '/report/index.html'}")
    return "\n".join(lines) if made or summary.skipped else lines[0]


def status_command(options: argparse.Namespace) -> int:
    """`meshmill status`."""
    counts = Ledger(Store(options.out)).summary()
    if options.json:
        print(json.dumps(asdict(counts)))
        return OK
    print(f"{counts.rows} rows in {options.out}")
    for name, count in [*counts.outcomes.items(), *counts.reasons.items()]:
        print(f"  {count:>8} {name}")
    return OK


def ledger_command(options: argparse.Namespace) -> int:
    """`meshmill ledger`."""
    for row in Ledger(Store(options.out)).rows(options.where):
        if options.json:
            print(json.dumps(row, ensure_ascii=False))
        else:
            print(f"{row['outcome']:<12} {row['id']:<32} {','.join(row['reasons']):<24} {row['message']}")
    return OK


def duplicates_command(options: argparse.Namespace) -> int:
    """`meshmill duplicates`."""
    from flows.duplicates import find_repeats, reject_repeats
    from flows.reporting import rewrite_report
    from tasks.duplicates import THRESHOLD

    store = Store(options.out)
    repeats = find_repeats(store, THRESHOLD if options.threshold is None else options.threshold)
    for each in repeats:
        fields = {**asdict(each), "code": each.code}
        print(json.dumps(fields) if options.json else f"{each.code:<16} {each.distance:<8.4f} {each.id} is {each.of}")
    if options.reject:
        reject_repeats(store, repeats)
        print(f"{len(repeats)} rejected; report {rewrite_report(store)}", file=sys.stderr)
    return OK


def report_command(options: argparse.Namespace) -> int:
    """`meshmill report`."""
    from flows.reporting import rewrite_report

    print(rewrite_report(Store(options.out)))
    return OK


if __name__ == "__main__":
    sys.exit(main())
