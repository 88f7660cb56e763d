"""Tenants of one bucket: the policy keeps each below a prefix of its own, at a real server, and a run needs no more."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from one_node_ceph import LACKING, Ceph, Keys, ceph

from manifests.ledger import Ledger
from manifests.store import Store

SCRIPT = Path(__file__).parents[2] / "infra" / "s3" / "tenants.py"
BUCKET, TENANTS = "assets", ("tenant-a", "tenant-b")
SECRET = b"what tenant b made"

pytestmark = pytest.mark.timeout(900)
needs_ceph = pytest.mark.skipif(bool(LACKING), reason=f"needs {', '.join(LACKING)}: infra/setup/debian.sh cluster")


def policy_of(*arguments: str) -> Any:
    """The policy that the script prints."""
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_each_tenant_has_its_prefix_and_nothing_goes_without_tls() -> None:
    told = policy_of(BUCKET, *(f"{name}=arn:aws:iam::1:role/{name}" for name in TENANTS))
    *allowed, denied = told["Statement"]
    assert {(each["Effect"], each["Principal"]["AWS"][0][-8:]) for each in allowed} == {
        ("Allow", name) for name in TENANTS
    }
    for each in allowed:
        own = each["Principal"]["AWS"][0][-8:]
        place = each.get("Condition", {}).get("StringLike", {}).get("s3:prefix") or each["Resource"]
        assert place.removeprefix(f"arn:aws:s3:::{BUCKET}/") == f"{own}/*"
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert len(policy_of(BUCKET, "a=arn:x", "--plain")["Statement"]) == 2


@pytest.mark.parametrize("wrong", ["*=arn:a", "a/b=arn:a", "=arn:a", "a", "a?=arn:a"])
def test_a_prefix_that_could_hold_anothers_is_refused(wrong: str) -> None:
    for arguments in ([wrong], ["a=arn:b", wrong], ["a=arn:b", "a=arn:c"], ["a=arn:b", "c=arn:b"]):
        with pytest.raises(subprocess.CalledProcessError):
            policy_of(BUCKET, *arguments)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ceph]:
    with ceph(tmp_path_factory.mktemp("ceph")) as server:
        yield server


def client(server: Ceph, keys: Keys) -> Any:
    import boto3

    told = {"aws_access_key_id": keys.access, "aws_secret_access_key": keys.secret}
    return boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", **told)


@pytest.fixture(scope="module")
def keys(server: Ceph) -> dict[str, Keys]:
    """Those of both tenants, after the owner has set the policy; each prefix holds a file, as does tenant-ab's."""
    keys = {name: server.user(name) for name in TENANTS}
    owner = client(server, server.owner)
    owner.create_bucket(Bucket=BUCKET)
    told = policy_of(BUCKET, *(f"{name}=arn:aws:iam:::user/{name}" for name in TENANTS), "--plain")
    owner.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(told))
    for prefix in (*TENANTS, "tenant-ab"):
        owner.put_object(Bucket=BUCKET, Key=f"{prefix}/mine", Body=SECRET)
    return keys


def code(ask: Callable[..., Any], **more: Any) -> int:
    """The HTTP status of a call."""
    from botocore.exceptions import ClientError

    try:
        answer = ask(Bucket=BUCKET, **more)
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


