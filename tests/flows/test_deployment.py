"""prefect.yaml as a user meets it: a real server, `prefect deploy`, a real worker that runs the flow."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from services import prefect_server

from manifests.ledger import Ledger
from manifests.store import Store

ROOT = Path(__file__).parents[2]
PREFECT = str(Path(sys.executable).parent / "prefect")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def prefect(env: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([PREFECT, *arguments], env=env, cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of clients of a real Prefect server with a database of its own."""
    home = tmp_path_factory.mktemp("prefect")
    env = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_CLI_PROMPT": "false", "COLUMNS": "300"}
    env |= {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    with prefect_server(home, env) as url:
        yield {**env, "PREFECT_API_URL": url}


def test_the_schedule_is_ours() -> None:
    deployments = {each["name"]: each for each in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
    crons = {name: [each["cron"] for each in of.get("schedules", ())] for name, of in deployments.items()}
    assert crons["nightly"] == ["0 2 * * *"]
    assert crons["weekly-curation"] == ["0 4 * * 0"]
    assert crons["hourly-publish"] == ["30 * * * *"]
    assert not deployments["hourly-publish"]["parameters"]["live"]
    for each in deployments.values():
        for name in ("manifest", "recipe"):
            value = each["parameters"].get(name, "")
            assert "/" not in value or (ROOT / value).is_file()


def test_a_worker_runs_the_deployment(server: dict[str, str], tmp_path: Path) -> None:
    manifest = tmp_path / "rows.csv"
    manifest.write_text("id,prompt\none,a red chair\ntwo,a giraffe\n")
    parameters = {"manifest": str(manifest), "out": str(tmp_path / "out"), "engine": "inline", "recipe": "web-ar"}
    prefect(server, "work-pool", "create", "meshmill", "--type", "process")
    prefect(server, "deploy", "--name", "nightly")
    deployment = ask(server, "GET", "deployments/name/generate/nightly")
    assert [schedule["schedule"]["cron"] for schedule in deployment["schedules"]] == ["0 2 * * *"]
    # The run of now is ours; those of the schedule lie ahead, and the worker leaves them alone.
    created = ask(server, "POST", f"deployments/{deployment['id']}/create_flow_run", {"parameters": parameters})
    prefect(server, "worker", "start", "--pool", "meshmill", "--run-once", "--limit", "1")
    rows = {row["id"]: row["outcome"] for row in Ledger(Store(str(tmp_path / "out"))).rows()}
    assert rows == {"one": "passed", "two": "rejected"}
    assert (tmp_path / "out" / "report" / "index.html").is_file()
    assert ask(server, "GET", f"flow_runs/{created['id']}")["state"]["type"] == "COMPLETED"


def ask(env: dict[str, str], method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """An answer of the server's API."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{env['PREFECT_API_URL']}/{path}", data, {"Content-Type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    return found
