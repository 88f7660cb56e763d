"""What tests of several rooms need: a bucket, a shape model, a browser; hypothesis draws the same examples in CI."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True)  # new examples are for those who can look at what they find
if os.environ.get("CI"):
    settings.load_profile("ci")
NAMES = count()
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--headless=new", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@pytest.fixture(scope="session")
def s3_server() -> Iterator[None]:
    """moto's server, which boto and programs find through the environment."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-west-2")
        yield
    server.stop()


@pytest.fixture
def bucket(s3_server: None) -> str:
    """URL of an empty bucket of this test's own."""
    import boto3

    name = f"mill-{next(NAMES)}"
    place = {"LocationConstraint": "us-west-2"}
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
    return f"s3://{name}"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One a process: playwright's loop ends with it, and a second one cannot be begun inside the first."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def random_shape_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny shape model with random weights, large enough that its fields have surfaces."""
    import torch

    from ml.shapes.model import save_model
    from ml.shapes.recipe import FlowConfig, ShapeRecipe, VaeConfig
    from ml.shapes.transformer import ShapeFlow
    from ml.shapes.vae import ShapeVae

    sizes = VaeConfig(2, 6, 32, 2, 1, 1, 1, 1, 4, 4, 16)
    layout = FlowConfig(32, 2, 1, 1, 32, 1, 32)
    torch.manual_seed(1)
    vae, flow = ShapeVae(sizes), ShapeFlow(layout, sizes)
    with torch.no_grad():
        for layer in (vae.decoder.out, vae.reader.distance_layers[0], vae.reader.distance_layers[4]):
            layer.weight *= 6.0
        torch.nn.init.normal_(flow.out.weight, std=0.1)
    folder: Path = tmp_path_factory.mktemp("shapes")
    save_model(vae, flow, ShapeRecipe(vae=sizes, flow=layout), folder)
    return folder
