// base/options.h - the one table of a command's options: parser, config file, help.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/option_source.h"
#include "base/option_value.h"

namespace isogloss {

enum class Presence : std::uint8_t { optional, required };

/// What parsing came to: go on, or print help() and end.
enum class Parsed : std::uint8_t { run, help };

/// One option given as text: {"train.rows", "32"}.
struct Setting {
    std::string name;
    std::string value;
};

/// The options of one command, on Boost.Program_options.
///
///     TrainConfig config;                                       // its values are the defaults
///     Options options("train", "Trains a model to the configured step.");
///     options.add_positional("checkpoint", config.checkpoint, "where to start from");
///     options.add("train.rows", config.rows, "sequences of a step, over all ranks");
///     options.add_choice("train.dtype", config.dtype,
///                        {{"f32", DType::f32}, {"bf16", DType::bf16}}, "element type of weights");
///     options.add_check([&] { return config.problems(); });
///     if (options.parse(arguments) == Parsed::help) {
///         return print_help(options, world);
///     }
///
/// Command line: `--train.rows=32` or `--train.rows 32`; a bool is `--x` or `--x=false`; lists have
/// commas. Config file (`--config run.cfg`): an INI file, where the part before the first point is
/// the section, `#` begins a comment. The command line overrides the file; the file overrides
/// defaults. Every name can stand in both.
///
/// All faults are found at once, and thrown as one Error (usage).
class Options {
public:
    /// @param command  as typed after the program's name: "corpus build"
    /// @param summary  one or a few sentences, the first lines of the help
    Options(std::string command, std::string summary);

    /// `target` holds the default now and is written by parsing. T is std::string,
    /// std::filesystem::path, std::int32_t, std::int64_t, std::uint64_t, float, double, bool, or a
    /// std::vector or std::optional of these. `help` says the unit.
    template <class T>
    void add(
        std::string name, T& target, std::string help, Presence presence = Presence::optional
    ) {
        add_entry(make_entry(std::move(name), target, std::move(help), presence));
    }

    /// The same, given without a name in the order of the calls: `isogloss model info CHECKPOINT`.
    /// A std::vector takes all that are left; it must come last.
    template <class T>
    void add_positional(
        std::string name, T& target, std::string help, Presence presence = Presence::required
    ) {
        auto entry = make_entry(std::move(name), target, std::move(help), presence);
        entry.positional = true;
        entry.takes_rest = requires {
            target.push_back({});
        }
        &&!std::is_same_v<T, std::string>;
        add_entry(std::move(entry));
    }

    /// One of the names in `choices`.
    template <class E>
    void add_choice(
        std::string name,
        E& target,
        std::vector<std::pair<std::string, std::type_identity_t<E>>> choices,
        std::string help,
        Presence presence = Presence::optional
    );

    /// A command's own rules: called after the values are set, returns one text a fault, each with
    /// the option's name, its value, and the remedy: "moe.top_k = 7: must lie in [1, 6]".
    /// Faults that name an option whose value could not be read are left out.
    void add_check(std::function<std::vector<std::string>()> check);

    /// The option concerns one start, not what is made: resolved() leaves it out.
    void leave_out_of_record(std::string_view name);

    /// @param arguments  the words after the command's name
    /// @throws Error  (usage) with every fault: unknown names ("did you mean ..."), values that
    ///         cannot be read, names given twice, required ones missing, what the checks find
    /// The file of `--config FILE` is read first, then the words.
    Parsed parse(std::span<std::string const> arguments);

    /// Sets values from name and text, as a lifelong plan's stage gives them. Same checks.
    /// @param source  named in the faults: "plan.json, stage 2"
    void set(std::span<Setting const> settings, std::string const& source);

    /// Usage, summary, options by section, defaults as they were before parsing.
    [[nodiscard]] std::string help() const;

    /// INI text of all values but those left out: `--config` of it gives the same values.
    [[nodiscard]] std::string resolved() const;

private:
    struct Entry {
        std::string name;
        std::string help;
        std::string form;                                   ///< "N", "PATH", "f32|bf16"
        std::string default_text;                           ///< value before parsing
        std::function<std::string(std::string_view)> read;  ///< "" or what was expected
        std::function<std::string()> text;                  ///< the value now
        Presence presence = Presence::optional;
        bool is_flag = false;
        bool positional = false;
        bool takes_rest = false;
        bool is_of_record = true;
        bool given = false;
        bool is_faulty = false;
    };
    template <class T>
    static Entry make_entry(std::string name, T& target, std::string help, Presence presence) {
        Entry entry;
        entry.name = std::move(name);
        entry.help = std::move(help);
        entry.form = value_form<T>();
        entry.read = [&target](std::string_view text) { return read_value(text, target); };
        entry.text = [&target] { return value_text(target); };
        entry.presence = presence;
        entry.is_flag = std::is_same_v<T, bool>;
        return entry;
    }

    void add_entry(Entry entry);
    Entry* find(std::string_view name);
    [[nodiscard]] std::vector<OptionForm> forms() const;
    [[nodiscard]] std::string unknown_name(GivenOption const& given) const;
    void name_words(std::vector<GivenOption>& given, std::vector<std::string>& faults) const;
    void apply(std::span<GivenOption const> given, std::vector<std::string>& faults);
    void finish(std::vector<std::string> faults);

    std::string command_;
    std::string summary_;
    std::vector<Entry> entries_;
    std::vector<std::function<std::vector<std::string>()>> checks_;
};

template <class E>
void Options::add_choice(
    std::string name,
    E& target,
    std::vector<std::pair<std::string, std::type_identity_t<E>>> choices,
    std::string help,
    Presence presence
) {
    Entry entry;
    entry.name = std::move(name);
    entry.help = std::move(help);
    for (auto const& choice : choices) {
        entry.form += (entry.form.empty() ? "" : "|") + choice.first;
    }
    entry.text = [&target, choices] {
        for (auto const& choice : choices) {
            if (choice.second == target) {
                return choice.first;
            }
        }
        return std::string();
    };
    entry.read = [&target, choices, form = entry.form](std::string_view text) {
        for (auto const& choice : choices) {
            if (choice.first == text) {
                target = choice.second;
                return std::string();
            }
        }
        return "one of " + form;
    };
    entry.presence = presence;
    add_entry(std::move(entry));
}

}  // namespace isogloss
