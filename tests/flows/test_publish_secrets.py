"""A token that lies at a real Prefect server publishes, and is written nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import MESHMILL
from publish_rows import a_run
from services import prefect_server
from shop_server import SketchfabShop, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
TOKEN = "token-in-a-block"
BLOCK = """
import sys
from prefect.blocks.system import Secret
Secret(value=sys.argv[1]).save("sketchfab-token", overwrite=True)
"""


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of clients of a server that has the block; it holds no token."""
    home = tmp_path_factory.mktemp("prefect")
    env = {name: value for name, value in os.environ.items() if not name.endswith("_TOKEN")}
    env |= {"PREFECT_HOME": str(home), "PREFECT_CLI_PROMPT": "false", "DO_NOT_TRACK": "1"}
    with prefect_server(home, env) as url:
        env |= {"PREFECT_API_URL": url}
        subprocess.run([sys.executable, "-c", BLOCK, TOKEN], env=env, check=True, timeout=200)
        yield env


def send(out: Path, shop: SketchfabShop, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [MESHMILL, "publish", str(out), "--target", "sketchfab", "--live", "--set", f"base_url={shop.url}"]
    command += ["--set", "rate=1000", "--set", "poll=0.001", "--set", "settle=0"]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)


def test_a_token_of_a_block_publishes_and_is_written_nowhere(env: dict[str, str], tmp_path: Path) -> None:
    a_run(tmp_path, [1])
    shop = SketchfabShop()
    shop.token = f"Token {TOKEN}"
    with serving(shop):
        done = send(tmp_path, shop, env)
        assert (done.returncode, len(shop.models)) == (0, 1), done.stderr
        shop.token = "Token of somebody else"  # it repeats what it was sent
        a_run(tmp_path, [2])
        refused = send(tmp_path, shop, env)
    assert "who is Token ***?" in refused.stdout
    said = "".join((done.stdout, done.stderr, refused.stdout, refused.stderr))
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert TOKEN not in said
    assert TOKEN.encode() not in written


def test_without_block_or_variable_both_are_named(env: dict[str, str], tmp_path: Path) -> None:
    a_run(tmp_path, [1])
    asked = [MESHMILL, "publish", str(tmp_path), "--target", "shopify", "--set", "shop=a.myshopify.com", "--live"]
    done = subprocess.run(asked, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert "SHOPIFY_TOKEN" in done.stderr
    assert "secret/shopify-token" in done.stderr
    away = {**env, "PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_CLIENT_MAX_RETRIES": "0"}
    done = subprocess.run(asked, env=away, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert "cannot be read" in done.stderr
