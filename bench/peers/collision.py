"""Convex decomposition by CoACD (Wei et al. 2022) at the settings its documentation starts from."""

import numpy as np


def coacd(arrays, most):
    import coacd as peer

    peer.set_log_level("off")
    mesh = peer.Mesh(arrays["points"], arrays["faces"])

    def work():
        parts = peer.run_coacd(mesh, threshold=0.05, max_convex_hull=most)
        owner = np.repeat(np.arange(len(parts)), [len(vertices) for vertices, _ in parts])
        return {"points": np.concatenate([vertices for vertices, _ in parts]), "owner": owner}

    return work
