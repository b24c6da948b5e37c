"""Values on the command line that are more than one word; argparse names the flag and ends with code 2."""

import argparse


def names(text: str) -> tuple[str, ...]:
    """Read names separated by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def same_names(text: str) -> tuple[str, str]:
    """Read two names of one class, `A=B`."""
    first, _, second = (part.strip() for part in text.partition("="))
    if not first or not second:
        raise argparse.ArgumentTypeError(f"{text!r}: write two names, such as tvmonitor=tv")
    return first, second


def dataset_and_split(text: str) -> tuple[str, str]:
    """Read `DATASET:SPLIT`."""
    folder, _, split = text.rpartition(":")
    if not folder or not split:
        raise argparse.ArgumentTypeError(f"{text!r}: write DATASET:SPLIT, such as datasets/voc:train_aug")
    return folder, split
