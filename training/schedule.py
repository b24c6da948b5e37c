"""Learning rate: linear warm-up, then polynomial decay, by iteration (as in ZegCLIP's released recipes)."""

from training.setting_groups import OptimisationSettings


def learning_rate(iteration: int, *, iterations: int, settings: OptimisationSettings) -> float:
    """Return the rate of a 0-based iteration out of `iterations`.

    The decay runs from the first iteration; during the warm-up it is multiplied with a line from
    `warmup_ratio` to 1.
    """
    left = max(0.0, 1.0 - iteration / iterations)
    floor = min(settings.smallest_rate, settings.learning_rate)
    rate: float = (settings.learning_rate - floor) * left**settings.power + floor
    if iteration < settings.warmup:
        rate *= 1.0 - (1.0 - iteration / settings.warmup) * (1.0 - settings.warmup_ratio)
    return rate
