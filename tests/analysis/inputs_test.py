# tests/analysis/inputs_test.py - claims about what analysis/ reads: the right numbers, or a refusal with the place.

import copy
import json
import math

import support
from support import ALLOCATION, CHECKPOINT, DEVIATION, GROUPS, LANGUAGES, LAYERS, LIFELONG, METRICS, SHARES_AFTER

import numpy as np
from inputs import families, json_file
from inputs.allocation import parse_allocation, parse_checkpoint
from inputs.deviation import parse_deviation
from inputs.errors import AnalysisError, BadData
from inputs.find import form_of
from inputs.groups import parse_groups
from inputs.language_similarity import parse_language_similarity
from inputs.layer_similarity import parse_layer_similarity
from inputs.lifelong import parse_lifelong
from inputs.metrics import parse_metrics, read_metrics
from inputs.shares import parse_shares

FORMS = {"deviation": (parse_deviation, DEVIATION), "language_similarity": (parse_language_similarity, LANGUAGES),
         "layer_similarity": (parse_layer_similarity, LAYERS), "allocation": (parse_allocation, ALLOCATION),
         "checkpoint": (parse_checkpoint, CHECKPOINT), "lifelong": (parse_lifelong, LIFELONG),
         "groups": (parse_groups, GROUPS), "shares": (parse_shares, SHARES_AFTER)}


def lines_of(records):
    return "".join(json.dumps(record) + "\n" for record in records)


class FormsTest(support.FolderTest):
    def test_every_form_is_known_by_its_content(self):
        for name, (_, value) in FORMS.items():
            self.assertEqual(form_of(value), name)
        for value in ({}, [], 3, None, {"schema": 1, "languages": []}, {"en": {"loss": 2.0}}):
            self.assertEqual(form_of(value), "", value)

    def test_no_damage_to_a_file_is_more_than_a_refusal(self):
        """Every node of every form is replaced by junk of every kind; only our own fault may come of it."""
        junk = (None, True, -1, 0, 1.5, 1e308, 10 ** 400, "", "x", [], {}, [[]], {"": None}, [None])
        tried = 0
        for name, (parse, value) in FORMS.items():
            for place in places_of(value):
                for thing in junk:
                    tried += 1
                    damaged = replaced(value, place, thing)
                    try:
                        parse(damaged, "file")
                    except AnalysisError as fault:
                        self.assertNotIn("\n", str(fault))
                    except Exception as fault:  # the message names form, place and junk
                        self.fail(f"{name} {place} = {thing!r}: {fault!r}")
        self.assertGreater(tried, 1000)

    def test_damaged_metrics_are_refused_with_their_line(self):
        for junk in ("x", [1], None, {"step": -1}, {"step": 1, "language_loss": 3},
                     {"step": 1, "language_loss": {"": 1}}):
            with self.assertRaisesRegex(BadData, "^m:2"):
                parse_metrics(lines_of([METRICS[0], junk]), "m")


def places_of(value, place=()):
    yield place
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places_of(child, (*place, key))


def replaced(value, place, thing):
    if not place:
        return thing
    value = copy.copy(value)
    value[place[0]] = replaced(value[place[0]], place[1:], thing)
    return value


class JsonFileTest(support.FolderTest):
    def test_files_that_are_no_json_are_named_with_a_remedy(self):
        (self.folder / "bytes.json").write_bytes(b"\xff\xfe")
        (self.folder / "half.json").write_text('{"a": [1, 2')
        (self.folder / "nan.json").write_text('{"a": NaN}')
        (self.folder / "deep.json").write_text("[" * 100000)
        for name, text in (("absent.json", "No such file"), (".", "directory"), ("bytes.json", "UTF-8 at byte 0"),
                           ("half.json", "not valid JSON"), ("nan.json", "NaN"), ("deep.json", "not valid JSON")):
            with self.assertRaisesRegex(BadData, text) as caught:
                json_file.read_json(self.folder / name)
            self.assertIn(str(self.folder / name), str(caught.exception))

    def test_a_file_of_unreasonable_size_is_not_read(self):
        path = self.folder / "huge.json"
        with path.open("wb") as stream:
            stream.truncate(json_file.MAX_BYTES + 1)  # a hole: takes no disk
        with self.assertRaisesRegex(BadData, "more than"):
            json_file.read_json(path)


