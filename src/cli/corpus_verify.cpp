// cli/corpus_verify.cpp
#include <fmt/format.h>

#include <filesystem>

#include "base/clock.h"
#include "base/text.h"
#include "cli/commands.h"
#include "corpus/corpus.h"

namespace isogloss {

Exit run_corpus_verify(Arguments const& arguments) {
    std::filesystem::path directory;
    bool json = false;
    Options options(
        "corpus verify", "Hashes all files of a corpus again and checks every token and border."
    );
    options.add_positional("corpus", directory, "folder that `corpus build` made");
    options.add("json", json, "print one JSON document");
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    Timer const timer;
    verify_corpus(directory);
    auto const languages = read_corpus_manifest(directory).languages.size();
    Json const value{{"corpus", directory.string()}, {"languages", languages}, {"verified", true}};
    fmt::print(
        "{}", json ? value.dump(2) + "\n"
                   : fmt::format(
                         "{}: {} languages, all as built ({})\n", directory.string(), languages,
                         duration_text(timer.seconds())
                     )
    );
    return Exit::done;
}

}  // namespace isogloss
