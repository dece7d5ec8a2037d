// fuzz/sentencepiece_fuzz.cpp - SentencePiece models, opened and used.
#include <algorithm>

#include "corpus/tokenizer.h"
#include "corpus/tokenizer_training.h"
#include "fuzz/fuzz_target.h"
#include "fuzz/scratch.h"
#include "support/small_text.h"

namespace isogloss::fuzz {

void read_hostile(std::string_view bytes) {
    static Scratch const scratch;
    auto const tokenizer = Tokenizer::open(scratch.write("a.model", bytes).string());
    for (auto const* text : {"", " ", "the sea is blue", "η θάλασσα\n大海 \xE2\x96\x81 x"}) {
        auto const ids = tokenizer.encode(text);
        expect(
            std::ranges::all_of(
                ids, [&](auto id) { return 0 <= id && id < tokenizer.vocab_size(); }
            ),
            "ids are in the vocabulary"
        );
        static_cast<void>(tokenizer.decode(ids));
    }
}

std::vector<std::string> seeds() {
    Scratch const scratch;
    std::string text;
    for (std::uint64_t i = 0; i < 50; ++i) {
        text += test::jsonl_of("en", i, i + 1) + test::jsonl_of("el", i, i + 1);
    }
    TokenizerTraining training;
    training.vocab_size = 320;
    auto const model = scratch.path() / "seed.model";
    train_tokenizer({{"el", {scratch.write("seed.jsonl", text)}}}, training, model);
    std::ifstream file(model, std::ios::binary);
    return {{std::istreambuf_iterator<char>(file), {}}};
}

}  // namespace isogloss::fuzz
