"""Rows in, rows out: the row and recipe models, streaming readers, the store and the ledger."""
