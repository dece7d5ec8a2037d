# tests/analysis/figures_test.py - claims about what the figures show, and that it can be read.

import itertools
import random

import support
from support import (ALLOCATION, CHECKPOINT, DEVIATION, LANGUAGES, LAYERS, LIFELONG, METRICS, SHARES_AFTER,
                     SHARES_BEFORE)

import numpy as np
from drawing import style
from figures import (allocation, deviation, forgetting, language_loss, language_similarity, layer_similarity,
                     routing_shares)
from inputs.allocation import parse_allocation, parse_checkpoint
from inputs.deviation import parse_deviation
from inputs.families import table as families_table
from inputs.language_similarity import parse_language_similarity
from inputs.layer_similarity import parse_layer_similarity
from inputs.lifelong import parse_lifelong
from inputs.metrics import parse_metrics
from inputs.shares import parse_shares
from matplotlib.backends.backend_agg import FigureCanvasAgg

TAGS = sorted({language.tag for language in families_table().values()})


def metrics_of(records):
    import json
    return parse_metrics("".join(json.dumps(record) + "\n" for record in records), "m")


def shown(axes):
    """What an image shows, masked where it has nothing."""
    return axes.images[0].get_array()


class DeviationFigureTest(support.FolderTest):
    def test_line_threshold_and_chosen_layers_are_the_formula(self):
        its = parse_deviation(DEVIATION, "f")
        axes = deviation.figure(its, 0.5).axes[0]
        lines = {line.get_label(): line for line in axes.lines}
        np.testing.assert_allclose(axes.lines[0].get_ydata(), [1.5, 3.5, 2.0, 3.0])
        self.assertEqual(lines["mean, chosen layer"].get_xdata().tolist(), [1, 3])
        self.assertEqual(lines["mean, other layer"].get_xdata().tolist(), [0, 2])
        self.assertEqual(lines["threshold 0.5"].get_ydata(), [2.5, 2.5])  # 1.5 + 0.5 * (3.5 - 1.5)
        self.assertIn("2 of 4 layers, mask 10.", deviation.caption(its, 0.5))  # 2^1 + 2^3

    def test_table_has_mean_spread_and_choice(self):
        table = deviation.tables(parse_deviation(DEVIATION, "f"), 0.5)[0]
        self.assertEqual(table.rows, [[0, 1.5, 0.5, 0.0, ""], [1, 3.5, 0.5, 1.0, "yes"], [2, 2.0, 0.5, 0.25, ""],
                                      [3, 3.0, 1.0, 0.75, "yes"]])


class LayerSimilarityFigureTest(support.FolderTest):
    def test_three_lines_are_the_three_lists(self):
        axes = layer_similarity.figure(parse_layer_similarity(LAYERS, "f")).axes[0]
        drawn = {line.get_label(): line.get_ydata().tolist() for line in axes.lines}
        self.assertEqual(drawn, {"new with new": [0.6, 0.3], "new with old": [0.4, 0.2], "S, their mean": [0.5, 0.25]})

    def test_similarity_alone_is_one_line(self):
        axes = layer_similarity.figure(parse_layer_similarity({"similarity": [0.5, 0.25]}, "f")).axes[0]
        self.assertEqual([line.get_ydata().tolist() for line in axes.lines], [[0.5, 0.25]])


