"""Every example template of Label Studio with an image, painted: `python -m benchmarks.templates`.

The templates come from the installed Label Studio; their tasks get the photographs of a folder, or those of
the `demo` extra. Prints the table, and with `--write` puts it into docs/results.md.
"""

import argparse
import base64
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from label_studio_sdk.label_interface import LabelInterface

from backend.demo.photos import sample_photos
from backend.images.source import ImageSource
from backend.label_studio.errors import LabelConfigError
from backend.label_studio.origin import LabelStudioOrigin
from backend.predictions import cached_label_config, predict_tasks
from zegclip_core.segmenter import Segmenter, build_segmenter

_TEMPLATES = ".venv-label-studio/lib/python3*/site-packages/label_studio/annotation_templates"
_RESULTS = Path("docs/results.md")
_HEADING = "## Controls and templates"
# Tags that people would like to have painted and that no mask can be made for.
_REFUSED = ("Video", "Pdf", "HyperText")
_WORDS = ("person", "dog", "cat", "bird", "horse")


@dataclass(frozen=True, slots=True)
class Template:
    """One example template.

    Attributes:
        name: its title.
        config: its labelling configuration.
        tags: the object tags in it.

    """

    name: str
    config: str
    tags: frozenset[str]


def inline_images() -> ImageSource:
    """Return a source for images that lie in their tasks as data addresses; its server is never asked."""
    return ImageSource(
        label_studio=LabelStudioOrigin(url="http://127.0.0.1:9", api_key=None),
        cache_dir=Path(".artifacts/no-downloads"),
        cache_bytes=0,
        max_bytes=2**24,
        max_pixels=2**26,
    )


def read_templates(folder: Path) -> list[Template]:
    """Return the templates of Label Studio that have a configuration, by name."""
    found = []
    for path in sorted(folder.rglob("config.yml")):
        described = yaml.safe_load(path.read_text(encoding="utf-8"))
        config = described.get("config")
        if not isinstance(config, str):
            config = (path.parent / "config.xml").read_text(encoding="utf-8")
        found.append(Template(str(described["title"]), config, frozenset(_object_tags(config))))
    return sorted(found, key=lambda template: template.name)


def _object_tags(config: str) -> set[str]:
    try:
        return {tag.tag for tag in LabelInterface(config).objects}
    except Exception:
        # Some templates are no usable configuration; the table says so.
        return {"Image"} if "<Image" in config else set()


def task_data(config: str, photo: str) -> dict[str, Any]:
    """Return data for a template's task: its own sample, with the photograph (an address) for every image."""
    interface = LabelInterface(config)
    sample = LabelInterface.get_task_from_labeling_config(config)[0]
    data = dict(sample) if isinstance(sample, Mapping) else {}
    for tag in interface.objects:
        if tag.tag == "Image":
            data[tag.value.lstrip("$")] = [photo, photo] if tag.attr.get("valueList") else photo
    return data


def with_words(config: str) -> str:
    """Give every label of a configuration one of the words for what the photographs show."""
    words = itertools.cycle(_WORDS)
    return re.sub(r"<(Label|Choice)\b", lambda found: f'<{found[1]} prompt="{next(words)}"', config)


def with_words_in_task(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same for labels that come with a task."""
    words = itertools.cycle(_WORDS)
    return {
        key: [_named(one, words) for one in value] if isinstance(value, list) else value
        for key, value in data.items()
    }


def _named(label: Any, words: Iterator[str]) -> Any:
    return {**label, "prompt": next(words)} if isinstance(label, Mapping) else label


def results(config: str, tasks: Sequence[Mapping[str, Any]], segmenter: Segmenter) -> str:
    """Paint tasks and count the results by type; ends the run when Label Studio would refuse one."""
    items = predict_tasks(
        [{"id": number, "data": data} for number, data in enumerate(tasks, start=1)],
        config,
        segmenter=segmenter,
        images=inline_images(),
        model_version=segmenter.model_version,
    )
    interface = LabelInterface(config)
    for item in items:
        wrong = interface.validate_prediction(item, return_errors=True)
        if wrong:
            raise SystemExit(f"Label Studio would refuse a prediction of {config}: {wrong[0][:300]}")
    kinds = Counter(region["type"] for item in items for region in item["result"])
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "none"


def row(template: Template, photos: Sequence[str], segmenter: Segmenter) -> str:
    """Return a template's line of the table."""
    try:
        read = cached_label_config(template.config)
    except LabelConfigError as error:
        return f"| {template.name} | | | | {_plain(str(error))} |"
    told = _plain("; ".join(read.warnings))
    if not read.targets:
        return f"| {template.name} | none | | | {told} |"
    painted = ", ".join(dict.fromkeys(f"`{target.control_type}`" for target in read.targets))
    tasks = [task_data(template.config, photo) for photo in photos]
    own = results(template.config, tasks, segmenter)
    given = results(with_words(template.config), [with_words_in_task(data) for data in tasks], segmenter)
    return f"| {template.name} | {painted} | {own} | {given} | {told} |"


def table(templates: Sequence[Template], photos: Sequence[str], segmenter: Segmenter) -> str:
    """Return the table of all templates with an image, or with what can only be refused."""
    rows = [
        "| template | painted controls | results, its own words | results, words of the photographs | told |",
        "| --- | --- | --- | --- | --- |",
    ]
    rows += [
        row(template, photos, segmenter) for template in templates if template.tags & {"Image", *_REFUSED}
    ]
    return "\n".join(rows)


def _plain(told: str) -> str:
    shorter = told.split("; painted are")[0]
    return shorter.replace("|", "\\|").replace("<", "`<").replace(">", ">`")


def addresses(folder: Path | None, count: int) -> list[str]:
    """Return at most `count` photographs of a folder, evenly chosen by name, as data addresses."""
    if folder is None:
        contents = [photo.content for photo in sample_photos()]
    else:
        files = sorted(folder.glob("*.jpg"))
        contents = [file.read_bytes() for file in files[:: max(1, len(files) // count)]]
    return ["data:image/jpeg;base64," + base64.b64encode(content).decode() for content in contents[:count]]


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, help="a folder of .jpg files; default: those of `make demo`")
    parser.add_argument("--count", type=int, default=12, help="how many of them")
    parser.add_argument("--of", default="the photographs of `make demo`", help="what they are, in words")
    parser.add_argument("--write", action="store_true", help="put the table into docs/results.md")
    options = parser.parse_args()
    folder = next(Path().glob(_TEMPLATES))
    segmenter = build_segmenter("zegclip-mini", device="cpu")
    photos = addresses(options.photos, options.count)
    text = table(read_templates(folder), photos, segmenter)
    print(text)
    if options.write:
        before, _, after = _RESULTS.read_text(encoding="utf-8").partition(_HEADING + "\n")
        rest = after[after.find("\n## ") :] if "\n## " in after else ""
        intro = (
            "`python -m benchmarks.templates --photos FOLDER --write`: every example template that ships\n"
            "with Label Studio 1.23.2 and has an image, or an object that cannot be painted, on\n"
            f"{len(photos)} tasks with {options.of}, by the embedded model. Few of the templates' own words\n"
            f"are in these photographs, so a second run gives their labels such words ({', '.join(_WORDS)})\n"
            "as `prompt`. Every prediction passed Label Studio's own validation."
        )
        _RESULTS.write_text(f"{before}{_HEADING}\n{intro}\n\n{text}\n{rest}", encoding="utf-8")


if __name__ == "__main__":
    main()
