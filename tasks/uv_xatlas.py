"""Charts by xatlas: the option beside our own, for comparison and for meshes whose look was tuned to it."""

from __future__ import annotations

import numpy as np
import xatlas

from ml.asset import I32
from ml.normals import face_crosses
from tasks.topology import F64, face_components, half_edges
from tasks.uv_mesh import FlatMesh

# xatlas compares areas and lengths with absolute epsilons (1.2e-7): at 1024 units a face has to be 1e-13 of the
# asset's square to be ignored, while a 15 cm model fed in metres lost thousands and fell into 4× the charts.
XATLAS_EXTENT = 1024.0
# Four times xatlas' default. It checks a whole chart for each face it adds, so large smooth charts cost the square of
# their size; this ends them sooner: five smooth meshes of 20k faces took 0.8–1.6 CPU-s against 1.5–2.4 at half of it.
NORMAL_DEVIATION_WEIGHT = 8.0
# Above this many faces charts are also kept under the area of 2,000 average ones: at 30k faces 2.8–4.0 CPU-s become
# 1.9–2.1 and at 50k over 10 become 3.8, for up to a tenth of the utilisation, which is why smaller meshes go without.
MANY_FACES, CHART_FACES = 24_000, 2_000
MOST_FACES = 50_000  # it needs 40 CPU-s for 200k faces and stalls above


def xatlas_charts(mesh: FlatMesh) -> tuple[F64, I32]:
    """Flat corners (m, 3, 2) at one scale, and the chart of each face (m,) from 0, without xatlas' own packing."""
    points = (mesh.points * XATLAS_EXTENT).astype(np.float32)
    area = 0.5 * float(np.linalg.norm(face_crosses(points, mesh.faces), axis=1).sum())
    options, count = xatlas.ChartOptions(), len(mesh.faces)
    options.normal_deviation_weight = NORMAL_DEVIATION_WEIGHT
    options.max_chart_area = area * CHART_FACES / count if count > MANY_FACES else 0.0
    atlas = xatlas.Atlas()
    atlas.add_mesh(points, mesh.faces.astype(np.uint32))
    atlas.generate(options, xatlas.PackOptions())
    _, indices, uv = atlas.get_mesh(0)
    faces = indices.astype(np.int32)
    chart = face_components(faces, *half_edges(faces, len(uv)))  # xatlas shares no vertex between charts
    return (uv[faces] * [atlas.width, atlas.height]).astype(np.float64), chart