@needs_ceph
@pytest.mark.slow
def test_a_tenant_can_neither_read_nor_write_nor_list_anothers_files(server: Ceph, keys: dict[str, Keys]) -> None:
    a = client(server, keys["tenant-a"])
    for other in ("tenant-b", "tenant-ab"):
        key = f"{other}/mine"
        assert code(a.get_object, Key=key) == 403
        assert code(a.head_object, Key=key) == 403
        assert code(a.put_object, Key=key, Body=b"x") == 403
        assert code(a.put_object, Key=f"{other}/new", Body=b"x") == 403
        assert code(a.delete_object, Key=key) == 403
        assert code(a.copy_object, Key="tenant-a/stolen", CopySource=f"{BUCKET}/{key}") == 403
        assert code(a.create_multipart_upload, Key=key) == 403
        assert code(a.put_object_acl, Key=key, ACL="public-read") == 403
        assert code(a.list_objects_v2, Prefix=f"{other}/") == 403
    for prefix in ("", "tenant-", "tenant-a", "t"):
        assert code(a.list_objects_v2, Prefix=prefix) == 403
    for ask in (a.list_multipart_uploads, a.get_bucket_policy, a.delete_bucket_policy, a.get_bucket_acl):
        assert code(ask) == 403
    assert code(a.put_object, Key="tenant-a/x", Body=b"x") == 200
    assert code(a.list_objects_v2, Prefix="tenant-a/") == 200
    owner = client(server, server.owner)
    assert owner.get_object(Bucket=BUCKET, Key="tenant-b/mine")["Body"].read() == SECRET


@pytest.fixture
def as_tenant_a(server: Ceph, keys: dict[str, Keys], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of a process of tenant a; s3fs keeps its connections by their arguments alone."""
    from s3fs import S3FileSystem

    own = keys["tenant-a"]
    told = {"AWS_ENDPOINT_URL": server.url, "AWS_DEFAULT_REGION": "us-east-1"}
    told |= {"AWS_ACCESS_KEY_ID": own.access, "AWS_SECRET_ACCESS_KEY": own.secret}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()
    yield
    S3FileSystem.clear_instance_cache()


@needs_ceph
@pytest.mark.slow
def test_a_store_below_a_tenants_prefix_tells_what_is_missing_from_what_is_forbidden(as_tenant_a: None) -> None:
    own, other = Store(f"s3://{BUCKET}/tenant-a/store"), Store(f"s3://{BUCKET}/tenant-b")
    assert own.size("none") is None
    assert list(own.list()) == list(own.list("none")) == []
    with pytest.raises(FileNotFoundError):
        own.read("none")
    own.put("a/b", b"12")
    assert own.put_if_absent("a/c", b"3")
    assert not own.put_if_absent("a/c", b"4")
    assert [own.size("a/b"), own.size("a"), own.size("a/")] == [2, None, None]
    assert sorted(own.list()) == ["a/b", "a/c"]
    own.delete("none")
    own.delete("a/b")
    assert not own.exists("a/b")
    for forbidden in (lambda: other.read("mine"), lambda: other.size("mine"), lambda: list(other.list())):
        with pytest.raises(PermissionError):
            forbidden()
    with pytest.raises(PermissionError):
        other.put("mine", b"x")


@needs_ceph
@pytest.mark.slow
def test_a_run_needs_no_rights_beyond_its_prefix_and_cannot_take_anothers_mesh(as_tenant_a: None) -> None:
    mine, theirs = f"s3://{BUCKET}/tenant-a", f"s3://{BUCKET}/tenant-b"
    rows = f"id,prompt,mesh\none,a cube,\ntwo,a cube,\nstolen,,{theirs}/mine\n"
    Store(mine).put("rows.csv", rows.encode())
    command = [sys.executable, "-m", "flows.cli", "run", f"{mine}/rows.csv", "--recipe", "noop", "--out", f"{mine}/out"]
    command += ["--engine", "inline", "--json", "--input-root", theirs]
    for skipped in (0, 2):
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["skipped"] >= skipped
    found = {row["id"]: row for row in Ledger(Store(f"{mine}/out")).rows()}
    assert {id: row["outcome"] for id, row in found.items()} == {"one": "passed", "two": "passed", "stolen": "invalid"}
    assert SECRET.decode() not in json.dumps(found, default=str)
    outside = [*command[:8], f"{theirs}/out", *command[9:]]
    assert subprocess.run(outside, capture_output=True, timeout=600).returncode != 0
