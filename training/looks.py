"""How an image is looked at for scoring: as the product does, or as a recipe says."""

from training.setting_groups import EvaluationSettings
from zegclip_core.backbones.backbone import InputSizes
from zegclip_core.windows import Window, WindowPlan, nearest_multiple, plan_windows


def plan_look(height: int, width: int, sizes: InputSizes, settings: EvaluationSettings | None) -> WindowPlan:
    """Plan the resized image and its windows for an image of `height` x `width` pixels.

    Without settings it is the plan that predictions use. With them the shorter side is brought to
    `short_side` while the longer one stays within `long_side` (or, with `short_side` 0, the longer one to
    `long_side`), and windows of `window` pixels move by `window_stride`; the last ones end at the border, as
    in the papers' sliding inference.
    """
    if settings is None:
        return plan_windows(height, width, sizes)
    scale = settings.long_side / max(height, width)
    if settings.short_side:
        scale = min(scale, settings.short_side / min(height, width))
    multiple = sizes.multiple
    if settings.window == 0:
        rows, columns = (nearest_multiple(side * scale, multiple) for side in (height, width))
        return WindowPlan(rows, columns, (Window(0, 0, rows, columns),))
    window = nearest_multiple(settings.window, multiple)
    rows, columns = (max(round(side * scale), window) for side in (height, width))
    windows = tuple(
        Window(top, left, window, window)
        for top in _starts(rows, window, settings.window_stride)
        for left in _starts(columns, window, settings.window_stride)
    )
    return WindowPlan(rows, columns, windows)


def _starts(length: int, window: int, stride: int) -> list[int]:
    """First pixels of windows; the last window ends where the image ends."""
    number = -(-(length - window) // stride) + 1
    return [min(place * stride, length - window) for place in range(number)]
