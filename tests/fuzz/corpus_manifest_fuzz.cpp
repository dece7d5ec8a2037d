// fuzz/corpus_manifest_fuzz.cpp - corpus.json beside a language's file.
#include "corpus/corpus.h"
#include "fuzz/fuzz_target.h"
#include "fuzz/scratch.h"
#include "support/byte_corpus.h"

namespace isogloss::fuzz {
namespace {

void write_corpus(std::filesystem::path const& folder) {
    test::write_byte_corpus(folder, {{"el", {"one", "two"}, {"three"}}});
}

}  // namespace

void read_hostile(std::string_view bytes) {
    static Scratch const scratch;
    static bool const is_written = (write_corpus(scratch.path()), true);
    expect(is_written, "the corpus is there");
    scratch.write("corpus.json", bytes);
    Corpus const corpus(scratch.path());
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(corpus.languages().size()); ++i) {
        expect(!corpus.document_start(i, Split::train).empty(), "document starts end with a sum");
        std::vector<std::int32_t> tokens(static_cast<std::size_t>(corpus.tokens(i, Split::train)));
        corpus.window(i, Split::train, 0, tokens);
    }
}

std::vector<std::string> seeds() {
    Scratch const scratch;
    write_corpus(scratch.path());
    std::ifstream file(scratch.path() / "corpus.json", std::ios::binary);
    return {{std::istreambuf_iterator<char>(file), {}}};
}

}  // namespace isogloss::fuzz
