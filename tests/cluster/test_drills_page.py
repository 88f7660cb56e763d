"""The page of the cluster's drills: made of what runs kept, with every kind on it, failures included."""

from __future__ import annotations

import re

import pytest
from chaos import named
from disturb import DISTURBANCES
from drills_page import PAGE, UNFINISHED, overhead, page, results, table

ROOT = PAGE.parents[1]


def test_no_line_of_the_page_is_typed() -> None:
    assert PAGE.read_text() == page(results())


def test_every_kind_has_a_line_and_a_name_of_its_own() -> None:
    lines = table({"Nothing": [*UNFINISHED, "2026-11-26"]}).splitlines()[2:]
    assert len(lines) == len(DISTURBANCES)
    assert len({line.split("|")[2] for line in lines}) == len(lines)
    assert "| Nothing | `nothing` | **did not end** |" in lines[0]
    assert all("not run yet" in line for line in lines[1:])
    assert {line.count("|") for line in lines} == {12}


def test_overhead_counts_the_machines_of_each_side() -> None:
    cpu = {"driver": 30.0, "ray-worker": 50.0, "dask-worker-2": 40.0, "prefect": 1.0}
    sides = {"alone": {"cpu": {"driver-2": 100.0}, "wall": 70.0}, "cluster": {"cpu": cpu, "wall": 60.0}}
    text = overhead({**sides, "idle": {"driver": 0.1}, "store": 9.0, "rows": 1000, "on": "today", "overhead": 21.0})
    assert "| **all** | **100** | **121** | |" in text
    assert "| 100 | 30 | 6.0 |" in text
    assert "1,000 rows" in text
    assert "**21.0 % more" in text


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["/usr/bin/radosgw", "--conf"], "radosgw"),
        (["ray::GeneratorActor"], "ray::GeneratorActor"),
        (["/venv/bin/python", "-m", "flows.guard_server", "5"], "flows.guard_server"),
        (["/venv/bin/python3.11", "/venv/bin/meshmill", "run"], "meshmill"),
        (["python", "-c", "from multiprocessing.spawn import spawn_main; spawn_main(3)"], "worker process"),
        (["bash", "/app/infra/images/driver.sh", "meshmill"], "driver.sh"),
        ([], ""),
    ],
)
def test_a_victim_is_named_by_its_program(words: list[str], name: str) -> None:
    assert named(words) == name


def test_the_quick_start_names_what_exists() -> None:
    text = (ROOT / "infra" / "quickstart.md").read_text()
    for path in re.findall(r"tests/[\w/]+(?:\.py)?", text):
        assert (ROOT / path).exists(), path
    made = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"make ([\w-]+)", text)) <= made
    assert set(re.findall(r"test_drill\[(\w+)\]", text)) <= {"KIND", *(do.__name__ for do in DISTURBANCES.values())}
    for script in re.search(r"run_all\.py ((?:\w+ ?)+)`", text)[1].split():  # type: ignore[index]
        assert (ROOT / "bench" / f"{script}.py").exists()
