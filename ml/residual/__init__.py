"""Surface detail as a residual over UV charts: a small diffusion model that draws it and a hash grid that holds it."""
