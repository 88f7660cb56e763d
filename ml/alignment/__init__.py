"""Prompt alignment: whether an asset's pictures show what its prompt says."""
