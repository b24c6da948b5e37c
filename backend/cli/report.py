"""`zegclip report`: what learning has brought to a project."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from backend.cli.settings_flags import add_settings_flags, settings_from
from backend.learning.find_project import find_project

if TYPE_CHECKING:
    from backend.learning.report import LearningReport

_EXAMPLES = """examples:
  zegclip report --project 3
  zegclip report --project 3 --html report.html      (one file, pictures included)
  zegclip report --project 3 --json"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "report",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--project", type=int, required=True, help="the project's number, as in its address")
    parser.add_argument("--html", type=Path, default=None, metavar="FILE", help="write a page to this file")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    add_settings_flags(parser, "data_dir", "storage_url")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print figures, or write the page."""
    folder = find_project(settings_from(arguments), arguments.project)
    from backend.learning.report import project_report

    report = project_report(folder)
    if arguments.json:
        print(json.dumps(report.to_document(), indent=1))
    else:
        _print(report)
    if arguments.html is not None:
        from backend.learning.report_page import report_html

        arguments.html.parent.mkdir(parents=True, exist_ok=True)
        arguments.html.write_text(report_html(folder), encoding="utf-8")
        print(f"written: {arguments.html}")
    return 0


def _print(report: "LearningReport") -> None:
    print(f"{report.corrections} corrected images, {report.new_corrections} since the last training")
    print(f"in service: {report.serves or 'the base model'}")
    for rate in report.by_version:
        print(
            f"{rate.group}: {rate.tasks} images, regions {rate.kept} kept, {rate.changed} changed, "
            f"{rate.deleted} deleted, {rate.added} added, {100 * rate.pixels_changed:.1f} % of pixels changed"
        )
    for point in report.curve:
        figures = "not measured" if point.m_iou is None else f"hold-out mIoU {point.m_iou:.1f}"
        print(f"version {point.version}: {point.corrections} corrections, {figures}")
    if report.time.saved is not None:
        print(f"estimated time saved: {report.time.saved / 3600:.1f} hours")
    if report.last_result:
        print(f"last training: {report.last_result}")
