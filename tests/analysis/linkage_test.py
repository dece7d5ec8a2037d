# tests/analysis/linkage_test.py - claims about the tree of a similarity matrix.

import itertools
import time

import support

import numpy as np
from drawing.linkage import average_linkage, leaf_order


def random_distance(n, seed):
    points = np.random.default_rng(seed).random((n, n))
    distance = (points + points.T) / 2
    np.fill_diagonal(distance, 0)
    return distance


def members_of(merges, n):
    """The leaves of every cluster, by its number."""
    members = [{leaf} for leaf in range(n)]
    for merge in merges:
        members.append(members[merge.left] | members[merge.right])
    return members


class LinkageTest(support.FolderTest):
    def test_a_hand_made_tree(self):
        distance = np.array([[0, 8, 2, 6], [8, 0, 7, 3], [2, 7, 0, 5], [6, 3, 5, 0]], dtype=float)
        merges = average_linkage(distance)
        self.assertEqual([(m.left, m.right) for m in merges], [(0, 2), (1, 3), (4, 5)])
        np.testing.assert_allclose([m.height for m in merges], [2, 3, (8 + 6 + 7 + 5) / 4])
        # 2 beside 3 (5) is nearer than 2 beside 1 (7), 0 beside 1 (8) and 0 beside 3 (6)
        self.assertEqual(leaf_order(merges, distance), [0, 2, 3, 1])

    def test_heights_are_the_mean_distances_of_all_pairs(self):
        """An independent way: at each merge, the two clusters of smallest mean, each mean made anew from the pairs."""
        for n, seed in ((2, 0), (3, 1), (13, 2), (24, 3)):
            distance = random_distance(n, seed)
            merges = average_linkage(distance)
            members = members_of(merges, n)
            alive = set(range(n))
            for k, merge in enumerate(merges):
                means = {(a, b): np.mean([distance[i, j] for i in members[a] for j in members[b]])
                         for a, b in itertools.combinations(sorted(alive), 2)}
                nearest = min(means, key=means.get)
                self.assertEqual(nearest, tuple(sorted((merge.left, merge.right))))
                # means of at most 144 numbers below 1, summed in another order: 144 * 2^-53 is below 1e-13
                self.assertAlmostEqual(merge.height, means[nearest], delta=1e-12)
                alive = alive - {merge.left, merge.right} | {n + k}
            self.assertEqual(len(alive), 1)

    def test_ties_go_to_the_first_leaves(self):
        distance = np.ones((4, 4)) - np.eye(4)
        self.assertEqual([(m.left, m.right) for m in average_linkage(distance)], [(0, 1), (4, 2), (5, 3)])

    def test_no_branches_cross(self):
        for n, seed in ((2, 4), (5, 5), (40, 6)):
            distance = random_distance(n, seed)
            merges = average_linkage(distance)
            order = leaf_order(merges, distance)
            self.assertEqual(sorted(order), list(range(n)))
            for cluster in members_of(merges, n):
                rows = sorted(order.index(leaf) for leaf in cluster)
                self.assertEqual(rows, list(range(rows[0], rows[0] + len(rows))))

    def test_256_languages_take_seconds(self):
        begin = time.monotonic()
        self.assertEqual(len(average_linkage(random_distance(256, 7))), 255)
        self.assertLess(time.monotonic() - begin, 20)  # 0.1 s on an idle core


if __name__ == "__main__":
    support.main()