class DeviationTest(support.FolderTest):
    def test_scaled_mean_and_choice_are_the_formula(self):
        deviation = parse_deviation({**DEVIATION, "model": "x", "layers": 4}, "f")
        np.testing.assert_allclose(deviation.mean, [1.5, 3.5, 2.0, 3.0])
        np.testing.assert_allclose(deviation.normalised, [0, 1, 0.25, 0.75])  # (m - 1.5) / 2
        np.testing.assert_allclose(deviation.spread, [0.5, 0.5, 0.5, 1.0])
        self.assertEqual(deviation.chosen(0.75).tolist(), [1, 3])
        self.assertEqual(deviation.chosen(0.76).tolist(), [1])
        self.assertEqual(deviation.chosen(0).tolist(), [0, 1, 2, 3])

    def test_bad_norms_are_refused_with_their_place(self):
        for norms, text in (([1, 2, None, 4], r"hu.delta_norm_ffn\[2\]: null"), ([1, 2, 3], "3 numbers, 4 were"),
                            ([1, 2, 3, -1], "below 0"), ("1", "must be a list"),
                            ([1, 2, 3, 1e300], r"ffn\[3\]: 1e\+300")):
            with self.assertRaisesRegex(BadData, text):
                parse_deviation({**DEVIATION, "hu": {"delta_norm_ffn": norms}}, "f")
        with self.assertRaisesRegex(BadData, "same in all 2 layers"):
            parse_deviation({"a": {"delta_norm_ffn": [1, 2]}, "b": {"delta_norm_ffn": [2, 1]}}, "f")


class SimilarityTest(support.FolderTest):
    def test_a_matrix_that_is_not_symmetric_names_the_pair(self):
        damaged = copy.deepcopy(LANGUAGES)
        damaged["similarity"][3][1] = 0.5
        with self.assertRaisesRegex(BadData, "ru with uk is 0.9, the other way round 0.5"):
            parse_language_similarity(damaged, "f")

    def test_what_differs_by_rounding_is_averaged(self):
        rounded = copy.deepcopy(LANGUAGES)
        rounded["similarity"][3][1] = 0.9005
        matrix = parse_language_similarity(rounded, "f").matrix
        self.assertAlmostEqual(matrix[1, 3], 0.90025)
        self.assertEqual(matrix[1, 3], matrix[3, 1])

    def test_wrong_lengths_and_values_outside_a_cosine_are_refused(self):
        for key, value, text in (("languages", ["en", "ru", "ta"], "row for each of the 3"),
                                 ("languages", ["en", "ru", "ta", "en"], "en stands there more"),
                                 ("similarity", [[1, 2], [2, 1]], "row for each of the 4")):
            with self.assertRaisesRegex(BadData, text):
                parse_language_similarity({**LANGUAGES, key: value}, "f")
        with self.assertRaisesRegex(BadData, "new_old: has 1 numbers, 2"):
            parse_layer_similarity({**LAYERS, "new_old": [0.5]}, "f")
        with self.assertRaisesRegex(BadData, "new_new 1.5 is outside"):
            parse_layer_similarity({**LAYERS, "new_new": [0.5, 1.5]}, "f")

    def test_similarity_alone_is_enough(self):
        similarity = parse_layer_similarity({"similarity": [0.5, 0.25]}, "f")
        self.assertEqual(similarity.combined.tolist(), [0.5, 0.25])
        self.assertIsNone(similarity.new_new)

    def test_one_new_language_has_no_pair_of_new_ones(self):
        similarity = parse_layer_similarity({**LAYERS, "new_new": []}, "f")
        self.assertIsNone(similarity.new_new)
        self.assertEqual((similarity.new_languages, similarity.old_languages), (["el", "hu"], ["en"]))


class AllocationTest(support.FolderTest):
    def test_experts_that_are_not_added_are_old(self):
        self.assertEqual(parse_allocation(ALLOCATION, "f").experts.tolist(), [[1, 1, 1], [1, 3, 0]])
        grown = {"experts": [5, 4], "added": [2, 0], "total": 9, "new": 2}
        self.assertEqual(parse_allocation(grown, "f").experts.tolist(), [[3, 4], [2, 0]])
        with self.assertRaisesRegex(BadData, "added must have"):
            parse_allocation({**grown, "added": [5, 0]}, "f")

    def test_without_added_one_expert_a_layer_is_old(self):
        plain = {"experts": [2, 4, 1], "total": 7, "new": 4}
        self.assertEqual(parse_allocation(plain, "f").experts.tolist(), [[1, 1, 1], [1, 3, 0]])

    def test_experts_of_a_checkpoint_are_counted_by_generation(self):
        allocation = parse_checkpoint(CHECKPOINT, "f")
        self.assertEqual(allocation.experts.tolist(), [[1, 2], [1, 1], [0, 1]])
        self.assertEqual(allocation.generations, ["base", "growth 1: el, hu", "growth 2: bn"])

    def test_many_languages_of_a_growth_are_counted_in_its_name(self):
        many = support.checkpoint([[(0, ""), (1, "a,b,c"), (1, "d,e"), (1, "a")]])
        self.assertEqual(parse_checkpoint(many, "f").generations[1], "growth 1: a, b, +3")


