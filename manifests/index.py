"""What is finished, in compact form: keys in one sorted block of bytes, ids as sorted digests with their chunks."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

KEY = 16  # bytes
HEX_PREFIX = 4  # 65,536 buckets of the first two bytes: 15 keys each at a million

U64 = npt.NDArray[np.uint64]


class KeyIndex:
    """Which keys are finished. A million keys take 16 MB; as Python objects they would take about 120."""

    def __init__(self, keys: bytes = b"") -> None:
        """`keys` are 16-byte keys one after the other, in any order."""
        words = np.frombuffer(keys, dtype=">u8").reshape(-1, 2)
        sorted_keys = words[np.lexsort((words[:, 1], words[:, 0]))]
        self._block = sorted_keys.tobytes()
        buckets = (sorted_keys[:, 0] >> np.uint64(48)).astype(np.int64)
        ends = np.cumsum(np.bincount(buckets, minlength=1 << (4 * HEX_PREFIX))) * KEY
        self._starts: list[int] = [0, *ends.tolist()]

    def __contains__(self, key: str) -> bool:
        """Whether a key of 32 hex digits is finished."""
        bucket = int(key[:HEX_PREFIX], 16)
        raw = bytes.fromhex(key)
        # A match across two neighbours has the chance of a false key, 2⁻¹²⁸, so alignment is not checked.
        return self._block.find(raw, self._starts[bucket], self._starts[bucket + 1]) >= 0

    def __len__(self) -> int:
        return len(self._block) // KEY


class IdOwners:
    """Which chunks hold an id: 12 bytes an id, in sorted runs that are merged when they reach the same size."""

    def __init__(self) -> None:
        self.chunks: list[str] = []
        self._runs: list[tuple[U64, npt.NDArray[np.int32]]] = []

    def add(self, chunk: str, hashes: U64) -> None:
        """Count these ids as held by `chunk`."""
        self.chunks.append(chunk)
        self._push(np.sort(hashes), np.full(len(hashes), len(self.chunks) - 1, np.int32))

    def _push(self, ids: U64, owner: npt.NDArray[np.int32]) -> None:
        while self._runs and len(self._runs[-1][0]) <= len(ids):
            older_ids, older_owner = self._runs.pop()
            ids, owner = np.concatenate([older_ids, ids]), np.concatenate([older_owner, owner])
            order = np.argsort(ids, kind="stable")
            ids, owner = ids[order], owner[order]
        self._runs.append((ids, owner))

    def holding(self, hashes: U64) -> set[str]:
        """The chunks that hold, or once held, any of these ids."""
        found: set[int] = set()
        for ids, owner in self._runs:
            first, last = np.searchsorted(ids, hashes, "left"), np.searchsorted(ids, hashes, "right")
            for start, end in zip(first[last > first], last[last > first], strict=True):
                found.update(owner[start:end].tolist())
        return {self.chunks[i] for i in found}


def pack_keys(keys: Iterable[str]) -> bytes:
    """Hex keys as 16 bytes each."""
    return b"".join(map(bytes.fromhex, keys))


def id_hashes(ids: Iterable[str]) -> U64:
    """(n,) 64-bit digests of ids, the same in every process."""
    packed = b"".join(blake2b(id.encode(), digest_size=8).digest() for id in ids)
    return np.frombuffer(packed, dtype="<u8")
