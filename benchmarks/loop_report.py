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
    """Numbers of corrections that every seed of an order was measured at: a pool may end early."""
    seeds = {one.seed for one in points if one.order == order}
    steps = sorted({one.corrections for one in points if one.order == order})
    return [
        step
        for step in steps
        if {one.seed for one in points if (one.order, one.corrections) == (order, step)} == seeds
    ]


def plot(points: Sequence[Point]) -> Image.Image:
    """Draw mIoU by corrections: of seen labels thick, of never annotated ones thin.

    Lines are means over the seeds, small dots the seeds.
    """
    picture = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    draw = ImageDraw.Draw(picture)
    values = [value for one in points for value in (one.seen, one.never)]
    low, high = 10 * (int(min(values)) // 10), 10 * (int(max(values)) // 10 + 1)
    most = max(one.corrections for one in points) or 1

    def place(corrections: float, value: float) -> tuple[float, float]:
        return (
            _MARGIN + (_WIDTH - 2 * _MARGIN) * corrections / most,
            _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * (value - low) / (high - low),
        )

    for value in range(low, high + 1, 10):
        draw.line((*place(0, value), *place(most, value)), fill=(225, 225, 225))
        draw.text((_MARGIN - 24, place(0, value)[1] - 6), str(value), fill="black")
    for step in sorted({step for order in _orders(points) for step in _steps(points, order)}):
        draw.text((place(step, low)[0] - 6, _HEIGHT - _MARGIN + 4), str(step), fill="black")
    for row, order in enumerate(_orders(points)):
        draw.text((_MARGIN + 150 * row, 12), f"{order} order", fill=_COLOURS[order])
        for field, width in (("seen", 4), ("never", 2)):
            of_order = [one for one in points if one.order == order]
            for one in of_order:
                _dot(draw, place(one.corrections, getattr(one, field)), 1.5, _COLOURS[order])
            steps = _steps(points, order)
            means = [
                statistics.mean(getattr(one, field) for one in of_order if one.corrections == step)
                for step in steps
            ]
            places = [place(step, mean) for step, mean in zip(steps, means, strict=True)]
            if len(places) > 1:
                draw.line(places, fill=_COLOURS[order], width=width)
            for point in places:
                _dot(draw, point, width, _COLOURS[order])
    told = "mIoU by corrections; thick: seen labels, thin: never annotated; dots: seeds"
    draw.text((_MARGIN, _HEIGHT - 24), told, fill="black")
    return picture


def _dot(
    draw: ImageDraw.ImageDraw, place: tuple[float, float], radius: float, colour: tuple[int, int, int]
) -> None:
    x, y = place
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


if __name__ == "__main__":
    main()
