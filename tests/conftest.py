"""What tests of several rooms need: an S3 server with an empty bucket; hypothesis draws the same examples in CI."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True)  # new examples are for those who can look at what they find
if os.environ.get("CI"):
    settings.load_profile("ci")
NAMES = count()


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
