// corpus/expression.cpp
#define PCRE2_CODE_UNIT_WIDTH 8
#include "corpus/expression.h"

#include <pcre2.h>

#include <array>
#include <cstdint>

#include "base/require.h"
#include "base/unique_handle.h"
#include "corpus/expression_syntax.h"
#include "corpus/utf8.h"

namespace isogloss {
namespace {

constexpr std::uint32_t kMostSteps = 10'000'000;  // of one search; real ones take a few
constexpr std::size_t kStackBytes = std::size_t{1} << 20U;
constexpr std::size_t kShownBytes = 40;

struct CompileContextTraits {
    using type = pcre2_compile_context*;
    static type null() noexcept { return nullptr; }
    static void release(type context) noexcept { pcre2_compile_context_free(context); }
};
struct MatchContextTraits {
    using type = pcre2_match_context*;
    static type null() noexcept { return nullptr; }
    static void release(type context) noexcept { pcre2_match_context_free(context); }
};
struct MatchDataTraits {
    using type = pcre2_match_data*;
    static type null() noexcept { return nullptr; }
    static void release(type data) noexcept { pcre2_match_data_free(data); }
};
struct StackTraits {
    using type = pcre2_jit_stack*;
    static type null() noexcept { return nullptr; }
    static void release(type stack) noexcept { pcre2_jit_stack_free(stack); }
};

// What a search writes to; one a thread serves all expressions.
struct SearchSpace {
    UniqueHandle<StackTraits> stack{pcre2_jit_stack_create(32768, kStackBytes, nullptr)};
    UniqueHandle<MatchContextTraits> context{pcre2_match_context_create(nullptr)};
    UniqueHandle<MatchDataTraits> data{pcre2_match_data_create(1, nullptr)};

    SearchSpace() {
        require_environment(
            stack.get() != nullptr && context.get() != nullptr && data.get() != nullptr,
            "no memory for a search"
        );
        pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
        pcre2_set_match_limit(context.get(), kMostSteps);
    }
};

SearchSpace& search_space() {
    thread_local SearchSpace space;
    return space;
}

std::string text_of(int error) {
    std::array<PCRE2_UCHAR, 256> text{};
    pcre2_get_error_message(error, text.data(), text.size());
    return reinterpret_cast<char const*>(text.data());
}

PCRE2_SPTR units(std::string_view text) {
    return reinterpret_cast<PCRE2_SPTR>(text.data());
}

// The text's beginning, whole characters only.
std::string_view beginning_of(std::string_view text) {
    std::size_t end = 0;
    while (end < text.size() && end + character_at(text, end).bytes <= kShownBytes) {
        end += character_at(text, end).bytes;
    }
    return text.substr(0, end);
}

}  // namespace

void Expression::Free::operator()(void* code) const noexcept {
    pcre2_code_free(static_cast<pcre2_code*>(code));
}

Expression::Expression(std::string const& pattern, std::string const& where) : where_(where) {
    auto const syntax = pcre2_syntax(pattern, where);
    UniqueHandle<CompileContextTraits> const context(pcre2_compile_context_create(nullptr));
    require_environment(context.get() != nullptr, "no memory for an expression");
    pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
    int error = 0;
    std::size_t at = 0;
    code_.reset(pcre2_compile(
        units(syntax), syntax.size(),
        PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error, &at,
        context.get()
    ));
    require_data(
        code_ != nullptr, "{}: the expression \"{}\" is not understood: {}", where, pattern,
        text_of(error)
    );
    auto const status =
        pcre2_jit_compile(static_cast<pcre2_code*>(code_.get()), PCRE2_JIT_COMPLETE);
    require_data(
        status == 0 || status == PCRE2_ERROR_JIT_BADOPTION,
        "{}: the expression \"{}\" is too large to compile: {}", where, pattern, text_of(status)
    );
}

bool Expression::find(std::string_view text, std::size_t from, TextRange& out) const {
    auto& space = search_space();
    auto const result = pcre2_match(
        static_cast<pcre2_code const*>(code_.get()), units(text), text.size(), from,
        PCRE2_NO_UTF_CHECK, space.data.get(), space.context.get()
    );
    if (result == PCRE2_ERROR_NOMATCH) {
        return false;
    }
    require_data(
        result >= 0,
        "{}: an expression gives up on a text of {} bytes that begins with \"{}\": {}; take that "
        "text out, or another tokenizer",
        where_, text.size(), beginning_of(text), text_of(result)
    );
    auto const* const found = pcre2_get_ovector_pointer(space.data.get());
    out = {found[0], found[1]};
    return true;
}

void Expression::find_all(std::string_view text, std::vector<TextRange>& out) const {
    constexpr auto kNone = std::string_view::npos;
    std::size_t from = 0;
    std::size_t last_end = kNone;
    TextRange match;
    while (from <= text.size() && find(text, from, match)) {
        if (match.begin == match.end && match.end == last_end) {
            from += from < text.size() ? character_at(text, from).bytes : 1;
            continue;
        }
        out.push_back(match);
        from = match.end;
        last_end = match.end;
    }
}

}  // namespace isogloss
