"""Every example template of Label Studio with an image, painted: `python benchmarks/templates.py`.

The templates come from the installed Label Studio; their tasks get the photographs of a folder, or those of
the `demo` extra. Prints the table, and with `--write` puts it into docs/results.md.
"""

import argparse
import base64
from collections import Counter
from collections.abc import Mapping, Sequence
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


def outcome(template: Template, photos: Sequence[str], segmenter: Segmenter) -> tuple[str, str]:
    """Paint a template's tasks, one for each photograph; returns what came out and what was told."""
    try:
        warnings = cached_label_config(template.config).warnings
    except LabelConfigError as error:
        return "nothing", str(error)
    items = predict_tasks(
        [{"id": id_, "data": task_data(template.config, photo)} for id_, photo in enumerate(photos, start=1)],
        template.config,
        segmenter=segmenter,
        images=inline_images(),
        model_version=segmenter.model_version,
    )
    interface = LabelInterface(template.config)
    for item in items:
        wrong = interface.validate_prediction(item, return_errors=True)
        if wrong:
            raise SystemExit(f"{template.name}: Label Studio would refuse it: {wrong[0][:300]}")
    kinds = Counter(region["type"] for item in items for region in item["result"])
    made = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    told = "; ".join(warnings) or items[0].get("error", {}).get("message", "")
    return made or "nothing", told or ("" if made else "no label of it is in the photographs")


def table(templates: Sequence[Template], photos: Sequence[str], segmenter: Segmenter) -> str:
    """Return the table of all templates with an image, or with what can only be refused."""
    rows = ["| template | results | reason, or what was told |", "| --- | --- | --- |"]
    for template in templates:
        if template.tags & {"Image", *_REFUSED}:
            made, told = outcome(template, photos, segmenter)
            rows.append(f"| {template.name} | {made} | {_plain(told)} |")
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
    parser.add_argument("--count", type=int, default=24, help="how many of them")
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
            "`python benchmarks/templates.py --photos FOLDER --write`: every example template that ships\n"
            "with Label Studio 1.23.2 and has an image, or an object that cannot be painted; the results\n"
            f"on {len(photos)} tasks with {options.of}, by the embedded model. Every prediction\n"
            "passed Label Studio's own validation."
        )
        _RESULTS.write_text(f"{before}{_HEADING}\n{intro}\n\n{text}\n{rest}", encoding="utf-8")


if __name__ == "__main__":
    main()
