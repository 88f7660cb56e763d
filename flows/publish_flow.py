"""The publish flow: what a schedule or a worker runs to send passed assets to their targets."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from pydantic import Field

from flows.artifacts import table
from flows.publish import Outcome, PublishConfig, publish
from flows.publish_targets.registry import TARGETS, options_of
from manifests.errors import UsageError, nearest

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Limit = Annotated[int, Field(ge=1)]


class TooManyFailures(RuntimeError):
    """More assets failed than the flow allows; the run fails, so that automations and people hear of it."""


@task(name="target", retries=2, retry_delay_seconds=[60, 600], cache_policy=NO_CACHE, tags=["publish"])
def one_target(config: PublishConfig) -> dict[str, Any]:
    """One target; where it is away it is tried again, from where the log says it stopped."""
    outcome = publish(config)
    _show(outcome)
    if outcome.stopped:
        raise RuntimeError(f"{outcome.target} was left before the end: {outcome.stopped}")
    return outcome.to_dict()


@flow(name="publish")
def publish_assets(
    out: str,
    targets: list[str],
    config: str | None = None,
    approved: bool = True,
    where: str | None = None,
    limit: Limit | None = None,
    live: bool = False,
    max_failed: Share = 0.2,
) -> dict[str, Any]:
    """Send what passed and was approved, and is not there yet, to each target; `config` is a TOML file of options.

    One target's trouble keeps no other from being served. Raises TooManyFailures when more than `max_failed` of the
    assets that were sent failed.
    """
    for target in targets:
        if target not in TARGETS:
            raise UsageError(f"unknown target {target!r}{nearest(target, TARGETS)}")
    asked = [PublishConfig(out, target, options_of(config, target), approved, where, limit, live) for target in targets]
    states = [one_target(each, return_state=True) for each in asked]
    told: dict[str, Any] = {
        target: state.result(raise_on_failure=False) for target, state in zip(targets, states, strict=True)
    }
    away = {target: each for target, each in told.items() if isinstance(each, BaseException)}
    counts = {target: each["counts"] for target, each in told.items() if target not in away}
    failed = sum(each.get("failed", 0) for each in counts.values())
    sent = failed + sum(each.get(word, 0) for each in counts.values() for word in ("draft", "published"))
    if away:
        raise TooManyFailures("; ".join(str(error) for error in away.values()))
    if failed > max_failed * sent:
        raise TooManyFailures(f"{failed} of {sent} assets failed")
    return counts


def _show(outcome: Outcome) -> None:
    rows: list[dict[str, Any]] = [{"asset": "", "what": word, "why": n} for word, n in sorted(outcome.counts.items())]
    rows += [{"asset": each.id, "what": each.code, "why": each.why} for each in outcome.told]
    table(f"publish-{outcome.target}", rows, f"What became of the assets that {outcome.target} was to have")
