"""Pushes a published data set to a bucket or to the Hugging Face hub, where nothing that stands is ever changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows.publish_http import Refused, Unavailable, Unsure
from flows.push_places.bucket import BucketPlace
from flows.push_places.huggingface import SCHEME, HubPlace
from flows.push_places.protocol import Place, PushFile
from flows.shard import Tell
from manifests.errors import ShardError, UsageError
from manifests.shard_folder import SETTINGS, STATS, VERSIONS, Stats, index_path, published, stats_path, versions
from manifests.space import check_space
from manifests.store import Store

CARD = ("README.md", "card/samples.jpg", "card/statistics.svg")  # what later versions replace
GROUP_BYTES = 8 << 30  # what is sent together: a remote folder's files lie in scratch meanwhile


@dataclass(frozen=True)
class Pushed:
    """What a call brought, and what was there already."""

    place: str
    version: str  # the newest one there now
    files: int  # sent
    bytes: int
    kept: int  # shards that were there

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def place_of(url: str) -> Place:
    """hf://datasets/OWNER/NAME, s3://BUCKET/PREFIX or what else fsspec writes to; raises UsageError."""
    return HubPlace(url) if url.startswith(SCHEME) else BucketPlace(url)


def push(folder: str, place: Place, tell: Tell = lambda line: None) -> Pushed:
    """Bring what the place lacks: shards first, each before its marker, then versions, then the card.

    Everything is compared before anything is sent, so that a place which holds another data set, or other bytes under a
    published name, is left alone (ShardError). Killed at any instant, the same call goes on. Raises UsageError for a
    service that refuses or is away.
    """
    source = Store(folder)
    known = versions(source)
    if not known:
        raise ShardError(f"{source.uri} holds no version to push")
    try:
        with closing(place):
            place.open()
            return _bring(source, place, str(known[-1]["version"]), tell)
    except (Refused, Unavailable, Unsure) as error:
        raise UsageError(f"{place.name}: {error}; what was sent stays, and the same command goes on") from error


def _bring(source: Store, place: Place, version: str, tell: Tell) -> Pushed:
    _check_names(source, place)
    named = [path for path in (SETTINGS, *source.list(VERSIONS)) if not _same(source, place, path)]
    shards = list(published(source))  # after the versions: whatever they list is among these
    lacking = [stats for stats in shards if not _is_there(source, place, stats)]
    card = [path for path in CARD if _card_differs(source, place, path)]
    first = [path for path in named if path == SETTINGS]
    last = [*(path for path in named if path != SETTINGS), *card]
    sent = size = 0
    for paths in filter(None, (first, *_groups(lacking, place.at_once), last)):
        with _local(source, paths) as files:
            place.send(files, f"Version {version}: {len(files)} files")
        sent, size = sent + len(files), size + sum(file.bytes for file in files)
        tell(f"{place.name}: {sent} files, {size / 1e6:.1f} MB")
    return Pushed(place.name, version, sent, size, len(shards) - len(lacking))


def _groups(shards: Sequence[Stats], at_once: int) -> Iterator[list[str]]:
    """Paths to send together: of each shard its file, its index and its marker, in this order."""
    paths: list[str] = []
    held = 0
    for stats in shards:
        if paths and (len(paths) + 3 > at_once or held + stats.bytes > GROUP_BYTES):
            yield paths
            paths, held = [], 0
        paths += [stats.shard, index_path(stats.shard), stats_path(stats.shard)]
        held += stats.bytes
    if paths:
        yield paths


def _check_names(source: Store, place: Place) -> None:
    """Raises ShardError where the place has shards or versions that this folder does not."""
    for folder in (STATS, VERSIONS):
        there = {path for path in place.paths() if path.startswith(f"{folder}/")}
        if more := sorted(there - set(source.list(folder))):
            raise ShardError(f"{place.name} holds {more[0]}, which {source.uri} does not: another or a newer data set")


def _is_there(source: Store, place: Place, stats: Stats) -> bool:
    """Whether the place has a finished shard; raises ShardError where it has another one of that name."""
    if not _same(source, place, stats_path(stats.shard)):
        return False
    if place.size(stats.shard) != stats.bytes or place.digest(stats.shard) not in ("", stats.sha256):
        raise ShardError(f"{place.name}: {stats.shard} is not the file that was published ({stats.bytes} bytes)")
    return True


def _same(source: Store, place: Place, path: str) -> bool:
    """Whether the place has a file that never changes; raises ShardError where its bytes are others."""
    if place.size(path) is None:
        return False
    if not place.holds(path, source.read(path)):
        raise ShardError(f"{place.name}: {path} has other bytes than {source.uri}; nothing published is changed")
    return True


def _card_differs(source: Store, place: Place, path: str) -> bool:
    """Whether the folder has a page or picture of the card that the place lacks or has an older one of."""
    if not source.exists(path):
        return False
    return place.size(path) is None or not place.holds(path, source.read(path))


@contextmanager
def _local(source: Store, paths: Sequence[str]) -> Iterator[list[PushFile]]:
    """The files on this machine: where they lie, or copied from a remote store to its scratch folder for a while."""
    copies: list[Path] = []
    files = []
    try:
        for path in paths:
            local = Path(source.uri_of(path))
            if not local.is_absolute():
                check_space(source.scratch(), source.size(path) or 0)
                local = Path(source.scratch(), f"push-{os.getpid()}-{len(copies)}")
                local.write_bytes(source.read(path))
                copies.append(local)
            files.append(PushFile(path, str(local), local.stat().st_size))
        yield files
    finally:
        for copy in copies:
            copy.unlink(missing_ok=True)
