"""Readers: file bytes to an Asset, bounded and checked, one file a format."""
