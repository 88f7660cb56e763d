"""Alarms in Prefect: an event where too many rows of a run fail, and the automations that answer it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from manifests.errors import UsageError

if TYPE_CHECKING:
    from prefect.automations import Automation

MANY = "meshmill.run.many-failures"
ENDINGS = {"prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.TimedOut"}
BROKEN = ("failed", "quarantined")  # a rejected row is an answer, not a failure
ROWS, RUNS = "meshmill: many rows fail", "meshmill: runs fail"
RUNS_BEFORE, WITHIN = 3, timedelta(hours=24)  # of one deployment


def tell(out: str, outcomes: Mapping[str, int], most: float) -> bool:
    """Emit the event when more than `most` of the rows made now broke; whether it was. Nothing outside a flow run."""
    from prefect.context import FlowRunContext
    from prefect.events import emit_event

    made, broken = sum(outcomes.values()), sum(outcomes.get(name, 0) for name in BROKEN)
    if FlowRunContext.get() is None or broken <= most * made:
        return False
    said = f"{broken} of {made} rows failed in {out}"
    payload = {"out": out, "made": made, "broken": broken, "outcomes": dict(outcomes), "message": said}
    emit_event(MANY, {"prefect.resource.id": f"meshmill.run.{out}", "prefect.resource.name": out}, payload=payload)
    return True


def set_alarms(notify: str = "", pause: bool = False) -> list[str]:
    """Create the two automations at the Prefect server, or bring them up to date; their names.

    `notify` is a notification block, TYPE/NAME, that is told; with `pause` a deployment whose runs fail one after the
    other is paused. Raises UsageError where there is no such block, or nothing to do.
    """
    names = []
    for wanted in automations(_actions(notify), _paused() if pause else []):
        found = _existing(wanted.name)
        if found is None:
            wanted.create()
        else:
            wanted.id = found.id
            wanted.update()
        names.append(wanted.name)
    return names


def automations(told: list[Any], paused: list[Any]) -> list[Automation]:
    """Many rows of a run fail: who is told; runs of a deployment fail one after the other: who is told, and a pause."""
    from prefect.automations import Automation
    from prefect.events.schemas.automations import EventTrigger, Posture

    rows = EventTrigger(
        expect={MANY},
        match={"prefect.resource.id": "meshmill.run.*"},
        posture=Posture.Reactive,
        threshold=1,
    )
    runs = EventTrigger(
        expect=ENDINGS,
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related={"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.meshmill"},
        for_each={"related:deployment:prefect.resource.id"},
        posture=Posture.Reactive,
        threshold=RUNS_BEFORE,
        within=WITHIN,
    )
    both = [(ROWS, rows, told), (RUNS, runs, [*told, *paused])]
    wanted = [Automation(name=name, trigger=trigger, actions=actions) for name, trigger, actions in both if actions]
    if not wanted:
        raise UsageError("alarms: say whom to tell (--notify TYPE/NAME, a notification block), or --pause")
    return wanted


def _actions(notify: str) -> list[Any]:
    from prefect.client.orchestration import get_client
    from prefect.events.actions import SendNotification
    from prefect.exceptions import ObjectNotFound

    if not notify:
        return []
    kind, _, name = notify.partition("/")
    try:
        with get_client(sync_client=True) as client:
            block = client.read_block_document_by_name(name, kind, include_secrets=False)
    except ObjectNotFound as error:
        raise UsageError(f"alarms: Prefect has no block {notify!r}; `prefect block ls` lists them") from error
    body = "{{ event.payload.message or event.event }} ({{ event.resource.id }})"
    return [SendNotification(block_document_id=block.id, subject="{{ automation.name }}", body=body)]


def _paused() -> list[Any]:
    from prefect.events.actions import PauseDeployment

    return [PauseDeployment(source="inferred", deployment_id=None)]


def _existing(name: str) -> Automation | None:
    from prefect.automations import Automation

    try:
        found: Any = Automation.read(name=name)  # a coroutine inside an event loop alone
    except ValueError:
        return None
    return cast(Automation, found)
