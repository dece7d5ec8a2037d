// checkpoint/hugging_face_golden_test.cpp - imported models beside transformers: logits, gradients,
// losses of training. tests/golden/hf/make.py says what the files are.
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <map>

#include "checkpoint/hugging_face_import.h"
#include "checkpoint/hugging_face_names.h"
#include "checkpoint/load.h"
#include "model/language_model.h"
#include "model/optimizer.h"
#include "storage/safetensors.h"
#include "support/all_ranks.h"
#include "support/checkpoint_fixture.h"

namespace isogloss {
namespace {

template <class T>
std::vector<T> values_of(SafetensorsFile const& file, std::string const& name) {
    auto const* tensor = file.find(name);
    if (tensor == nullptr) {
        throw std::runtime_error("no golden tensor " + name);
    }
    auto const bytes = file.bytes(*tensor);
    std::vector<T> values(bytes.size() / sizeof(T));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
}

/// Rows of documents, and targets: the next token, whatever document it is of.
struct Rows {
    explicit Rows(SafetensorsFile const& file)
        : tokens(values_of<std::int32_t>(file, "tokens")),
          starts(values_of<std::int32_t>(file, "document_start")),
          rows(file.find("document_start")->shape[0]),
          length(file.find("document_start")->shape[1]) {}

    [[nodiscard]] std::int32_t token(std::int64_t row, std::int64_t t) const {
        return tokens[static_cast<std::size_t>(row * (length + 1) + t)];
    }
    /// Row `row`, copied to row `to` of the batch.
    void copy(std::int64_t row, Batch& batch, std::int64_t to) const {
        for (std::int64_t t = 0; t < length; ++t) {
            auto const start = starts[static_cast<std::size_t>(row * length + t)];
            auto const at = to * length + t;
            batch.tokens.data()[at] = token(row, t);
            batch.targets.data()[at] = token(row, t + 1);
            batch.document_start.data()[at] = start;
            batch.position.data()[at] = static_cast<std::int32_t>(t) - start;
        }
        batch.language[static_cast<std::size_t>(to)] = 0;
    }

    std::vector<std::int32_t> tokens;
    std::vector<std::int32_t> starts;
    std::int64_t rows;
    std::int64_t length;
};

Batch all_of(Rows const& rows) {
    auto batch = make_batch(rows.rows, rows.length);
    for (std::int64_t r = 0; r < rows.rows; ++r) {
        rows.copy(r, batch, r);
    }
    batch.counted_targets = batch.size();
    return batch;
}

/// log p(v) of every token of the vocabulary at every position of one row: [T, V]. Each is the loss
/// of a copy of the row in which that target alone counts.
std::vector<double> log_probabilities(
    LanguageModel& model, Rows const& rows, std::int64_t row, std::int64_t vocabulary
) {
    std::vector<double> result;
    for (std::int64_t t = 0; t < rows.length; ++t) {
        auto batch = make_batch(vocabulary, rows.length);
        for (std::int64_t v = 0; v < vocabulary; ++v) {
            rows.copy(row, batch, v);
            for (std::int64_t other = 0; other < rows.length; ++other) {
                batch.targets.data()[v * rows.length + other] =
                    other == t ? static_cast<std::int32_t>(v) : kNoTarget;
            }
        }
        auto const losses = model.evaluate(batch).row_loss;
        for (auto const loss : losses) {
            result.push_back(-loss);
        }
    }
    return result;
}

class HuggingFaceGoldenTest : public testing::TestWithParam<char const*> {
protected:
    HuggingFaceGoldenTest() : comm_(test::all_ranks()), expected_(file("expected")) {
        ImportRequest request;
        request.from = path();
        request.to = folder_ / "imported";
        request.info = test::small_info(0);
        imported_ = import_hugging_face(request, comm_);
    }

    [[nodiscard]] static std::filesystem::path path() {
        return std::filesystem::path(ISOGLOSS_GOLDEN) / GetParam();
    }
    [[nodiscard]] static SafetensorsFile file(std::string const& name) {
        return SafetensorsFile(path() / fmt::format("{}.safetensors", name));
    }
    /// With weights loaded; everything trains.
    LanguageModel model() {
        auto const& config = imported_.checkpoint.manifest.config;
        auto const placement = place_experts(
            {.experts_per_layer = config.experts_per_layer(),
             .expected_share = {},
             .group = {},
             .num_ranks = comm_.size(),
             .ranks_per_node = 1}
        );
        LanguageModel model(config, placement, comm_, {});
        load_weights(imported_.checkpoint, model.parameters(), HashCheck::compare, comm_);
        return model;
    }

