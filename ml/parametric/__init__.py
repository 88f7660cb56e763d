"""Parametric objects: closed solids, the categories built from them, and how a prompt dresses them."""