class LifelongTest(support.FolderTest):
    def test_change_is_since_the_stage_that_learned(self):
        run = parse_lifelong(LIFELONG, "f")
        self.assertEqual(run.languages, ["en", "es", "el", "bn"])
        self.assertEqual(run.learned.tolist(), [0, 0, 1, 2])
        np.testing.assert_array_equal(run.change, [[0, 0.25, 0.125], [0, -0.25, 0.25], [np.nan, 0, 0.5], [np.nan] * 3])
        self.assertTrue(math.isnan(run.bits_per_byte[3, 2]))  # null: not scored
        self.assertEqual(run.bits_per_byte[3, 1], 2.5)


class MetricsTest(support.FolderTest):
    def test_curves_have_the_steps_that_had_the_language(self):
        metrics = read_metrics(self.write("metrics.jsonl", METRICS))
        self.assertEqual([part.tolist() for part in metrics.loss["en"]], [[1, 2, 3], [4, 3, 2]])
        self.assertEqual([part.tolist() for part in metrics.loss["el"]], [[1, 3], [6, 5]])
        self.assertEqual([part.tolist() for part in metrics.valid["el"]], [[2, 3], [3.5, 3]])
        self.assertEqual(metrics.last_step, 3)

    def test_a_line_that_is_being_written_is_left_out(self):
        whole = lines_of(METRICS[:2])
        self.assertEqual(parse_metrics(whole + '{"step": 3, "langu', "m").last_step, 2)

    def test_of_a_step_told_twice_the_later_holds(self):
        again = {"step": 1, "language_loss": {"en": 9.0}}
        self.assertEqual(parse_metrics(lines_of([*METRICS, again]), "m").loss["en"][1].tolist(), [9, 3, 2])

    def test_a_loss_that_was_not_finite_is_left_out(self):
        broken = {"step": 4, "language_loss": {"en": None, "el": 1.0}}
        metrics = parse_metrics(lines_of([*METRICS, broken]), "m")
        self.assertEqual(metrics.loss["en"][0].tolist(), [1, 2, 3])
        self.assertEqual(metrics.loss["el"][0].tolist(), [1, 3, 4])

    def test_a_run_without_a_step_says_so(self):
        with self.assertRaisesRegex(BadData, "no loss of any language"):
            parse_metrics("", "m")


class SharesTest(support.FolderTest):
    def test_shares_are_read_whole_or_by_their_key(self):
        for value in (SHARES_AFTER, SHARES_AFTER["shares"]):
            shares = parse_shares(value, "f")
            self.assertEqual([its.layer for its in shares.layers], [1, 2])
            self.assertEqual(shares.layers[0].share["el"].tolist(), [0.125, 0.375, 0.5])
            self.assertEqual(shares.layers[0].generation.tolist(), [0, 1, 1])
            self.assertEqual(shares.layers[0].class_zero, {"en": 0.5, "el": 0.25})

    def test_shares_that_do_not_sum_to_one_are_refused(self):
        damaged = copy.deepcopy(SHARES_AFTER)
        damaged["shares"]["layers"][0]["share"]["en"] = [0.5, 0.25, 0.0]
        with self.assertRaisesRegex(BadData, r"layers\[0\].share.en: .* 0.75"):
            parse_shares(damaged, "f")


class FamiliesTest(support.FolderTest):
    def test_tags_are_found_with_region_script_and_iso_code(self):
        for tag, name, script in (("pt-BR", "Portuguese", "Latn"), ("por_Latn", "Portuguese", "Latn"),
                                  ("sr-Latn", "Serbian", "Latn"), ("sr", "Serbian", "Cyrl"),
                                  ("cmn_Hant", "Chinese", "Hant"), ("swh", "Swahili", "Latn"),
                                  ("azj_Cyrl", "Azerbaijani", "Cyrl"), ("zh-TW", "Chinese", "Hant"),
                                  ("az", "Azerbaijani", "Latn")):
            language = families.language_of(tag)
            self.assertEqual((language.name, language.script, language.tag), (name, script, tag))

    def test_an_unknown_tag_is_unknown(self):
        self.assertEqual(families.language_of("qqq").family, families.UNKNOWN)


if __name__ == "__main__":
    support.main()