class LanguageSimilarityFigureTest(support.FolderTest):
    def setUp(self):
        super().setUp()
        self.similarity = parse_language_similarity(LANGUAGES, "f")
        self.canvas = language_similarity.figure(self.similarity)

    def test_heat_map_is_the_matrix_in_the_order_of_the_tree(self):
        # ru-uk join at 0.9, then en joins them (mean of 0.1 and 0.3 is 0.2; ta has 0.2 with en but 0.0 and 0.1 with
        # the others). en-ta (0.2) is as near as en-{ru,uk} (0.2): the pair whose leaves come first, {en} and {ru,uk}.
        tree, heat = self.canvas.axes[0], self.canvas.axes[1]
        tags = [label.get_text() for label in heat.get_yticklabels()]
        self.assertEqual(tags, [label.get_text() for label in heat.get_xticklabels()])
        self.assertEqual(tags, ["ru", "uk", "en", "ta"])
        expected = np.array([[1, 0.9, 0.1, 0.0], [0.9, 1, 0.3, 0.1], [0.1, 0.3, 1, 0.2], [0.0, 0.1, 0.2, 1]])
        array = shown(heat)
        self.assertTrue(np.diag(array.mask).all())
        self.assertEqual(int(array.mask.sum()), 4)
        beside = ~np.eye(4, dtype=bool)
        np.testing.assert_allclose(array.data[beside], expected[beside])
        self.assertEqual(len(tree.lines), 3)

    def test_tree_has_its_joints_at_the_mean_distances(self):
        heights = [float(line.get_xdata()[1]) for line in self.canvas.axes[0].lines]
        np.testing.assert_allclose(heights, [1 - 0.9, 1 - 0.2, 1 - (0.2 + 0.0 + 0.1) / 3])
        rows = [line.get_ydata().tolist() for line in self.canvas.axes[0].lines]
        self.assertEqual(rows, [[0, 0, 1, 1], [2, 2, 0.5, 0.5], [1.25, 1.25, 3, 3]])

    def test_families_are_beside_their_rows(self):
        words = {text.get_text(): text.xy[1] for text in self.canvas.axes[1].texts}
        self.assertEqual(words, {"Slavic, Indo-European": 0.5, "Germanic, Indo-European": 2, "South Dravidian, Dravidian": 3})
        colours = [patch.get_facecolor() for patch in self.canvas.axes[1].patches]
        self.assertEqual(len(colours), 3)
        self.assertEqual(colours[0], colours[1])  # both Indo-European
        self.assertNotEqual(colours[0], colours[2])

    def test_table_names_the_nearest_language(self):
        rows = {row[0]: row for row in language_similarity.tables(self.similarity)[0].rows}
        self.assertEqual(rows["uk"][:7], ["uk", "Ukrainian", "Indo-European", "Slavic", "Cyrl", "ru", 0.9])
        self.assertAlmostEqual(rows["uk"][7], (0.9 + 0.3 + 0.1) / 3)


class AllocationFigureTest(support.FolderTest):
    def bars(self, its):
        return [[(bar.get_y(), bar.get_height()) for bar in bars] for bars in allocation.figure(its).axes[0].containers]

    def test_new_experts_stand_on_old_ones(self):
        self.assertEqual(self.bars(parse_allocation(ALLOCATION, "f")), [[(0, 1)] * 3, [(1, 1), (1, 3), (1, 0)]])

    def test_generations_stand_on_one_another(self):
        self.assertEqual(self.bars(parse_checkpoint(CHECKPOINT, "f")), [[(0, 1), (0, 2)], [(1, 1), (2, 1)],
                                                                        [(2, 0), (3, 1)]])

    def test_table_sums_layers_and_generations(self):
        table = allocation.tables(parse_checkpoint(CHECKPOINT, "f"))[0]
        self.assertEqual(table.rows, [[0, 1, 1, 0, 2], [1, 2, 1, 1, 4], ["all", 3, 2, 1, 6]])


class ForgettingFigureTest(support.FolderTest):
    def test_colours_are_changes_and_numbers_are_scores(self):
        canvas = forgetting.figure(parse_lifelong(LIFELONG, "f"))
        axes = canvas.axes[0]
        np.testing.assert_allclose(shown(axes).filled(-9), [[0, 0.25, 0.125], [0, -0.25, 0.25], [-9, 0, 0.5], [-9] * 3])
        cells = {(int(text.get_position()[1]), int(text.get_position()[0])): text.get_text()
                 for text in axes.texts if text.get_text()[0].isdigit()}
        self.assertEqual(cells[0, 0], "2.000")
        self.assertEqual(cells[1, 2], "2.750")
        self.assertEqual(cells[2, 0], "4.000")
        self.assertNotIn((3, 2), cells)  # not scored
        self.assertEqual(len(cells), 11)
        self.assertEqual([label.get_text() for label in axes.get_yticklabels()], ["en", "es", "el", "bn"])

    def test_colour_scale_has_no_change_in_its_middle(self):
        drawn = forgetting.figure(parse_lifelong(LIFELONG, "f")).axes[0].images[0]
        self.assertEqual((drawn.norm.vmin, drawn.norm.vcenter, drawn.norm.vmax), (-0.5, 0, 0.5))

    def test_table_has_forgetting_of_what_could_be_forgotten(self):
        table = forgetting.tables(parse_lifelong(LIFELONG, "f"))[0]
        self.assertEqual([row[-1] for row in table.rows], [0.125, 0.25, 0.5, None])
        self.assertEqual(table.rows[2][:5], ["el", "Greek", "el", 4.0, 2.0])


