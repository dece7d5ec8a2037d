# tests/data/languages_test.py - claims about data/languages.tsv, and about the tags of other collections' codes.

import csv
import json
import re
import unittest
from pathlib import Path

import support  # noqa: F401
from recipes import tags
from recipes.errors import UsageError

ISO_CODES = Path("/usr/share/iso-codes/json")
# A group of ISO 639-5 that collections use like a language, and a code that is now part of dtp.
NOT_IN_ISO_639_3 = {"nah", "kzj"}
DEBIAN = """af am ar as ast be bg bn br bs ca ca-valencia cs cy da de dz el en en-GB en-ZA eo es et eu fa fi fr ga gd gl
gu gug he hi hr hu id is it ja ka kk km kmr kn ko lt lv mk ml mn mr nb ne nl nn nr nso oc om or pa-IN pl pt pt-BR ro ru
rw si sk sl sr sr-Latn ss st sv szl ta te tg th tn tr ts ug uk uz ve vi xh zh zh-TW zu"""
# Of the paper "Group then Scale" (DMoE), its 16 groups in order.
DMOE = """ceb hil fil ilo en so la lg xh zu sw sn ny fr it yo am ti my ka dv lo he ko es pt ca vi ar id eu hi cnh lus kha
ha uz de nl cs ky tyv sah tt mn kk ru kaa da no fo is et fi gsw se mk sr uk be tg ce av udm el grc yi pl tr os ro hu ml
ta te kn bn mr pa gu ckb ug ps sd fa ur az br jv su ms mg ig sl ht vec sm to haw mi st tet lv fy yue zh ja ne gl oc eo
co ee ts hmn lb rm gd om mt km th bo tk sa pap kbd kl"""
NTREX = """afr amh arb aze-Latn bak bel bem ben bod bos bul cat ces ckb-Arab cym dan deu div dzo ell eng-GB eng-IN eng-US
est eus ewe fao fas fij fil fin fra fra-CA fuc gle glg guj hau heb hin hmn hrv hun hye ibo ind isl ita jpn kan kat kaz
khm kin kir kmr kor lao lav lit ltz mal mar mey mkd mlg mlt mon mri msa mya nde nep nld nno nob nso nya orm pan pol por
por-BR prs pus ron rus shi sin slk slv smo sna-Latn snd-Arab som spa spa-MX sqi srp-Cyrl srp-Latn ssw swa swe tah tam
tat tel tgk-Cyrl tha tir ton tsn tuk tur uig ukr urd uzb ven vie wol xho yor yue zho-CN zho-TW zul"""
CULTURAX = """af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb ckb cs cv cy da
de dsb dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gu he hi hr hsb ht hu hy ia id ie ilo io is it ja jbo jv
ka kk km kn ko krc ku kv kw ky la lb lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr mrj ms mt mwl my myv mzn nah nap
nds ne new nl nn no oc or os pa pam pl pms pnb ps pt qu rm ro ru rue sa sah scn sd sh si sk sl so sq sr su sv sw ta te
tg th tk tl tr tt tyv ug uk ur uz vec vi vls vo wa war wuu xal xmf yi yo yue zh"""


def rows():
    with tags.TABLE.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def iso(standard):
    return json.loads((ISO_CODES / f"iso_{standard}.json").read_text(encoding="utf-8"))[standard]


