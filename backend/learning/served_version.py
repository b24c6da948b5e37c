"""Which version serves a project, by name; quick enough for every request of Label Studio."""

from pathlib import Path

from backend.learning.project_folder import ProjectFolder, all_folders, learning_root


def served_version(data_dir: Path, key: str | None, *, base: str) -> str:
    """Return what predictions of a project carry now.

    Args:
        data_dir: the product's data folder.
        key: the project's key; None for a project that did not tell it.
        base: the version of the base model, which serves every project that has not learned yet.

    """
    if not key:
        return base
    folder = ProjectFolder(root=learning_root(data_dir), key=key)
    champion = folder.registry.aliases.champion
    return base if champion is None else folder.version_name(champion)


def all_served_versions(data_dir: Path, *, base: str) -> list[str]:
    """Return the base version and every project's version in service, each once."""
    versions = [served_version(data_dir, folder.key, base=base) for folder in all_folders(data_dir)]
    return list(dict.fromkeys([base, *versions]))
