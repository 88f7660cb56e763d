"""Adapters for pretrained models of others: one small file a model, none of whose packages loads before it is used."""
