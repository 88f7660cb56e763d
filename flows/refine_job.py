"""The refinement of one asset as it runs inside a guarded child: from the parent's raw mesh to the version's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from flows.jobs import GenerateJob
from ml.asset import Asset, InputError
from ml.distill.settings import DistillSettings
from ml.generators.protocol import Answer, Refusal
from ml.readers.gltf import read_glb
from tasks.refinement import Origin, refine

# First words of codes that say the instruction cannot be carried out; others, such as mesh.truncated, are errors.
REFUSING = frozenset(("instruction", "edit", "region", "prompt", "material", "shape"))


@dataclass(frozen=True)
class RefineJob(GenerateJob):
    """Make the raw mesh of a version. The generator it names only decides where the job runs, and `distill` which model
    of pictures is asked."""

    mesh: str  # digest of the parent's raw mesh, "" where it has none
    origin: Origin
    instruction: str
    region: str

    @classmethod
    def make_all(cls, jobs: Sequence[Self]) -> list[Answer]:
        """Raw assets of versions, in order; raises InputError as `make` does."""
        return [job.make() for job in jobs]

    def _pictures(self) -> tuple[DistillSettings, int]:
        """Which model of pictures is asked, and its chance: the parent's seed in 31 bits."""
        named = self.options if isinstance(self.options, DistillSettings) else DistillSettings()
        return named, self.request.seed % 2**31

    def make(self) -> Asset | Refusal:
        """The version's raw asset, or why there is none."""
        if not self.mesh:
            return Refusal("refine.no-mesh", "the parent never became a mesh, or was made before meshes were recorded")
        parent = read_glb(self.store.get_content(self.mesh, ".glb"))
        try:
            return refine(parent, self.origin, self.instruction, self.region, *self._pictures())
        except InputError as error:
            if error.code.split(".")[0] in REFUSING:
                return Refusal(error.code, error.message)
            raise
