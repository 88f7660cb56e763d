"""The policy of a bucket that several tenants share: each reads, writes and lists below a prefix of its own alone.

python infra/s3/tenants.py BUCKET PREFIX=PRINCIPAL … [--plain]
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from typing import Any

PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # no wildcard of S3's and no slash, so that none holds another


def policy(bucket: str, tenants: Mapping[str, str], plain: bool = False) -> dict[str, Any]:
    """The bucket's policy for `tenants`, prefix to principal; `plain` also lets requests without TLS in.

    A principal is `arn:aws:iam::ACCOUNT:role/NAME` at Amazon, `arn:aws:iam:::user/NAME` at Ceph. Raises ValueError.
    """
    wrong = [prefix for prefix in tenants if not PREFIX.fullmatch(prefix)]
    if wrong or not tenants:
        raise ValueError(f"{', '.join(map(repr, wrong)) or 'no tenant'}: a prefix is letters, digits, '.', '_' and '-'")
    if len(set(tenants.values())) != len(tenants):
        raise ValueError("one principal has two prefixes")
    arn, statements = f"arn:aws:s3:::{bucket}", list[dict[str, Any]]()
    for prefix, principal in tenants.items():
        who = {"Principal": {"AWS": [principal]}, "Effect": "Allow"}
        files = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        statements.append({**who, "Action": files, "Resource": f"{arn}/{prefix}/*"})
        # Without the closing slash a tenant could list those whose names begin with its own.
        below = {"StringLike": {"s3:prefix": f"{prefix}/*"}}
        statements.append({**who, "Action": "s3:ListBucket", "Resource": arn, "Condition": below})
    if not plain:
        insecure = {"Bool": {"aws:SecureTransport": "false"}}
        everything = {"Action": "s3:*", "Resource": [arn, f"{arn}/*"], "Condition": insecure}
        statements.append({"Principal": "*", "Effect": "Deny", **everything})
    return {"Version": "2012-10-17", "Statement": statements}


def main() -> None:
    """Print the policy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bucket")
    parser.add_argument("tenants", nargs="+", metavar="PREFIX=PRINCIPAL")
    parser.add_argument("--plain", action="store_true", help="also without TLS: on a network of your own")
    options = parser.parse_args()
    pairs = [each.split("=", 1) for each in options.tenants]
    if any(len(pair) != 2 for pair in pairs) or len({pair[0] for pair in pairs}) != len(pairs):
        parser.error("write PREFIX=PRINCIPAL, each prefix once")
    try:
        print(json.dumps(policy(options.bucket, {pair[0]: pair[1] for pair in pairs}, options.plain), indent=1))
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
