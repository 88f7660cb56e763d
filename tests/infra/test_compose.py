"""The compose file of a single box: it fits the specification, its names hold together, and it is closed to outside."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from documents import INFRA, ROOT, SCHEMAS, faults, instructions

COMPOSE = INFRA / "compose"
BOX = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = BOX["services"]


@pytest.mark.parametrize("name", ["compose.yaml", "gpu.yaml"])
def test_files_fit_the_specification(name: str) -> None:
    content = yaml.safe_load((COMPOSE / name).read_text())
    assert faults(content, SCHEMAS["compose.json"]) == []
    content["services"]["ray-worker"]["comand"] = []
    assert len(faults(content, SCHEMAS["compose.json"])) == 1


def test_every_service_is_there() -> None:
    asked = {"prefect", "postgres", "s3", "ray-head", "ray-worker", "dask-scheduler", "dask-worker", "driver"}
    assert asked | {"prometheus", "grafana"} <= SERVICES.keys()


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_locked_down_and_refers_to_what_exists(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service["image"].endswith(":latest")
    assert name == "certificates" or "mem_limit" in service
    assert set(service["networks"]) <= BOX["networks"].keys()
    named = [volume.split(":")[0] for volume in service.get("volumes", []) if ":" in volume]
    assert {volume for volume in named if not volume.startswith(".")} <= BOX["volumes"].keys()
    assert all((COMPOSE / volume).exists() for volume in named if volume.startswith("."))
    assert set(service.get("depends_on", {})) <= SERVICES.keys()
    for waited, condition in dict.fromkeys(service.get("depends_on", {})).items():
        wanted = service["depends_on"][waited] if isinstance(service["depends_on"], dict) else condition
        if wanted and wanted["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[waited]


def test_ports_are_open_to_this_machine_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert BOX["networks"]["inside"]["internal"]


def test_two_services_are_on_the_network_that_leads_out() -> None:
    assert {name for name, service in SERVICES.items() if "outside" in service["networks"]} == {"prefect", "grafana"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_nobody_and_asks_who_it_talks_to(name: str) -> None:
    service = SERVICES[name]
    if "build" not in service:  # an image of ours ends with a user of its own
        assert service["user"].split(":")[0] not in ("root", "0")
    told = service.get("environment", {})
    if "RAY_ADDRESS" in told:
        assert (told["RAY_AUTH_MODE"], told["DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"]) == ("token", "True")
    if name == "prefect":
        assert told["PREFECT_SERVER_API_AUTH_STRING"].startswith("${PREFECT_AUTH:?")


def test_secrets_have_no_default_and_the_example_names_them_all() -> None:
    text = (COMPOSE / "compose.yaml").read_text()
    asked = {match[0]: match[1] for match in re.findall(r"\$\{(\w+)(:\?|:-)?", text)}
    secret = {name for name in asked if re.search("TOKEN|PASSWORD|AUTH|KEY", name)}
    assert {name for name in secret if asked[name] != ":?"} == set()
    example = dict(re.findall(r"^(\w+)=(.*)$", (COMPOSE / "env.example").read_text(), re.M))
    assert asked.keys() <= example.keys()
    assert {example[name] for name in secret} <= {"", "meshmill:${PREFECT_PASSWORD}"}
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def test_builds_name_files_and_targets_that_exist() -> None:
    for service in SERVICES.values():
        if "build" in service:
            context = COMPOSE / service["build"]["context"]
            dockerfile = context / service["build"]["dockerfile"]
            assert dockerfile.is_file()
            stages = {rest.split()[-1] for word, rest in instructions(dockerfile) if word == "FROM"}
            assert "target" not in service["build"] or {"cpu", "cuda"} <= stages


def test_prometheus_asks_services_at_ports_they_serve() -> None:
    asked = yaml.safe_load((COMPOSE / "prometheus.yaml").read_text())["scrape_configs"]
    found = {
        (host, service["port"])
        for job in asked
        for service in job.get("dns_sd_configs", [])
        for host in service["names"]
    }
    found |= {
        (host, int(port))
        for job in asked
        for static in job.get("static_configs", [])
        for host, port in [target.split(":") for target in static["targets"]]
    }
    for host, port in found:
        told = [*SERVICES[host]["command"], SERVICES[host].get("environment", {}).get("MESHMILL_METRICS", "")]
        assert str(port) in " ".join(told), (host, port)


def test_the_dashboard_is_found_and_reads_prometheus() -> None:
    source = yaml.safe_load((COMPOSE / "grafana" / "datasources" / "prometheus.yaml").read_text())["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    provider = yaml.safe_load((COMPOSE / "grafana" / "dashboards" / "dashboards.yaml").read_text())["providers"][0]
    folder = Path(provider["options"]["path"])
    assert folder == Path("/etc/grafana/provisioning/dashboards")
    assert list((COMPOSE / "grafana" / "dashboards").glob("*.json"))
