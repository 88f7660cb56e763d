"""Every deployment of prefect.yaml names a flow that loads, and parameters that its schema accepts, others not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools import is_valid_schema, validate
from prefect.utilities.schema_tools.validation import ValidationError
from publish_rows import a_run

from flows.artifacts import funnel, plain
from flows.publish_flow import TooManyFailures, publish_assets
from manifests.errors import UsageError

ROOT = Path(__file__).parents[2]
DEPLOYMENTS: dict[str, Any] = {
    each["name"]: each for each in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
}
WRONG = {
    "nightly": {"limit": "many"},
    "hourly-publish": {"max_failed": 2.0},
    "weekly-curation": {"format": "zip"},
    "retrain-alignment": {"recipe": 5},
    "retrain-shapes": {"stage": "none"},
    "rerun": {"engine": "fast"},
}


@pytest.mark.parametrize("name", sorted(DEPLOYMENTS))
def test_parameters_are_checked_by_the_flows_schema(name: str) -> None:
    deployment = DEPLOYMENTS[name]
    flow = load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False)
    schema = parameter_schema(flow.fn).model_dump()
    is_valid_schema(schema)
    validate(deployment["parameters"], schema, raise_on_error=True)
    with pytest.raises(ValidationError):
        validate({**deployment["parameters"], **WRONG[name]}, schema, raise_on_error=True)
    assert deployment["enforce_parameter_schema"]
    assert deployment["concurrency_limit"] == 1


def test_a_flow_whose_assets_fail_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Called as a plain function: no server is needed to see what it decides."""
    store = a_run(tmp_path, range(4), files=(("fbx", ".fbx", 0),))
    monkeypatch.setattr("flows.publish_flow.one_target", direct)
    options = tmp_path / "targets.toml"
    options.write_text(f'[fab]\nto = "{tmp_path / "bundles"}"\n')
    send = publish_assets.fn
    assert send(str(tmp_path), ["fab"], str(options), approved=False, live=True) == {"fab": {"draft": 4}}
    a_run(tmp_path, range(10, 12), files=(("fbx", ".fbx", 0),))
    store.put("assets/thing-10/thing-10.fbx", b"x" * (store.size("assets/thing-10/thing-10.fbx") or 0))
    with pytest.raises(TooManyFailures, match="1 of 2"):
        send(str(tmp_path), ["fab"], str(options), approved=False, live=True)


def test_a_target_that_is_away_keeps_no_other_from_being_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_run(tmp_path, range(2), files=(("glb", ".glb", 0), ("fbx", ".fbx", 0)))
    monkeypatch.setattr("flows.publish_flow.one_target", direct)
    monkeypatch.delenv("SKETCHFAB_TOKEN", raising=False)
    options = tmp_path / "targets.toml"
    options.write_text(f'[site]\nto = "{tmp_path / "site"}"\n')
    with pytest.raises(TooManyFailures, match="SKETCHFAB_TOKEN"):
        publish_assets.fn(str(tmp_path), ["sketchfab", "site"], str(options), approved=False, live=True)
    assert len(list((tmp_path / "site/items").iterdir())) == 2


@pytest.mark.parametrize("text", ["[sight]\n", "site = 3\n", "[site\n"])
def test_a_wrong_file_of_options_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "targets.toml").write_text(text)
    with pytest.raises(UsageError, match=r"targets\.toml"):
        publish_assets.fn(str(tmp_path), ["site"], str(tmp_path / "targets.toml"))


def direct(config: Any, return_state: bool) -> Any:
    """A task's state without Prefect."""
    from flows.publish_flow import publish

    class State:
        def result(self, raise_on_failure: bool) -> Any:
            try:
                return publish(config).to_dict()
            except UsageError as error:
                return error

    return State()


def test_keys_and_tables_of_artifacts() -> None:
    assert plain("publish-site:/tmp/A b") == "publish-site-tmp-a-b"
    assert funnel(5, 2, {"passed": 3})[-1] == {"step": "passed", "rows": 3}
