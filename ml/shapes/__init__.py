"""The shape model: text, pictures and sketches to textured shapes, trained on examples of this factory's own assets."""
