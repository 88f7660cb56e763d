"""The figures of a run are what a Prometheus client reads them as."""

import json
import re
from pathlib import Path

import pytest
from publish_rows import a_run, finished

from flows.cli import main
from flows.publish import PublishConfig, publish
from manifests.ledger import Ledger

DASHBOARD = Path(__file__).parents[2] / "infra/compose/grafana/dashboards/run.json"


def test_a_prometheus_client_reads_the_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    store = a_run(tmp_path, range(3), timings={"bake": 0.5, "export.glb": 0.25})
    odd = finished(store, 9, meta={"license": "CC-BY-ND-4.0"})
    Ledger(store).write_chunk("more", [odd])
    publish(PublishConfig(str(tmp_path), "site", {"to": str(tmp_path / "site")}, live=True))
    assert main(["metrics", str(tmp_path)]) == 0
    families = {family.name: family.samples for family in text_string_to_metric_families(capsys.readouterr().out)}

    def values(name: str, label: str) -> dict[str, float]:
        return {sample.labels[label]: sample.value for sample in families[name]}

    assert values("meshmill_rows", "outcome") == {"passed": 4}
    assert values("meshmill_stage_seconds", "stage") == {"bake": 1.5, "export.glb": 0.75}
    sizes = [path.stat().st_size for path in (tmp_path / "assets").rglob("*.usdz")]
    assert values("meshmill_output_bytes", "format")["usdz"] == sum(sizes)
    assert values("meshmill_publications", "event") == {"published": 4}
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        (name,) = set(re.findall(r"meshmill_\w+", panel["targets"][0]["expr"]))
        assert name in families or name.startswith("meshmill_live_")  # those are test_live_metrics'
