"""prefect.yaml as a user meets it: a real server, `prefect deploy`, a real worker that runs the flow."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from manifests.ledger import Ledger
from manifests.store import Store

ROOT = Path(__file__).parents[2]
PREFECT = str(Path(sys.executable).parent / "prefect")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def prefect(env: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([PREFECT, *arguments], env=env, cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of clients of a real Prefect server with a database of its own."""
    home, port = tmp_path_factory.mktemp("prefect"), free_port()
    url = f"http://127.0.0.1:{port}/api"
    env = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": url,
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "COLUMNS": "300",
    }
    log = (home / "server.log").open("w")
    command = [PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2):
                break
        except OSError:
            assert process.poll() is None, (home / "server.log").read_text()[-2000:]
            time.sleep(0.3)
    yield env
    process.terminate()
    process.wait(timeout=60)
    log.close()


def test_the_schedule_is_ours() -> None:
    deployment = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"][0]
    assert deployment["schedules"] == [{"cron": "0 2 * * *", "timezone": "UTC"}]
    assert (ROOT / deployment["parameters"]["manifest"]).is_file()


def test_a_worker_runs_the_deployment(server: dict[str, str], tmp_path: Path) -> None:
    manifest = tmp_path / "rows.csv"
    manifest.write_text("id,prompt\none,a red chair\ntwo,a giraffe\n")
    parameters = {"manifest": str(manifest), "out": str(tmp_path / "out"), "engine": "inline", "recipe": "web-ar"}
    prefect(server, "work-pool", "create", "meshmill", "--type", "process")
    prefect(server, "deploy", "--name", "nightly")
    assert "generate/nightly" in prefect(server, "deployment", "ls")
    prefect(server, "deployment", "run", "generate/nightly", "--params", json.dumps(parameters))
    prefect(server, "worker", "start", "--pool", "meshmill", "--run-once", "--limit", "1")
    rows = {row["id"]: row["outcome"] for row in Ledger(Store(str(tmp_path / "out"))).rows()}
    assert rows == {"one": "passed", "two": "rejected"}
    assert (tmp_path / "out" / "report" / "index.html").is_file()
    assert last_state(server, "generate/nightly") == "COMPLETED"


def last_state(env: dict[str, str], deployment: str) -> str:
    """The state of the deployment's flow run that was not scheduled for later."""
    request = urllib.request.Request(
        env["PREFECT_API_URL"] + "/flow_runs/filter",
        data=json.dumps({"sort": "START_TIME_DESC", "limit": 1}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        runs = json.load(answer)
    state: str = runs[0]["state_type"]
    return state
