"""Tasks in the order of what they teach: uncertain ones, from every kind of image."""

import numpy as np

from backend.learning.ranking import RankedTask, annotation_order, cluster_images, rank


def two_kinds(count: int) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    generator = np.random.default_rng(0)
    centres = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    return (centres[np.arange(count) % 2] + generator.normal(0, 0.02, (count, 3))).astype(np.float32)


def test_alike_images_share_a_cluster() -> None:
    clusters = cluster_images(two_kinds(20))
    assert len(set(clusters[::2])) == 1
    assert len(set(clusters[1::2])) == 1
    assert clusters[0] != clusters[1]


def test_few_images_are_one_cluster() -> None:
    assert set(cluster_images(two_kinds(5))) == {0}


def test_clustering_is_the_same_every_time() -> None:
    embeddings = np.random.default_rng(1).normal(size=(60, 8)).astype(np.float32)
    assert np.array_equal(cluster_images(embeddings), cluster_images(embeddings))


def test_within_a_cluster_the_least_certain_comes_first() -> None:
    ranked = rank([1, 2, 3], [0.9, 0.1, 0.5], two_kinds(3))
    assert [one.task for one in ranked] == [2, 3, 1]


def test_clusters_take_turns() -> None:
    tasks = [
        RankedTask(n, score, cluster)
        for n, score, cluster in [(1, 0.1, 0), (2, 0.2, 0), (3, 0.3, 0), (4, 0.8, 1), (5, 0.9, 1)]
    ]
    assert [one.task for one in annotation_order(tasks)] == [1, 4, 2, 5, 3]