    MpiComm comm_;
    test::SharedFolder folder_;
    SafetensorsFile expected_;
    ImportResult imported_;
};

TEST_P(HuggingFaceGoldenTest, LogitsAgree) {
    auto its = model();
    Rows const rows(expected_);
    auto const vocabulary = imported_.model.config.vocab_size;
    auto const logits = values_of<float>(expected_, "logits");
    for (std::int64_t r = 0; r < rows.rows; ++r) {
        auto const got = log_probabilities(its, rows, r, vocabulary);
        for (std::int64_t t = 0; t < rows.length; ++t) {
            auto const* golden = logits.data() + (r * rows.length + t) * vocabulary;
            double sum = 0.0;
            double largest = 0.0;
            for (std::int64_t v = 0; v < vocabulary; ++v) {
                sum += std::exp(static_cast<double>(golden[v]));
                largest = std::max(largest, std::abs(static_cast<double>(golden[v])));
            }
            for (std::int64_t v = 0; v < vocabulary; ++v) {
                auto const wanted = static_cast<double>(golden[v]) - std::log(sum);
                ASSERT_NEAR(
                    got[static_cast<std::size_t>(t * vocabulary + v)], wanted, 1e-4 * largest
                ) << "row "
                  << r << ", token " << t << ", logit " << v;
            }
        }
    }
}

TEST_P(HuggingFaceGoldenTest, GradientsAgree) {
    auto its = model();
    auto const batch = all_of(Rows(expected_));
    PassOptions options;
    options.counted_targets = static_cast<double>(batch.counted_targets);
    its.train(batch, options);
    auto const& table = its.parameters();
    int compared = 0;
    for (auto const& tensor : foreign_parameters(imported_.model.form, imported_.model.config)) {
        if (!tensor.is_part_of_model()) {
            continue;
        }
        auto const golden = values_of<float>(expected_, "gradient." + tensor.name);
        double largest = 0.0;
        for (auto const value : golden) {
            largest = std::max(largest, std::abs(static_cast<double>(value)));
        }
        std::size_t next = 0;
        for (auto const& rows : tensor.from) {
            auto const gradient = table.gradient_matrix(table.index_of(rows.parameter));
            auto const part = gradient.rows(rows.first, rows.first + rows.rows);
            for (auto const value : part.span()) {
                // Biases of keys that no loss depends on have gradients of rounding alone.
                ASSERT_NEAR(value, golden[next], 1e-3 * largest + 1e-7)
                    << tensor.name << "[" << next << "]";
                ++next;
            }
        }
        EXPECT_EQ(next, golden.size()) << tensor.name;
        ++compared;
    }
    EXPECT_GT(compared, 15);
}

TEST_P(HuggingFaceGoldenTest, TwentyStepsOfAdamwAgree) {
    auto its = model();
    auto const batch = all_of(Rows(expected_));
    auto const golden = values_of<float>(expected_, "losses");
    Optimizer optimizer(its.parameters());
    PassOptions options;
    options.counted_targets = static_cast<double>(batch.counted_targets);
    auto const count = static_cast<double>(batch.counted_targets);
    for (std::size_t step = 0; step < golden.size(); ++step) {
        its.parameters().restart_gradients();
        auto const rows = its.train(batch, options).row_loss;
        double loss = 0.0;
        for (auto const each : rows) {
            loss += each / count;
        }
        ASSERT_NEAR(loss, golden[step], 1e-3 * std::abs(golden[step])) << "after " << step;
        optimizer.reduce_gradients(comm_);
        optimizer.update(
            {.learning_rate = 3e-3F,
             .beta1 = 0.9F,
             .beta2 = 0.95F,
             .epsilon = 1e-8F,
             .weight_decay = 0.1F,
             .gradient_scale = 1.0F,
             .step = static_cast<std::int64_t>(step) + 1}
        );
    }
}

INSTANTIATE_TEST_SUITE_P(
    Families,
    HuggingFaceGoldenTest,
    testing::Values(
        "llama",
        "llama3",
        "linear",
        "mistral",
        "qwen2",
        "qwen3",
        "gemma",
        "bloom",
        "mixtral",
        "qwen2_moe",
        "qwen2_moe_shared",
        "qwen3_moe"
    ),
    [](auto const& family) { return std::string(family.param); }
);

}  // namespace
}  // namespace isogloss
