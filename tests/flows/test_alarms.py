"""Alarms at a real Prefect server with a password: a run whose rows fail, and runs that fail, reach a receiver."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import MESHMILL
from posts import receiver
from services import prefect_server

from flows.alarms import ROWS, RUNS, RUNS_BEFORE, tell

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
BLOCK = """
import sys
from prefect.blocks.notifications import CustomWebhookNotificationBlock as Webhook
said = {"subject": "{{subject}}", "body": "{{body}}"}
Webhook(name="ops", url=sys.argv[1], json_data=said).save("ops", overwrite=True)
"""
PASSWORD = "meshmill:open-sesame"
RUN = "import sys; from flows.generate import generate; generate(*sys.argv[1:4], engine='inline')"


@pytest.fixture(scope="module")
def told() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A receiver of notifications; its address and what it was told."""
    heard: list[dict[str, str]] = []

    with receiver(lambda _path, _headers, body: heard.append(json.loads(body))) as address:
        yield f"{address}/", heard


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, told: tuple[str, list[dict[str, str]]]
) -> Iterator[dict[str, str]]:
    """The environment of clients of a real server that has the block and, set twice, the alarms."""
    home = tmp_path_factory.mktemp("prefect")
    env = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_CLI_PROMPT": "false", "DO_NOT_TRACK": "1"}
    with prefect_server(home, {**env, "PREFECT_SERVER_API_AUTH_STRING": PASSWORD}) as url:
        env |= {"PREFECT_API_URL": url, "PREFECT_API_AUTH_STRING": PASSWORD}
        subprocess.run([sys.executable, "-c", BLOCK, told[0]], env=env, check=True, timeout=200)
        for _ in range(2):
            done = alarms(env, "--notify", "custom-webhook/ops", "--pause")
            assert (done.returncode, done.stdout.splitlines()) == (0, [ROWS, RUNS]), done.stderr
        yield env


def alarms(env: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([MESHMILL, "alarms", *options], env=env, capture_output=True, text=True, timeout=200)


def ask(env: dict[str, str], method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    said = {"Authorization": f"Basic {base64.b64encode(env['PREFECT_API_AUTH_STRING'].encode()).decode()}"}
    said |= {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{env['PREFECT_API_URL']}/{path}", data, said, method=method)
    for _ in range(20):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 503:  # its SQLite is busy: clients are to come again
                raise
            time.sleep(1)
    raise TimeoutError(path)


def wait(until: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_set_twice_they_stand_once(server: dict[str, str]) -> None:
    found = ask(server, "POST", "automations/filter", {})
    assert sorted(each["name"] for each in found) == [ROWS, RUNS]


def test_without_the_password_the_server_says_nothing(server: dict[str, str]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask({**server, "PREFECT_API_AUTH_STRING": "meshmill:guessed"}, "POST", "flow_runs/filter", {})


def test_a_wrong_call_is_told(server: dict[str, str]) -> None:
    for options, word in ((("--notify", "slack-webhook/none"), "slack-webhook/none"), ((), "--notify")):
        done = alarms(server, *options)
        assert done.returncode == 2
        assert word in done.stderr
    apart = {name: value for name, value in server.items() if name != "PREFECT_API_URL"}
    assert alarms({**apart, "PREFECT_HOME": server["PREFECT_HOME"] + "-none"}, "--pause").returncode == 2


def test_rows_that_fail_reach_the_receiver(
    server: dict[str, str], told: tuple[str, list[dict[str, str]]], tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text("id,prompt,mesh\na,a chair,\nb,,b.obj\nc,,c.obj\n")
    for name in "bc":
        (tmp_path / f"{name}.obj").write_text("v 0 0 0\nf 1 2 3\n")
    out = str(tmp_path / "out")
    (tmp_path / "plain.toml").write_text('[[exports]]\nuse = "glb"\n')
    command = [sys.executable, "-c", RUN, str(tmp_path / "rows.csv"), str(tmp_path / "plain.toml"), out]
    subprocess.run(command, env=server, check=True, timeout=300)
    wait(lambda: any(each["subject"] == ROWS for each in told[1]))
    (said,) = (each for each in told[1] if each["subject"] == ROWS)
    assert "2 of 3 rows failed" in said["body"]
    artifacts = {each["key"]: each for each in ask(server, "POST", "artifacts/filter", {})}
    (bar,) = (each for key, each in artifacts.items() if key.startswith("progress-"))
    assert (bar["type"], bar["data"]) == ("progress", 100.0)
    assert {"step": "failed", "rows": 2} in json.loads(artifacts["run-rows"]["data"])


def test_runs_that_fail_are_told_and_their_deployment_is_paused(
    server: dict[str, str], told: tuple[str, list[dict[str, str]]]
) -> None:
    flow = ask(server, "POST", "flows/", {"name": "generate"})
    made = [
        ask(server, "POST", "deployments/", {"name": name, "flow_id": flow["id"], "tags": tags})
        for name, tags in (("nightly", ["meshmill"]), ("another", ["meshmill"]), ("foreign", []))
    ]
    for deployment, times in zip(made, (RUNS_BEFORE, RUNS_BEFORE - 1, RUNS_BEFORE), strict=True):
        for _ in range(times):
            run = ask(server, "POST", f"deployments/{deployment['id']}/create_flow_run", {})
            failed = {"state": {"type": "FAILED", "name": "Failed"}, "force": True}
            ask(server, "POST", f"flow_runs/{run['id']}/set_state", failed)
    wait(lambda: any(each["subject"] == RUNS for each in told[1]))
    wait(lambda: ask(server, "GET", f"deployments/{made[0]['id']}")["paused"])
    assert len([each for each in told[1] if each["subject"] == RUNS]) == 1
    assert not any(ask(server, "GET", f"deployments/{each['id']}")["paused"] for each in made[1:])


def test_outside_a_flow_run_nothing_is_told() -> None:
    assert not tell("out", {"failed": 3}, 0.0)


@pytest.mark.parametrize(("failed", "alarm"), [(1, False), (2, True)])
def test_more_than_the_share_and_no_less(monkeypatch: pytest.MonkeyPatch, failed: int, alarm: bool) -> None:
    import prefect.events
    from prefect.context import FlowRunContext

    events: list[dict[str, Any]] = []
    monkeypatch.setattr(FlowRunContext, "get", lambda: object())
    monkeypatch.setattr(prefect.events, "emit_event", lambda *_, payload, **__: events.append(payload))
    assert tell("out", {"passed": 7, "rejected": 3 - failed, "quarantined": failed}, 0.1) is alarm
    assert [each["broken"] for each in events] == [failed] * alarm
