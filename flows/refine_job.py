"""The refinement of one asset as it runs inside a guarded child: from the parent's raw mesh to the version's."""

from __future__ import annotations

from dataclasses import dataclass

from flows.jobs import GenerateJob
from ml.asset import Asset, InputError
from ml.generators.protocol import Refusal
from ml.readers.gltf import read_glb
from tasks.refinement import Origin, refine

# First words of codes that say the instruction cannot be carried out; others, such as mesh.truncated, are errors.
REFUSING = frozenset(("instruction", "edit", "region", "prompt", "material", "shape"))


@dataclass(frozen=True)
class RefineJob(GenerateJob):
    """Make the raw mesh of a version. The generator it names only decides where the job runs."""

    mesh: str  # digest of the parent's raw mesh, "" where it has none
    origin: Origin
    instruction: str
    region: str

    def make(self) -> Asset | Refusal:
        """The version's raw asset, or why there is none."""
        if not self.mesh:
            return Refusal("refine.no-mesh", "the parent never became a mesh, or was made before meshes were recorded")
        parent = read_glb(self.store.get_content(self.mesh, ".glb"))
        try:
            return refine(parent, self.origin, self.instruction, self.region)
        except InputError as error:
            if error.code.split(".")[0] in REFUSING:
                return Refusal(error.code, error.message)
            raise
