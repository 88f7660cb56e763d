"""UV atlases by xatlas, with its own settings."""

import numpy as np


def xatlas(arrays, resolution, padding):
    import xatlas

    points = arrays["points"].astype(np.float64)
    low = points.min(axis=0)
    # Its epsilons are absolute: at 1024 units they ignore nothing that shows.
    points = ((points - low) / (points.max(axis=0) - low).max() * 1024.0).astype(np.float32)
    faces = arrays["faces"].astype(np.uint32)

    def work():
        atlas, pack = xatlas.Atlas(), xatlas.PackOptions()
        pack.resolution, pack.padding = resolution, padding
        atlas.add_mesh(points, faces)
        atlas.generate(xatlas.ChartOptions(), pack)
        kept, indices, uv = atlas.get_mesh(0)
        return {
            "uv": uv[indices],
            "faces": kept[indices],
            "charts": np.array(atlas.chart_count),
            "size": np.array([atlas.width, atlas.height]),
        }

    return work
