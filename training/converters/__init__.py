"""From the official downloads of the benchmarks to the one dataset description, `dataset.json`."""
