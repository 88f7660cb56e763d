"""Where assets are published: one file a target, listed in `registry`."""
