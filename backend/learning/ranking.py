"""Which tasks teach most: uncertain ones, from every kind of image (pure functions)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_IMAGES_PER_CLUSTER = 10
_MOST_CLUSTERS = 30
_TRIES = 5
_ROUNDS = 50
_PRECISION = 1e-4
_SEED = 0


@dataclass(frozen=True, slots=True)
class RankedTask:
    """A task with what Label Studio's uncertainty sampling needs.

    Attributes:
        task: its number.
        score: certainty of its prediction, 0 to 1.
        cluster: kind of image, from 0.

    """

    task: int
    score: float
    cluster: int


def rank(tasks: Sequence[int], scores: Sequence[float], embeddings: NDArray[np.float32]) -> list[RankedTask]:
    """Group images by k-means and return tasks in the order in which they should be annotated.

    Args:
        tasks: numbers.
        scores: certainty of each task's prediction, 0 to 1.
        embeddings: (tasks, D), unit length.

    """
    clusters = cluster_images(embeddings)
    ranked = [
        RankedTask(task, score, int(cluster))
        for task, score, cluster in zip(tasks, scores, clusters, strict=True)
    ]
    return annotation_order(ranked)


def cluster_images(embeddings: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return the cluster of each image (tasks,): about one for ten images, at most thirty."""
    count = min(_MOST_CLUSTERS, max(1, len(embeddings) // _IMAGES_PER_CLUSTER))
    if count == 1:
        return np.zeros(len(embeddings), np.int32)
    cv2.setRNGSeed(_SEED)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, _ROUNDS, _PRECISION)
    places = np.zeros((len(embeddings), 1), np.int32)
    samples = np.ascontiguousarray(embeddings, np.float32)
    _, found, _ = cv2.kmeans(samples, count, places, criteria, _TRIES, cv2.KMEANS_PP_CENTERS)
    clusters: NDArray[np.int32] = found[:, 0].astype(np.int32)
    return clusters


def annotation_order(ranked: Sequence[RankedTask]) -> list[RankedTask]:
    """Order tasks as Label Studio asks for them: the least annotated cluster, then the least certain."""
    left = sorted(ranked, key=lambda one: one.score)
    taken: Counter[int] = Counter()
    order = []
    while left:
        fewest = min(taken[one.cluster] for one in left)
        chosen = next(one for one in left if taken[one.cluster] == fewest)
        left.remove(chosen)
        taken[chosen.cluster] += 1
        order.append(chosen)
    return order
