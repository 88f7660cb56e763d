"""Fields that pictures shape: score distillation from a text-to-image model, and reconstruction from views."""
