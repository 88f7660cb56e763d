"""A library of procedural PBR textures that tile without a seam and know their size in metres."""
