"""`zegclip models`: the versions of a project's model."""

import argparse
import sys
from datetime import UTC, datetime

from backend.cli.settings_flags import add_settings_flags, settings_from
from backend.learning.find_project import find_project
from training.registry.manifest import VersionFacts, mean_iou
from training.registry.registry import ModelRegistry, Version

_EXAMPLES = """examples:
  zegclip models list --project 3
  zegclip models show 7 --project 3
  zegclip models compare 6 7 --project 3
  zegclip models promote 6 --project 3
  zegclip models rollback --project 3
  zegclip models prune --project 3 --keep 5

A promotion or a rollback counts from the workers' next job on; nothing has to be started again."""

_ACTIONS = ("list", "show", "compare", "promote", "rollback", "prune")
_NUMBERS = {"show": 1, "compare": 2, "promote": 1}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "models",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=_ACTIONS)
    parser.add_argument("versions", nargs="*", type=int, metavar="VERSION", help="numbers of versions")
    parser.add_argument("--project", type=int, required=True, help="the project's number, as in its address")
    parser.add_argument("--keep", type=int, default=5, help="prune: newest versions to keep (default: 5)")
    parser.add_argument("--why", default="by hand", help="promote, rollback: the reason that is kept")
    add_settings_flags(parser, "data_dir", "storage_url")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do one action."""
    wanted = _NUMBERS.get(arguments.action, 0)
    if len(arguments.versions) != wanted:
        print(f"zegclip models {arguments.action} takes {wanted} version numbers", file=sys.stderr)
        return 2
    registry = find_project(settings_from(arguments), arguments.project).registry
    numbers = arguments.versions
    if arguments.action == "list":
        _list(registry)
    elif arguments.action == "show":
        _show(registry.verified(numbers[0]))
    elif arguments.action == "compare":
        _compare(registry.find(numbers[0]), registry.find(numbers[1]))
    elif arguments.action == "promote":
        registry.promote(numbers[0], why=arguments.why)
        print(f"version {numbers[0]} serves now")
    elif arguments.action == "rollback":
        target = registry.rollback(why=arguments.why)
        print("the base model serves now" if target is None else f"version {target} serves now")
    else:
        gone = registry.prune(keep=arguments.keep)
        print(f"deleted versions: {', '.join(map(str, gone)) or 'none'}")
    return 0


def _list(registry: ModelRegistry) -> None:
    aliases = registry.aliases
    print("version  made              corrections  hold-out  mIoU   state")
    for version in reversed(registry.versions()):
        facts = version.facts
        state = "candidate: " + facts.reason
        if version.number == aliases.champion:
            state = "champion"
        elif version.number == aliases.previous:
            state = "previous"
        elif facts.promoted:
            state = "served before"
        print(
            f"{version.number:<8} {_moment(facts)}  {facts.corrections:<12} {facts.holdout:<9} "
            f"{_percent(facts.mean_iou):<6} {state}"
        )
    if aliases.champion is None:
        print("the base model serves")


def _show(version: Version) -> None:
    facts = version.facts
    print(f"version {version.number} of {_moment(facts)}, all files as published, in {version.folder}")
    print(f"{facts.reason}")
    print(f"base {facts.base}, parent {facts.parent or 'none'}, run {facts.run}")
    print(f"{facts.corrections} corrections, {facts.holdout} of them held out")
    for name, value in facts.training.items():
        print(f"{name.replace('_', ' ')}: {value}")
    for engine, loss in facts.engine_losses.items():
        print(f"{engine}: {loss:+.2f} points of mIoU lost on the hold-out")
    print("label                     words                          IoU    champion then")
    for name, words in facts.labels.items():
        kept = f", keeps {facts.kept[name]:.0%}" if name in facts.kept else ""
        seen = "" if name in facts.seen else f"  (no corrections{kept})"
        print(
            f"{name:<25} {', '.join(words)[:30]:<30} {_percent(facts.iou.get(name)):<6} "
            f"{_percent(facts.champion_iou.get(name))}{seen}"
        )


def _compare(first: Version, second: Version) -> None:
    one, other = first.facts, second.facts
    if (one.holdout, one.corrections) != (other.holdout, other.corrections):
        print(f"measured on hold-outs of {one.holdout} and {other.holdout} corrections")
    print(f"label                     v{first.number:<6} v{second.number:<6} change")
    for name in dict.fromkeys([*one.labels, *other.labels]):
        _compare_line(name, one.iou.get(name), other.iou.get(name))
    _compare_line("mean", mean_iou(one.iou), mean_iou(other.iou))


def _compare_line(name: str, before: float | None, after: float | None) -> None:
    change = f"{after - before:+.1f}" if before is not None and after is not None else "-"
    print(f"{name:<25} {_percent(before):<7} {_percent(after):<7} {change}")


def _moment(facts: VersionFacts) -> str:
    return datetime.fromtimestamp(facts.created_at, UTC).strftime("%Y-%m-%d %H:%M")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
