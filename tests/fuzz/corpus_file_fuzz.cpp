// fuzz/corpus_file_fuzz.cpp - a language's HDF5 file whose length is as the manifest says.
#include "corpus/corpus.h"
#include "fuzz/fuzz_target.h"
#include "fuzz/scratch.h"
#include "support/byte_corpus.h"

namespace isogloss::fuzz {
namespace {

std::string seed_in(Scratch const& scratch) {
    test::write_byte_corpus(scratch.path(), {{"el", {"one", "two"}, {"three"}}});
    std::ifstream file(scratch.path() / "el.h5", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

void read_hostile(std::string_view bytes) {
    static Scratch const scratch;
    static auto manifest = (seed_in(scratch), read_corpus_manifest(scratch.path()));
    scratch.write("el.h5", bytes);
    manifest.languages.at(0).file_bytes = static_cast<std::int64_t>(bytes.size());
    write_corpus_manifest(scratch.path(), manifest);
    Corpus const corpus(scratch.path());
    for (auto const split : {Split::train, Split::valid}) {
        std::vector<std::int32_t> tokens(static_cast<std::size_t>(corpus.tokens(0, split)));
        corpus.window(0, split, 0, tokens);
        auto const starts = corpus.document_start(0, split);
        auto const documents = manifest.languages[0].counts(split).documents;
        expect(
            static_cast<std::int64_t>(starts.size()) == documents + 1, "starts of all documents"
        );
    }
}

std::vector<std::string> seeds() {
    Scratch const scratch;
    return {seed_in(scratch)};
}

}  // namespace isogloss::fuzz
