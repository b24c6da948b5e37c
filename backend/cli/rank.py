"""`zegclip rank`: the label stream asks for what teaches most."""

import argparse

from tqdm import tqdm

from backend.cli.settings_flags import add_settings_flags, settings_from
from backend.images.from_settings import open_images
from backend.label_studio.from_settings import open_client
from backend.learning.project_key import key_from_api
from backend.logs import configure_logging
from training.progress_bar import shown_by

_EXAMPLES = """examples:
  zegclip prelabel --project 3 && zegclip rank --project 3
  zegclip rank --project 3 --show 20

Tasks need a prediction of the version in service (zegclip prelabel makes them). The project's sampling is set
to "Uncertainty sampling" and its model version to the one in service; while that is so, Label Studio shows
stored predictions and asks no backend for new ones. A new version that paints the tasks again is followed."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "rank",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--project", type=int, required=True, help="the project's number, as in its address")
    parser.add_argument("--show", type=int, default=10, help="how many tasks to print (default: 10)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_settings_flags(
        parser,
        "data_dir",
        "storage_url",
        "model",
        "device",
        "engine",
        "threads",
        "label_studio_url",
        "log_level",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Rank, then print the first tasks."""
    settings = settings_from(arguments)
    configure_logging(settings.log_level)
    from backend.learning.champions import open_champions
    from backend.learning.rank_project import rank_project
    from zegclip_core.segmenter import build_segmenter

    client = open_client(settings)
    base = build_segmenter(
        settings.model,
        cache_dir=settings.data_dir / "models",
        device=settings.device,
        engine=settings.engine,
    )
    champions = open_champions(base, settings)
    segmenter, version = champions.of(key_from_api(client.project(arguments.project)))
    with tqdm(unit="task", desc=version, disable=arguments.quiet) as bar:
        ranked = rank_project(
            client,
            arguments.project,
            segmenter=segmenter,
            version=version,
            images=open_images(settings),
            progress=shown_by(bar),
        )
    if not ranked:
        print(f"no task waits with a prediction of {version}: run zegclip prelabel first")
        return 1
    print(f"{len(ranked)} tasks in {len({one.cluster for one in ranked})} clusters; the first ones:")
    for one in ranked[: arguments.show]:
        print(f"  task {one.task}: certainty {one.score:.3f}, cluster {one.cluster}")
    return 0
