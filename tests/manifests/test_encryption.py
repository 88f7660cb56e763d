"""Every way of writing to S3 asks for encryption where the environment says so."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

WRITE = """
import sys, tempfile, pathlib
from manifests.store import Store
store = Store(sys.argv[1])
store.put("a", b"1")
assert store.put_if_absent("b", b"2")
local = pathlib.Path(store.scratch()) / "c"
local.write_bytes(b"3" * 100)
store.put_file("c", str(local))
"""


@pytest.mark.slow
def test_every_write_asks_for_encryption(bucket: str) -> None:
    import boto3

    encryption = []
    for told in ("", '{"s3_additional_kwargs": {"ServerSideEncryption": "aws:kms"}}'):
        env = {**os.environ, **({"FSSPEC_S3": told} if told else {})}
        place = f"{bucket}/{'told' if told else 'plain'}"
        subprocess.run([sys.executable, "-c", WRITE, place], env=env, check=True)
        client, name = boto3.client("s3"), bucket.removeprefix("s3://")
        keys = [f"{place.rpartition('/')[2]}/{key}" for key in "abc"]
        heads = [client.head_object(Bucket=name, Key=key) for key in keys]
        encryption.append([head.get("ServerSideEncryption") for head in heads])
    assert encryption[1] == ["aws:kms"] * 3
    assert encryption[0] != encryption[1]
