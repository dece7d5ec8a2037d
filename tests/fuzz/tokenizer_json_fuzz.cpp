// fuzz/tokenizer_json_fuzz.cpp - tokenizer.json of every kind, opened and used.
#include <algorithm>

#include "corpus/hugging_face.h"
#include "fuzz/fuzz_target.h"

namespace isogloss::fuzz {
namespace {

// Blanks, digits, letters of several scripts, marks, a joined emoji, names of special tokens.
constexpr std::string_view kText =
    "It's  12 Ελλάδα e\xCC\x81 中文。\r\n\n<s>a</s> \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7 "
    "x ";

constexpr char const* kByteLevel = R"({"version":"1.0","truncation":null,"padding":null,
"added_tokens":[{"id":5,"content":"<s>","single_word":true,"lstrip":true,"rstrip":true,
"normalized":true,"special":true}],"normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},
{"type":"Lowercase"},{"type":"Strip","strip_left":true,"strip_right":false}]},
"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},
{"type":"Split","pattern":{"Regex":"(?i:'s)|[^\\s\\p{L}]?\\p{L}+|\\s+(?!\\S)|[a[bc]]{1,3}+"},
"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":true,
"trim_offsets":true,"use_regex":true}]},"post_processor":null,"decoder":{"type":"ByteLevel"},
"model":{"type":"BPE","dropout":null,"unk_token":"a","fuse_unk":true,"ignore_merges":true,
"vocab":{"a":0,"b":1,"ab":2,"Ġ":3,"Ġa":4},"merges":["a b",["Ġ","a"]]}})";

constexpr char const* kUnigram = R"({"normalizer":{"type":"Replace","pattern":{"String":" "},
"content":"_"},"pre_tokenizer":{"type":"Metaspace","replacement":"_","prepend_scheme":"first",
"split":true},"decoder":{"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"Fuse"},
{"type":"Strip","content":"_","start":1,"stop":0}]},"model":{"type":"Unigram","unk_id":0,
"byte_fallback":true,"vocab":[["<unk>",0.0],["a",-1.5],["_a",-2.0],["<0xE2>",-3]]}})";

}  // namespace

void read_hostile(std::string_view bytes) {
    HuggingFace const tokenizer(bytes, "tokenizer.json");
    std::vector<std::int32_t> ids;
    tokenizer.encode(kText, TextSpan::kText, ids);
    expect(
        std::ranges::all_of(ids, [&](auto id) { return 0 <= id && id < tokenizer.vocab_size(); }),
        "ids are in the vocabulary"
    );
    static_cast<void>(tokenizer.decode(ids));
}

std::vector<std::string> seeds() {
    return {kByteLevel, kUnigram};
}

}  // namespace isogloss::fuzz
