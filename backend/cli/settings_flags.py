"""Flags that set the settings, the same for every command that takes them."""

import argparse
from pathlib import Path
from typing import Any

from backend.settings import Settings, environment_name, load_settings

_KINDS: dict[str, Any] = {
    "port": int,
    "data_dir": Path,
    "threads": int,
    "batch_size": int,
    "local_files_root": Path,
    "predict_deadline_seconds": float,
}


def add_settings_flags(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add a flag for each named setting; its help tells the environment variable."""
    group = parser.add_argument_group("settings (flags beat the environment)")
    for name in names:
        description = Settings.model_fields[name].description or ""
        group.add_argument(
            f"--{name.replace('_', '-')}",
            dest=f"setting_{name}",
            type=_KINDS.get(name, str),
            default=None,
            metavar=name.upper().rsplit("_", 1)[-1],
            help=f"{description} [{environment_name(name)}]",
        )


def settings_from(arguments: argparse.Namespace) -> Settings:
    """Combine a command's flags with environment and defaults; raises `SettingsError`."""
    flags = {
        name.removeprefix("setting_"): value
        for name, value in vars(arguments).items()
        if name.startswith("setting_")
    }
    return load_settings(**flags)
