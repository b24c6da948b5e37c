"""What `benchmarks.loop` measured, as tables and plot: `python -m benchmarks.loop_report benchmark-loop`."""

import argparse
import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

ORDERS = ("proposed", "random")
_COLOURS = {"proposed": (59, 111, 182), "random": (190, 90, 40)}
_FIELDS = ("seen", "never", "h_iou")
_WIDTH, _HEIGHT, _MARGIN = 640, 360, 48


@dataclass(frozen=True, slots=True)
class Point:
    """What the model in service reached after some corrections, mIoU in percent with background counted."""

    order: str
    seed: int
    corrections: int
    version: str
    seen: float
    never: float
    h_iou: float
    result: str
    seconds: float


def main() -> None:
    """Print the tables of a finished or broken off benchmark and draw its plot again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="what --out of benchmarks.loop named")
    folder = parser.parse_args().folder
    points = [Point(**one) for one in json.loads((folder / "loop.json").read_text())]
    write(points, folder)
    print(tables(points))


def write(points: Sequence[Point], folder: Path) -> None:
    """Write `loop.json`, `loop.md` and `loop.png` to a folder."""
    (folder / "loop.json").write_text(json.dumps([asdict(one) for one in points], indent=1))
    (folder / "loop.md").write_text(tables(points) + "\n")
    plot(points).save(folder / "loop.png")


def tables(points: Sequence[Point]) -> str:
    """Return every point, and the means over the seeds, as Markdown."""
    return "\n".join([*_every_point(points), "", *_means(points)])


def _every_point(points: Sequence[Point]) -> Iterator[str]:
    yield "| order | seed | corrections | in service | seen | never annotated | hIoU | training |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for one in points:
        result = one.result.partition(":")[0] or "-"
        yield (
            f"| {one.order} | {one.seed} | {one.corrections} | {one.version} | {one.seen:.1f} "
            f"| {one.never:.1f} | {one.h_iou:.1f} | {result}, {one.seconds:.0f} s |"
        )


def _means(points: Sequence[Point]) -> Iterator[str]:
    """Means over the seeds with their standard deviations, and the mean up to 50 corrections (the area)."""
    yield "| order | corrections | seeds | seen | never annotated | hIoU |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for order in _orders(points):
        for step in _steps(points, order):
            found = [one for one in points if (one.order, one.corrections) == (order, step)]
            yield f"| {order} | {step} | {len(found)} | " + _spread([_values(one) for one in found])
        seeds = sorted({one.seed for one in points if one.order == order})
        areas = [_area([one for one in points if (one.order, one.seed) == (order, seed)]) for seed in seeds]
        yield f"| {order} | 0 to 50, area | {len(seeds)} | " + _spread(areas)


def _values(point: Point) -> tuple[float, ...]:
    return tuple(getattr(point, field) for field in _FIELDS)


def _area(points: Sequence[Point], until: int = 50) -> tuple[float, ...]:
    """The mean of each figure over the number of corrections, with straight lines between measurements."""
    steps = [one.corrections for one in points if one.corrections <= until]
    values = np.array([_values(one) for one in points if one.corrections <= until])
    if len(steps) < 2:
        return tuple(values[-1])
    return tuple(np.trapezoid(values, steps, axis=0) / (steps[-1] - steps[0]))


def _spread(rows: Sequence[Sequence[float]]) -> str:
    columns = [
        f"{statistics.mean(column):.1f} ± {statistics.pstdev(column):.1f}"
        for column in zip(*rows, strict=True)
    ]
    return " | ".join(columns) + " |"


def _orders(points: Sequence[Point]) -> list[str]:
    return [order for order in ORDERS if any(one.order == order for one in points)]


def _steps(points: Sequence[Point], order: str) -> list[int]:
    return sorted({one.corrections for one in points if one.order == order})


def plot(points: Sequence[Point]) -> Image.Image:
    """Draw seen (thick) and never annotated (thin) mIoU by corrections, the mean over seeds."""
    picture = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    draw = ImageDraw.Draw(picture)
    most = max((one.corrections for one in points), default=1) or 1

    def place(corrections: float, value: float) -> tuple[float, float]:
        return (
            _MARGIN + (_WIDTH - 2 * _MARGIN) * corrections / most,
            _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * value / 100,
        )

    for value in range(0, 101, 20):
        draw.line((*place(0, value), *place(most, value)), fill=(225, 225, 225))
        draw.text((8, place(0, value)[1] - 6), str(value), fill="black")
    for row, order in enumerate(_orders(points)):
        draw.text((_MARGIN + 150 * row, 12), order, fill=_COLOURS[order])
        for field, radius in (("seen", 4), ("never", 2)):
            steps = _steps(points, order)
            means = [
                statistics.mean(
                    getattr(one, field) for one in points if (one.order, one.corrections) == (order, step)
                )
                for step in steps
            ]
            places = [place(step, mean) for step, mean in zip(steps, means, strict=True)]
            if len(places) > 1:
                draw.line(places, fill=_COLOURS[order], width=radius)
            for x, y in places:
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_COLOURS[order])
    draw.text(
        (_MARGIN, _HEIGHT - 24), "corrections; thick: seen labels, thin: never annotated (mIoU)", fill="black"
    )
    for step in sorted({one.corrections for one in points}):
        draw.text((place(step, 0)[0] - 6, _HEIGHT - _MARGIN + 4), str(step), fill="black")
    return picture


if __name__ == "__main__":
    main()
