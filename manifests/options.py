"""Options from a table: a frozen dataclass filled from TOML values, each checked against its type and range."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from manifests.errors import RecipeError, nearest

T = TypeVar("T")

LARGEST = 2**63 - 1  # TOML's own limit; Python reads on, and neither a float nor an array could hold more


def build_options(cls: type[T], table: Mapping[str, Any], where: str) -> T:
    """An options dataclass from a table; raises RecipeError that begins with `where` and names key, value and range.

    Types may be int, float, bool, str, Literal, Optional and tuples of these; field metadata may hold `min` and `max`.
    """
    hints = _hints(typing.cast("Hashable", cls))
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    values = {}
    for key, value in table.items():
        if key not in fields:
            raise RecipeError(f"{where}: unknown key {key!r}{nearest(key, fields) or '; it takes no options'}")
        values[key] = _value(hints[key], value, fields[key].metadata, f"{where}: {key}")
    missing = [name for name, field in fields.items() if name not in values and _required(field)]
    if missing:
        raise RecipeError(f"{where}: {missing[0]} has to be given")
    try:
        return cls(**values)
    except ValueError as error:
        raise RecipeError(f"{where}: {error}") from error


@cache
def _hints(cls: Hashable) -> dict[str, Any]:
    """Types of an options class: they are text until they are looked up, which costs 0.2 ms a class."""
    return typing.get_type_hints(typing.cast("type", cls))


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _value(kind: Any, value: Any, metadata: Mapping[str, Any], where: str) -> Any:
    origin = get_origin(kind)
    if origin is Literal:
        return _choice(get_args(kind), value, where)
    if origin is tuple:
        return _tuple(get_args(kind), value, metadata, where)
    if origin in (Union, types.UnionType):
        return _value(_inner(kind, value), value, metadata, where)
    if kind in (int, float) and type(value) is int and abs(value) > LARGEST:
        raise RecipeError(f"{where} has {value.bit_length()} bits; it has to be {_named(kind)} of at most 63")
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise RecipeError(f"{where} is {value!r}; it has to be {_named(kind)}")
    if kind in (int, float):
        _check_range(value, metadata, where)
    return value


def _inner(kind: Any, value: Any) -> Any:
    """The member of a union that a value of this type belongs to: TOML has no null, so None is never written."""
    members = [member for member in get_args(kind) if member is not type(None)]
    fitting = [member for member in members if member is type(value)]
    literal = [member for member in members if get_origin(member) is Literal and value in get_args(member)]
    return (fitting or literal or members)[0]


def _choice(choices: tuple[Any, ...], value: Any, where: str) -> Any:
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        hint = nearest(value, map(str, choices)) if isinstance(value, str) else ""
        listed = " or ".join(repr(choice) for choice in choices)
        raise RecipeError(f"{where} is {value!r}; it has to be {listed}{hint if 'mean' in hint else ''}")
    return value


def _tuple(kinds: tuple[Any, ...], value: Any, metadata: Mapping[str, Any], where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise RecipeError(f"{where} is {value!r}; it has to be a list")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise RecipeError(f"{where} has {len(value)} items; it has to have {len(kinds)}")
    pairs = zip(kinds, value, strict=True)
    return tuple(_value(kind, item, metadata, f"{where}[{i}]") for i, (kind, item) in enumerate(pairs))


def _check_range(value: float, metadata: Mapping[str, Any], where: str) -> None:
    low, high = metadata.get("min", -math.inf), metadata.get("max", math.inf)
    if math.isfinite(value) and low <= value <= high:
        return
    if math.isinf(high):
        limits = f"at least {low}" if math.isfinite(low) else "finite"
    else:
        limits = f"in {low} … {high}" if math.isfinite(low) else f"at most {high}"
    raise RecipeError(f"{where} is {value!r}; it has to be {limits}")


def _named(kind: Any) -> str:
    return {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(kind, str(kind))
