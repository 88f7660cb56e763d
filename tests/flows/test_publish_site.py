"""A site in a bucket, over HTTP: every file has its type, the feed leads to every byte, and its models turn."""

from __future__ import annotations

import json
import os
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.request import urlopen

import boto3
import pytest
from publish_rows import a_run, with_real_glb

from flows.publish import Outcome, PublishConfig, publish
from manifests.store import Store
from tasks.site_pages import VIEWER, VIEWER_HERE
from tests.conftest import CHROMIUM
from tests.tasks.conftest import WAIT

pytestmark = pytest.mark.slow  # a browser, and two servers


def send(out: Path, **options: Any) -> Outcome:
    return publish(PublishConfig(str(out), "site", {"draft": False, **options}, live=True))


@pytest.fixture
def address(bucket: str) -> str:
    """The site as a browser reaches it, with a policy of the bucket that lets everybody read it."""
    name = bucket.removeprefix("s3://")
    read = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/site/*"}
    boto3.client("s3").put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [read]}))
    return f"{os.environ['AWS_ENDPOINT_URL']}/{name}/site"


def test_every_file_of_a_site_in_a_bucket_has_its_type_and_its_address(
    bucket: str, address: str, tmp_path: Path
) -> None:
    a_run(tmp_path, range(3))
    assert send(tmp_path, to=f"{bucket}/site", base_url=address).counts == {"published": 3}
    with urlopen(f"{address}/catalog.json") as answer:
        assert answer.headers["Content-Type"] == "application/json"
        assets = json.load(answer)["assets"]
    assert len(assets) == 3
    for file in (file for asset in assets for file in asset["files"]):
        with urlopen(file["href"]) as answer:
            assert answer.headers["Content-Type"] == file["type"]
            assert len(answer.read()) == file["bytes"]
    for page in (f"{address}/index.html", assets[0]["page"]):
        with urlopen(page) as answer:
            assert answer.headers["Content-Type"] == "text/html"
    again = publish(PublishConfig(str(tmp_path), "site", {"draft": False, "to": f"{bucket}/site"}, live=True))
    assert again.counts == {"already there": 3}


@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium: apt-get install chromium")
@pytest.mark.skipif(not VIEWER_HERE.exists(), reason="needs model-viewer: infra/setup/npm.sh")
def test_a_page_turns_its_model_and_asks_no_other_host(bucket: str, address: str, tmp_path: Path, browser: Any) -> None:
    with_real_glb(tmp_path)
    send(tmp_path, to=f"{bucket}/site")
    asked: list[str] = []
    wrong: list[str] = []
    page = browser.new_page(viewport={"width": 300, "height": 400})
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    try:
        page.goto(f"{address}/assets/thing-1/index.html")
        until = monotonic() + WAIT / 1000
        loaded = "!!document.querySelector('model-viewer')?.loaded"
        while not page.evaluate(loaded):  # the page's policy forbids eval, by which wait_for_function polls
            assert monotonic() < until, "the model was not loaded"
            page.wait_for_timeout(200)
        size = page.evaluate("(({x, y, z}) => [x, y, z])(document.querySelector('model-viewer').getDimensions())")
    finally:
        page.close()
    assert size == pytest.approx([0.4, 1.0, 0.2], rel=1e-3)
    assert not [url for url in asked if not url.startswith((address, "blob:", "data:"))]
    assert wrong == []


def test_without_the_viewer_the_user_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.publish_targets.site.VIEWER_HERE", tmp_path / "none.js")
    a_run(tmp_path / "run", [1])
    assert VIEWER in send(tmp_path / "run", to=str(tmp_path / "site")).written
    Store(str(tmp_path / "site")).put(VIEWER, b"a viewer of the user's")
    a_run(tmp_path / "run", [2])
    assert VIEWER not in send(tmp_path / "run", to=str(tmp_path / "site")).written
