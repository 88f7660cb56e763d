"""The one place where categories are listed, each with the function that builds it."""

from __future__ import annotations

from collections.abc import Callable

from ml.parametric.buildings import house, tower
from ml.parametric.containers import barrel, bucket, chest, crate
from ml.parametric.craft import boat, rocket
from ml.parametric.design import Design, Piece
from ml.parametric.lighting import candle, candlestick, lamp, lantern, street_lamp
from ml.parametric.nature import cactus, mushroom, rock, tree
from ml.parametric.objects import book, clock, key
from ml.parametric.seating import armchair, bench, chair, sofa, stool
from ml.parametric.storage import bookshelf, cabinet, dresser
from ml.parametric.tables import bed, desk, table
from ml.parametric.tableware import bowl, glass, goblet, mug, pitcher, plate, teapot
from ml.parametric.tools import axe, dagger, hammer, shield, sword
from ml.parametric.vehicles import car, truck
from ml.parametric.vessels import bottle, flowerpot, vase

BUILDERS: dict[str, Callable[[Design], list[Piece]]] = {
    "armchair": armchair, "axe": axe, "barrel": barrel, "bed": bed, "bench": bench, "boat": boat, "book": book,
    "bookshelf": bookshelf, "bottle": bottle, "bowl": bowl, "bucket": bucket, "cabinet": cabinet, "cactus": cactus,
    "candle": candle, "candlestick": candlestick, "car": car, "chair": chair, "chest": chest, "clock": clock,
    "crate": crate, "dagger": dagger, "desk": desk, "dresser": dresser, "flowerpot": flowerpot, "glass": glass,
    "goblet": goblet, "hammer": hammer, "house": house, "key": key, "lamp": lamp, "lantern": lantern, "mug": mug,
    "mushroom": mushroom, "pitcher": pitcher, "plate": plate, "rock": rock, "rocket": rocket, "shield": shield,
    "sofa": sofa, "stool": stool, "street lamp": street_lamp, "sword": sword, "table": table, "teapot": teapot,
    "tower": tower, "tree": tree, "truck": truck, "vase": vase,
}  # fmt: skip