class LanguageLossFigureTest(support.FolderTest):
    def test_running_mean_is_over_steps_not_values(self):
        curve = (np.array([1.0, 2, 6, 7]), np.array([8.0, 4, 2, 1]))
        self.assertEqual(language_loss.running_mean(curve, 1)[1].tolist(), [8, 4, 2, 1])
        self.assertEqual(language_loss.running_mean(curve, 2)[1].tolist(), [8, 6, 2, 1.5])
        self.assertEqual(language_loss.running_mean(curve, 6)[1].tolist(), [8, 6, 14 / 3, 7 / 3])

    def test_runs_follow_one_another(self):
        second = [{"step": 1, "language_loss": {"en": 1.5, "bn": 7.0}}, {"step": 2, "language_loss": {"bn": 6.0}}]
        canvas = language_loss.figure([("base", metrics_of(METRICS)), ("bn", metrics_of(second))])
        drawn = [[(line.get_xdata().tolist(), line.get_ydata().tolist()) for line in axes.lines if len(line.get_xdata())
                  and line.get_linewidth() > 1] for axes in canvas.axes]
        self.assertEqual(drawn[0], [([1, 3], [6, 5]), ([1, 2, 3], [4, 3, 2]), ([4], [1.5])])  # el, en, en again
        self.assertEqual(drawn[1], [([4, 5], [7, 6])])
        self.assertEqual([axes.get_title(loc="left") for axes in canvas.axes], ["learned in base", "learned in bn"])

    def test_held_out_loss_is_drawn_as_it_is(self):
        axes = language_loss.figure([("base", metrics_of(METRICS))], "valid").axes[0]
        drawn = {line.get_label(): line.get_ydata().tolist() for line in axes.lines}
        self.assertEqual(drawn, {"en": [2.5, 2.0], "el": [3.5, 3.0]})

    def test_panels_have_no_more_languages_than_colours(self):
        record = {"step": 1, "language_loss": {tag: 2.0 for tag in TAGS[:128]}}
        panels = language_loss.panels([("x", metrics_of([record]))], TAGS[:128])
        self.assertEqual(sorted(itertools.chain(*(languages for _, languages in panels))), TAGS[:128])
        self.assertLessEqual(max(len(languages) for _, languages in panels), len(style.CYCLE))


class RoutingSharesFigureTest(support.FolderTest):
    def setUp(self):
        super().setUp()
        self.named = [("before", parse_shares(SHARES_BEFORE, "f")), ("after", parse_shares(SHARES_AFTER, "f"))]

    def test_panels_are_the_shares_in_percent(self):
        panels = [axes for axes in routing_shares.figure(self.named).axes if axes.images]
        arrays = [shown(axes).tolist() for axes in panels]
        self.assertEqual(arrays, [[[100], [100]], [[75, 25, 0], [12.5, 37.5, 50]], [[25, 75], [50, 50]]])
        self.assertEqual([axes.get_title(loc="left") for axes in panels], ["before", "after", "after"])
        self.assertEqual([label.get_text() for label in panels[0].get_yticklabels()], ["en", "el"])

    def test_bar_over_an_expert_says_its_growth(self):
        panel = routing_shares.figure(self.named).axes[1]
        colours = [patch.get_facecolor() for patch in panel.patches]
        self.assertNotEqual(colours[0], colours[1])
        self.assertEqual(colours[1], colours[2])

    def test_table_has_means_over_layers_by_growth(self):
        table = routing_shares.tables(self.named)[0]
        self.assertEqual(table.columns[2:], ["before: base", "after: base", "after: growth 1", "after: class 0"])
        self.assertEqual(table.rows, [["en", "English", 100.0, 50.0, 50.0, 50.0],
                                      ["el", "Greek", 100.0, 31.25, 68.75, 25.0]])

    def test_layers_that_do_not_fit_are_left_to_the_table(self):
        big = shares_of(TAGS[:128], range(24), 16)
        layers = routing_shares.chosen_layers([("", big)])
        self.assertIn(0, layers)
        self.assertIn(23, layers)
        self.assertLess(len(layers), 24)
        self.assertIn(f"layers {', '.join(map(str, layers))} of the 24", routing_shares.caption([("", big)], layers))


def shares_of(tags, layers, num_experts, generation=None):
    generator = np.random.default_rng(0)
    its = [{"layer": layer, "experts": num_experts, "generation": generation or [0] * num_experts,
            "share": {tag: generator.dirichlet(np.ones(num_experts)).tolist() for tag in tags}} for layer in layers]
    return parse_shares({"layers": its}, "f")


