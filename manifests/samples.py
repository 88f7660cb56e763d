"""A sample of a training set: what a ledger row brings to a shard, its name, its place in the order, its split."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from typing import Any

from manifests.errors import UsageError
from manifests.row import asset_folder

SPLITS = ("train", "validation", "test")
MASTERS = frozenset({"glb"})  # what training data leaves out unless it is asked for
MAX_NAME = 80  # bytes: with an extension it still fits the 100 of a plain tar header
PRIVATE = frozenset({"signature", "stderr"})  # texts of `meta` that say nothing about the asset


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a sample: its extension in the shard and where its bytes are."""

    extension: str
    uri: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One asset as it goes to a shard."""

    order: str  # 16 hex digits of the id's digest: samples are packed in this order
    id: str
    key: str  # of the ledger row: changes when the asset does
    split: str
    licence: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    meta: Mapping[str, str] = field(default_factory=dict)
    members: tuple[Member, ...] = ()

    @property
    def name(self) -> str:
        """The sample's name in a shard, without dots: a reader cuts a member's name at the first one."""
        return sample_name(self.id)

    def to_line(self) -> bytes:
        """One line that sorts as the samples do."""
        plain = {name: getattr(self, name) for name in NAMES}  # `asdict` would copy every measure: 70 µs a sample
        plain["members"] = [{name: getattr(each, name) for name in MEMBER_NAMES} for each in self.members]
        return self.order.encode() + ENCODER.encode(plain).encode() + b"\n"

    @staticmethod
    def from_line(line: bytes) -> Sample:
        """The inverse of `to_line`."""
        values = json.loads(line[16:])
        values["members"] = tuple(Member(**member) for member in values["members"])
        return Sample(**values)

    def description(self) -> bytes:
        """The `json` member: id, licence, split, measures and the manifest's texts; the same bytes for the same row."""
        said = {"id": self.id, "licence": self.licence, "split": self.split}
        content = {**said, "metrics": dict(self.metrics), "meta": dict(self.meta)}
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


NAMES, MEMBER_NAMES = (tuple(each.name for each in fields(kind)) for kind in (Sample, Member))
ENCODER = json.JSONEncoder(separators=(",", ":"))  # ASCII: a line never holds another newline


def digest_order(id: str) -> str:
    """16 hex digits: a place that depends on the id alone, so that appended rows move nobody."""
    return blake2b(id.encode(), digest_size=8, person=b"order").hexdigest()


def split_of(id: str, shares: Sequence[float]) -> str:
    """The split of an id for `shares` of SPLITS that sum to 1: by another digest, so it says nothing of the place."""
    drawn = int.from_bytes(blake2b(id.encode(), digest_size=8, person=b"split").digest(), "big") / 2**64
    below = 0.0
    for name, share in zip(SPLITS, shares, strict=True):
        below += share
        if drawn < below:
            return name
    return next(name for name, share in reversed([*zip(SPLITS, shares, strict=True)]) if share)


def read_shares(text: str) -> tuple[float, float, float]:
    """'0.98/0.01/0.01' as shares of train, validation and test; raises UsageError."""
    try:
        shares = [float(part) for part in text.split("/")]
    except ValueError:
        shares = []
    if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
        raise UsageError(f"--split {text}: three shares of train/validation/test that sum to 1, as 0.98/0.01/0.01")
    return shares[0], shares[1], shares[2]


def sample_name(id: str) -> str:
    """A name for any id, different for different ids, without dots or separators and at most MAX_NAME bytes."""
    name = asset_folder(id).replace(".", "%2E")  # asset_folder writes a literal %2E as %252E
    if len(name) <= MAX_NAME:
        return name
    return f"{name[:40]}%~{blake2b(id.encode(), digest_size=16).hexdigest()}"


def members_of(row: Mapping[str, Any], formats: Collection[str]) -> tuple[Member, ...]:
    """The row's files of these formats (of all but MASTERS when there are none), by extension."""
    members: dict[str, Member] = {}
    for output in row["outputs"]:
        if output["format"] in formats if formats else output["format"] not in MASTERS:
            extension = extension_of(row["id"], output["uri"])
            members[extension] = Member(extension, output["uri"], output["bytes"], output["sha256"])
    return tuple(members[extension] for extension in sorted(members))


def extension_of(id: str, uri: str) -> str:
    """What stays of a file's path without the asset's folder and stem: chair_LOD1.glb is lod1.glb, in small letters."""
    folder = asset_folder(id)
    path = uri.removeprefix(f"assets/{folder}/")
    if path.startswith(folder):
        path = path[len(folder) :]
    return path.replace("/", ".").lstrip("._-").lower() or "bin"


def sample_of(row: Mapping[str, Any], formats: Collection[str], shares: Sequence[float]) -> Sample:
    """The sample of a passed ledger row."""
    meta = {name: value for name, value in row["meta"].items() if isinstance(value, str) and name not in PRIVATE}
    licence = meta.pop("license", "")
    return Sample(
        order=digest_order(row["id"]),
        id=row["id"],
        key=row["key"],
        split=split_of(row["id"], shares),
        licence=licence,
        metrics=dict(sorted(row["metrics"].items())),
        meta=meta,
        members=members_of(row, formats),
    )
