"""The cluster engine attached by address to a Ray head and a Dask scheduler that run already."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from mill import Mill, marked_env
from processes import marked, process_ids, ray_actors
from restart import differences
from services import dask_cluster, ray_head

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]


@pytest.fixture
def clusters(tmp_path: Path, mark: str) -> Iterator[dict[str, str]]:
    """The environment of drivers that attach to a Ray head and a Dask scheduler that run already."""
    env = marked_env(mark, RAY_USAGE_STATS_ENABLED="0")
    with ExitStack() as stack:
        ray = stack.enter_context(ray_head(tmp_path, env))
        dask, _ = stack.enter_context(dask_cluster(tmp_path, env))
        yield {**env, "RAY_ADDRESS": ray, "DASK_SCHEDULER_ADDRESS": dask}


def test_a_driver_attaches_to_clusters_and_leaves_them_running(
    mill: Mill, clusters: dict[str, str], mark: str, tmp_path: Path
) -> None:
    before = {pid for pid in process_ids() if marked(pid, mark)}
    mill.run(str(tmp_path / "out"), "auto", clusters)
    assert differences(tmp_path / "out", mill.reference, 6) == []
    assert before <= set(process_ids())
    deadline = time.monotonic() + 20
    while (actors := ray_actors(mark)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert actors == []
