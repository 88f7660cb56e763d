"""Generators behind one protocol, one file each."""