class TableTest(unittest.TestCase):
    def test_no_field_is_empty_and_rows_are_in_order(self):
        found = rows()
        self.assertGreaterEqual(len({row["tag"].split("-")[0] for row in found}), 300)
        for row in found:
            self.assertEqual(list(row), ["tag", "iso639_3", "name", "family", "genus", "script"])
            self.assertTrue(all(value and value == value.strip() for value in row.values()), row)
        self.assertEqual([row["tag"] for row in found], sorted({row["tag"] for row in found}))

    def test_tags_are_the_shortest_with_a_script_only_where_it_is_a_second_one(self):
        usual = {}
        for row in rows():
            self.assertRegex(row["tag"], "^[a-z]{2,3}(-[A-Z][a-z]{3})?$")
            self.assertRegex(row["script"], "^[A-Z][a-z]{3}$")
            self.assertRegex(row["iso639_3"], "^[a-z]{3}(,[a-z]{3})*$")
            language, _, script = row["tag"].partition("-")
            facts = [row[key] for key in ("iso639_3", "name", "family", "genus")]
            if not script:
                usual[language] = (row["script"], facts)
                continue
            self.assertEqual(script, row["script"])
            self.assertNotEqual(script, usual[language][0])  # sorted: the language's own row came before
            self.assertEqual(facts, usual[language][1])

    def test_a_code_is_of_one_language(self):
        codes = [code for row in rows() if "-" not in row["tag"] for code in {row["tag"], *row["iso639_3"].split(",")}]
        self.assertEqual(sorted(code for code in codes if codes.count(code) > 1), [])
        names = [row["name"] for row in rows() if "-" not in row["tag"]]
        self.assertEqual(sorted(name for name in names if names.count(name) > 1), [])

    def test_a_genus_is_of_one_family(self):
        family = {}
        for row in rows():
            self.assertEqual(family.setdefault(row["genus"], row["family"]), row["family"], row)
        self.assertLess(len(set(family.values())), 45)  # a misspelt one would be a family more

    @unittest.skipUnless(ISO_CODES.is_dir(), "the package iso-codes has the standards' tables")
    def test_codes_and_scripts_are_those_of_iso(self):
        languages = {one["alpha_3"]: one.get("alpha_2") for one in iso("639-3")}
        scripts = {one["alpha_4"] for one in iso("15924")}
        for row in rows():
            codes = [code for code in row["iso639_3"].split(",") if code not in NOT_IN_ISO_639_3]
            self.assertTrue(set(codes) <= set(languages), row)
            self.assertIn(row["script"], scripts)
            if codes:
                self.assertEqual(row["tag"].split("-")[0], languages[codes[0]] or codes[0])

    def test_every_language_of_the_collections_is_there(self):
        for code in " ".join([DEBIAN, DMOE, NTREX, CULTURAX]).split():
            tag = tags.tag_of(code)
            self.assertTrue(tags.name_of(tag), f"{code}: {tag}")


class TagTest(unittest.TestCase):
    def test_codes_become_the_shortest_tag(self):
        for code, tag in [("ell_Grek", "el"), ("eng-GB", "en-GB"), ("aze-Latn", "az"), ("azj_Cyrl", "az-Cyrl"),
                          ("zho-CN", "zh"), ("zho-TW", "zh-TW"), ("cmn_Hani", "zh"), ("cmn_Hant", "zh-Hant"),
                          ("yue_Hani", "yue"), ("kor_Hang", "ko"), ("jpn_Jpan", "ja"), ("srp_Latn", "sr-Latn"),
                          ("sr-Cyrl", "sr"), ("gug", "gn"), ("ekk_Latn", "et"), ("lvs", "lv"), ("iw", "he"),
                          ("ms_Arab_BN", "ms-Arab-BN"), ("pt-br", "pt-BR"), ("ca-valencia", "ca-valencia"),
                          ("de-1901", "de-1901"), ("kzj", "dtp"), ("no", "no")]:
            self.assertEqual(tags.tag_of(code), tag, code)

    def test_a_language_that_the_table_lacks_keeps_code_and_script(self):
        self.assertEqual(tags.tag_of("qaa_Latn"), "qaa-Latn")
        self.assertEqual(tags.name_of("qaa-Latn"), "")

    def test_no_language_is_no_tag(self):
        for code in ("und", "und_Zyyy", "mul", "", "x", "LICENCE", "001"):
            self.assertEqual(tags.tag_of(code), "", code)

    def test_aliases_go_over_the_table(self):
        self.assertEqual((tags.tag_of("als"), tags.tag_of("als", {"als": "gsw"})), ("sq", "gsw"))

    def test_every_tag_is_one_that_a_corpus_takes(self):
        for tag in tags.table():
            self.assertTrue(re.fullmatch("[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", tag) and len(tag) <= 35)

    def test_wanted_languages_are_named_in_any_form_and_unknown_ones_all_at_once(self):
        self.assertEqual(tags.chosen(["ell", "sr-Cyrl", "el"], ["el", "sr"]), ["el", "sr"])
        with self.assertRaisesRegex(UsageError, "fr, qq"):
            tags.chosen(["el", "fr", "qq"], ["el", "sr"])


if __name__ == "__main__":
    unittest.main(verbosity=0)
