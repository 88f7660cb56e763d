"""The environment variable that each target reads its credentials from."""

from __future__ import annotations

CREDENTIALS = {
    "sketchfab": "SKETCHFAB_TOKEN",
    "cgtrader": "CGTRADER_TOKEN",
    "shopify": "SHOPIFY_TOKEN",
    "huggingface": "HF_TOKEN",
}
