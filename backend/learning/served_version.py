"""Which version serves a project, by name; quick enough for every request of Label Studio."""

from backend.learning.learning_storage import LearningStorage


def served_version(learning: LearningStorage, key: str | None, *, base: str) -> str:
    """Return what predictions of a project carry now.

    Args:
        learning: where projects are kept.
        key: the project's key; None for a project that did not tell it.
        base: the version of the base model, which serves every project that has not learned yet.

    """
    if not key:
        return base
    folder = learning.project(key)
    champion = folder.registry.aliases.champion
    return base if champion is None else folder.version_name(champion)


def all_served_versions(learning: LearningStorage, *, base: str) -> list[str]:
    """Return the base version and every project's version in service, each once."""
    versions = [served_version(learning, folder.key, base=base) for folder in learning.projects()]
    return list(dict.fromkeys([base, *versions]))
