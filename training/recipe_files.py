"""Recipes on disk: TOML files that override the defaults, with a table per mode where the modes differ.

[model]
backbone = "zegclip-mini"

[modes.transductive.optimisation]
iterations = 100
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from training.configuration import Mode, TrainingConfiguration
from training.errors import ConfigurationError

MODES: tuple[Mode, ...] = ("inductive", "transductive", "fully")
Settings = TypeVar("Settings")


def recipe_names() -> list[str]:
    """Names of the recipes that come with the package."""
    folder = resources.files("training") / "recipes"
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )


def load_recipe(recipe: str, mode: Mode, overrides: Sequence[str] = ()) -> TrainingConfiguration:
    """Read a recipe for one mode and apply overrides such as `"optimisation.iterations=500"`.

    Args:
        recipe: a name out of `recipe_names()`, or the path of a TOML file.
        mode: which of the recipe's mode tables applies.
        overrides: dotted settings with values in TOML form (texts may go without quotes).

    Raises `ConfigurationError` for unknown recipes, settings, types or values.

    """
    document = _read(recipe)
    modes = document.pop("modes", {})
    unknown = set(modes) - set(MODES)
    if unknown:
        raise ConfigurationError(f"recipe {recipe}: {sorted(unknown)} are no modes: use {', '.join(MODES)}")
    merged = _merge(_merge(document, modes.get(mode, {})), {"mode": mode})
    for override in overrides:
        merged = _merge(merged, _parse_override(override))
    return from_mapping(merged, where=f"recipe {recipe}")


def from_mapping(mapping: Mapping[str, Any], *, where: str) -> TrainingConfiguration:
    """Build a configuration from nested dictionaries; `where` begins every error message.

    Raises `ConfigurationError` for unknown settings and values of another type.
    """
    return _build(TrainingConfiguration, mapping, where, "")


def _read(recipe: str) -> dict[str, Any]:
    if recipe in recipe_names():
        text = (resources.files("training") / "recipes" / f"{recipe}.toml").read_text("utf-8")
    elif recipe.endswith(".toml") and Path(recipe).is_file():
        text = Path(recipe).read_text("utf-8")
    else:
        raise ConfigurationError(
            f"no recipe {recipe!r}: name one of {', '.join(recipe_names())}, or the path of a .toml file"
        )
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"recipe {recipe} is no valid TOML: {error}") from error


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _parse_override(text: str) -> dict[str, Any]:
    path, separator, value = text.partition("=")
    if not separator or not path.strip():
        raise ConfigurationError(f"override {text!r}: write it as group.setting=value")
    try:
        parsed: Any = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    for key in reversed(path.strip().split(".")):
        parsed = {key: parsed}
    result: dict[str, Any] = parsed
    return result


def _build(kind: type[Settings], mapping: Mapping[str, Any], where: str, prefix: str) -> Settings:
    hints = get_type_hints(kind)
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(mapping) - known)
    if unknown:
        raise ConfigurationError(
            f"{where}: no setting {prefix}{unknown[0]}: there is {', '.join(sorted(known))}"
        )
    values = {name: _convert(hints[name], value, where, f"{prefix}{name}") for name, value in mapping.items()}
    return kind(**values)


def _convert(hint: Any, value: Any, where: str, name: str) -> Any:
    if isinstance(hint, type) and is_dataclass(hint) and isinstance(value, Mapping):
        return _build(hint, value, where, f"{name}.")
    if get_origin(hint) is Literal:
        if value in get_args(hint):
            return value
        raise ConfigurationError(f"{where}: {name} = {value!r}: must be one of {', '.join(get_args(hint))}")
    if get_origin(hint) is tuple and isinstance(value, list):
        return _convert_list(get_args(hint), value, where, name)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and isinstance(value, hint) and isinstance(value, bool) == (hint is bool):
        return value
    wanted = getattr(hint, "__name__", str(hint))
    raise ConfigurationError(f"{where}: {name} = {value!r}: must be {wanted}, not {type(value).__name__}")


def _convert_list(items: tuple[Any, ...], values: list[Any], where: str, name: str) -> tuple[Any, ...]:
    hints = [items[0]] * len(values) if items[-1] is Ellipsis else list(items)
    if len(hints) != len(values) or not values:
        raise ConfigurationError(f"{where}: {name} = {values!r}: must have {len(hints) or 'some'} values")
    return tuple(_convert(hint, value, where, name) for hint, value in zip(hints, values, strict=True))