def large_and_small():
    """Every figure with few and with many languages, layers and stages: (what it is, figure)."""
    generator = random.Random(1)
    for num in (2, 18, 128):
        tags = TAGS[:num - 1] + ["sr-Latn-RS"]
        rows = np.random.default_rng(num).random((num, num)) * 0.3
        matrix = ((rows + rows.T) / 2 + np.diag(np.ones(num)) - np.diag(np.diag(rows))).tolist()
        yield f"similarity {num}", language_similarity.figure(
            parse_language_similarity({"languages": tags, "similarity": matrix}, "f"))
        losses = [{"step": step, "language_loss": {tag: 9 - step / 8 + generator.random() for tag in tags}}
                  for step in range(1, 30)]
        yield f"loss {num}", language_loss.figure([("a", metrics_of(losses))])
        if num < 128:
            yield f"loss of two runs {num}", language_loss.figure([("first", metrics_of(losses[:9])),
                                                                   ("a-second", metrics_of(losses))])
        before, after = shares_of(tags, [0, 1, 5], 4), shares_of(tags, [0, 1, 5], 9, [0] * 4 + [1] * 3 + [2] * 2)
        yield f"shares {num}", routing_shares.figure([("before", before), ("after", after)])
        yield f"one layer's shares {num}", routing_shares.figure([("", shares_of(tags, [0], 2))])
        stages = [{"name": f"stage-{i}-of-a-life", "languages": tags[i::max(2, num // 8)],
                   "bits_per_byte": {tag: 1 + generator.random() for tag in tags}} for i in range(max(2, num // 8))]
        yield f"forgetting {num}", forgetting.figure(parse_lifelong({"stages": stages}, "f"))
    for num in (1, 24, 96):
        norms = {tag: {"delta_norm_ffn": [1e-3 + generator.random() for _ in range(max(num, 2))]} for tag in TAGS[:3]}
        yield f"deviation {num}", deviation.figure(parse_deviation(norms, "f"))
        yield f"layers {num}", layer_similarity.figure(parse_layer_similarity({"similarity": [0.5] * num}, "f"))
        layers = [[(g, "el,hu,tr" if g else "") for g in range(1 + layer % 11)] for layer in range(num)]
        yield f"experts {num}", allocation.figure(parse_checkpoint(support.checkpoint(layers), "f"))


class ReadableTest(support.FolderTest):
    def test_no_text_is_cut_and_no_label_lies_on_another(self):
        for what, canvas in large_and_small():
            with self.subTest(what):
                self.assert_readable(what, canvas)

    def assert_readable(self, what, canvas):
        renderer = FigureCanvasAgg(canvas).get_renderer()
        canvas.draw_without_rendering()
        box, (width, height) = canvas.get_tightbbox(renderer), canvas.get_size_inches()
        self.assertGreaterEqual(min(box.x0, box.y0, width - box.x1, height - box.y1), -0.01,
                                f"{what}: {box} leaves the page of {width} by {height} inches")
        for axes in canvas.axes:
            self.assert_apart(what, axes, axes.yaxis, axes.get_ylim(), renderer, "y")
            self.assert_apart(what, axes, axes.xaxis, axes.get_xlim(), renderer, "x")

    def assert_apart(self, what, axes, axis, limits, renderer, side):
        low, high = sorted(limits)
        labels = [label for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels())
                  if low <= place <= high and label.get_text() and label.get_rotation() in (0, 90)]
        boxes = [label.get_window_extent(renderer) for label in labels]
        ends = sorted((getattr(box, f"{side}0"), getattr(box, f"{side}1"), label.get_text())
                      for box, label in zip(boxes, labels))
        for (_, end, first), (start, _, second) in zip(ends, ends[1:]):
            # a box is as high as the font's highest and lowest glyphs; those of a tag use 3/4 of it
            overlap = (end - start) / (labels[0].get_fontsize() / style.POINTS * axes.figure.dpi)
            self.assertLess(overlap, 0.25, f"{what}: {first!r} and {second!r}")

    def test_white_and_dark_text_go_by_the_ground(self):
        self.assertTrue(style.dark((0.1, 0.1, 0.5)))
        self.assertFalse(style.dark((1.0, 1.0, 0.8)))

    def test_equal_figures_are_equal_bytes_in_every_format(self):
        for suffix in style.FORMATS:
            first, second = (style.image(layer_similarity.figure(parse_layer_similarity(LAYERS, "f")), suffix)
                             for _ in range(2))
            self.assertEqual(first, second, suffix)
            self.assertGreater(len(first), 5000)


if __name__ == "__main__":
    support.main()
