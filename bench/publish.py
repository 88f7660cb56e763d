"""500 assets published to stand-ins of two services that fail 5 % of all requests, the publisher killed five times."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, main

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests" / "flows"))

from other_shops import ShopifyShop  # noqa: E402  # the services that the tests use
from publish_rows import a_run  # noqa: E402
from shop_server import Shop, SketchfabShop, serving  # noqa: E402

from manifests.publications import Publications  # noqa: E402
from manifests.store import Store  # noqa: E402

ASSETS, FAULTS, KILLS = 500, 0.05, 5
MOST_CALLS = KILLS + 20
OPTIONS = {"sketchfab": [], "shopify": ["shop=a.myshopify.com"]}


def measure() -> Iterator[Figure]:
    """Each service: assets that stand there once, faults and kills met, CPU an asset."""
    for name, shop in (("sketchfab", SketchfabShop(FAULTS)), ("shopify", ShopifyShop(FAULTS))):
        with tempfile.TemporaryDirectory() as folder, serving(shop):
            out = Path(folder)
            a_run(out, range(ASSETS))
            before = spent()
            kills, calls = drill(out, name, shop)
            cpu = spent() - before
            titles = titles_of(shop)
            once = sum(count == 1 for count in Counter(titles).values())
            logged = Counter(
                entry.id for entry in Publications(Store(f"{out}/publications")).entries() if entry.event == "published"
            )
        what = f"{name}: of {ASSETS} assets, 5 % of requests failing and {kills} kills"
        yield Figure(f"{what}: there exactly once", once, "assets", ASSETS, "higher")
        yield Figure(f"{what}: there twice", len(titles) - len(set(titles)), "assets", 0)
        yield Figure(
            f"{what}: said published in the log exactly once",
            sum(n == 1 for n in logged.values()),
            "assets",
            ASSETS,
            "higher",
        )
        yield Figure(f"{what}: faults met in {calls} calls", shop.faults.total(), "faults")
        yield Figure(f"{what}: CPU of the publisher, an asset", cpu / ASSETS, "s")


def drill(out: Path, name: str, shop: Shop) -> tuple[int, int]:
    """The same command until it leaves nothing behind, killed whenever another sixth is there; kills and calls."""
    kills = 0
    for calls in range(1, MOST_CALLS + 1):
        options = [f"base_url={shop.url}", "rate=1000", "poll=0.001", "settle=0.01", *OPTIONS[name]]
        command = [sys.executable, "-m", "flows.cli", "publish", str(out), "--target", name, "--live", "--json"]
        command += [part for option in options for part in ("--set", option)]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "SKETCHFAB_TOKEN": "secret-of-the-shop"}
        env["SHOPIFY_TOKEN"] = "secret-of-the-shop"
        with subprocess.Popen(
            command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        ) as process:
            while process.poll() is None:
                if kills < KILLS and len(titles_of(shop)) > (kills + 1) * ASSETS // (KILLS + 1):
                    os.killpg(process.pid, signal.SIGKILL)
                    kills += 1
                time.sleep(0.01)
            said = process.stdout.read() if process.stdout else b""
        if process.returncode == 2:
            raise SystemExit(f"the publisher was called wrongly: {command}")
        if process.returncode == 0 and json.loads(said)["counts"] == {"already there": ASSETS}:
            return kills, calls
    return kills, MOST_CALLS


def titles_of(shop: Shop) -> list[str]:
    """Of every listing the service has."""
    with shop.lock:
        if isinstance(shop, SketchfabShop):
            return [str(model["name"]) for model in shop.models.values()]
        assert isinstance(shop, ShopifyShop)
        return [str(product["title"]) for product in shop.products.values()]


def spent() -> float:
    """CPU seconds of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main(measure, __doc__ or "")
