# analysis/drawing/linkage.py - the tree of a similarity matrix, by average linkage.

from dataclasses import dataclass
from typing import List

import numpy as np


@dataclass
class Merge:
    """Two clusters become one. Clusters 0..n-1 are the leaves; merge k makes cluster n + k."""

    left: int
    right: int
    height: float  # mean distance of the pairs with one leaf on each side


def average_linkage(distance: np.ndarray) -> List[Merge]:
    """Joins the two nearest clusters until one is left (UPGMA, Sokal and Michener 1958):

        d(A, B) = mean over a in A, b in B of d(a, b)

    Ties go to the pair whose smallest leaves come first. n - 1 merges, heights never fall. O(n^3), 0.2 s
    for 256 leaves.
    """
    n = len(distance)
    near = np.array(distance, dtype=np.float64)
    near[np.tril_indices(n)] = np.inf  # row a, column b, a < b: each pair once
    cluster, size = list(range(n)), np.ones(n)
    merges = []
    for k in range(n - 1):
        a, b = (int(i) for i in np.unravel_index(near.argmin(), near.shape))
        merges.append(Merge(cluster[a], cluster[b], float(near[a, b])))
        to_a = np.minimum(near[a, :], near[:, a])  # one of the two is infinite
        to_b = np.minimum(near[b, :], near[:, b])
        joined = (size[a] * to_a + size[b] * to_b) / (size[a] + size[b])
        near[a, a + 1:], near[:a, a] = joined[a + 1:], joined[:a]
        near[b, :], near[:, b] = np.inf, np.inf
        cluster[a], size[a] = n + k, size[a] + size[b]
    return merges


def leaf_order(merges: List[Merge], distance: np.ndarray) -> List[int]:
    """Leaves from one end of the tree to the other; no branches cross. Where two branches meet, each is turned so
    that the leaves that come to lie side by side are as near as can be, the first way on ties."""
    members: List[List[int]] = [[leaf] for leaf in range(len(distance))]
    for merge in merges:
        left, right = members[merge.left], members[merge.right]
        ways = [(a, b) for a in (left, left[::-1]) for b in (right, right[::-1])]
        near, far = min(ways, key=lambda way: distance[way[0][-1], way[1][0]])
        members.append(near + far)
    return members[-1]
