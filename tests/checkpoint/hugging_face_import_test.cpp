// checkpoint/hugging_face_import_test.cpp - models of transformers in and out again.
#include "checkpoint/hugging_face_import.h"

#include <algorithm>
#include <map>

#include "checkpoint/foreign_elements.h"
#include "checkpoint/hugging_face_export.h"
#include "storage/safetensors_index.h"
#include "storage/safetensors_writer.h"
#include "support/all_ranks.h"
#include "support/checkpoint_fixture.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;

/// A tensor of a folder that a test writes, or has read.
struct Tensor {
    ForeignType type = ForeignType::f32;
    std::vector<std::int64_t> shape;
    std::vector<std::byte> bytes;

    bool operator==(Tensor const&) const = default;
};
using Tensors = std::map<std::string, Tensor>;

Tensors tensors_in(std::filesystem::path const& folder) {
    Tensors all;
    SafetensorsFolder const files(folder);
    for (auto const name : files.names()) {
        auto const found = files.find(name);
        auto const bytes = found.file->bytes(*found.tensor);
        all[std::string(name)] = {
            found.tensor->type, found.tensor->shape, {bytes.begin(), bytes.end()}};
    }
    return all;
}

void write(std::filesystem::path const& path, Tensors const& tensors) {
    std::vector<ForeignTensor> list;
    for (auto const& [name, tensor] : tensors) {
        list.push_back({name, tensor.type, tensor.shape, 0, 0});
    }
    SafetensorsWriter writer(path, list);
    for (auto const& [name, tensor] : tensors) {
        writer.append(tensor.bytes);
    }
    writer.finish();
}

/// The golden models, changed, on the disk of rank 0.
class HuggingFaceImportTest : public testing::Test {
protected:
    HuggingFaceImportTest() : comm_(test::all_ranks()) {}

    [[nodiscard]] static std::filesystem::path golden(std::string const& name) {
        return std::filesystem::path(ISOGLOSS_GOLDEN) / name;
    }
    /// FOLDER/NAME with these tensors and the golden model's config.json.
    std::filesystem::path make(
        std::string const& name, std::string const& config_of, Tensors const& tensors
    ) {
        if (comm_.rank() == 0) {
            std::filesystem::create_directories(folder_ / name);
            test::write_content(
                folder_ / name / "config.json", test::content_of(golden(config_of) / "config.json")
            );
            write(folder_ / name / "model.safetensors", tensors);
        }
        MPI_Barrier(comm_.get());
        return folder_ / name;
    }
    ImportResult import(
        std::filesystem::path const& from,
        std::string const& to,
        std::optional<DType> dtype = std::nullopt
    ) {
        ImportRequest request;
        request.from = from;
        request.to = folder_ / to;
        request.dtype = dtype;
        request.info = test::small_info(0);
        return import_hugging_face(request, comm_);
    }
    void expect_refused(std::filesystem::path const& from, std::string const& part) {
        expect_error(Exit::data, part, [&] { import(from, "refused"); });
        EXPECT_FALSE(std::filesystem::exists(folder_ / "refused"));
    }
    ExportResult export_to(
        std::string const& from,
        std::string const& to,
        ForeignForm form,
        std::int64_t shard_bytes = 1'000'000'000
    ) {
        ExportRequest request;
        request.from = read_checkpoint(folder_ / from);
        request.to = folder_ / to;
        request.form = form;
        request.shard_bytes = shard_bytes;
        return export_hugging_face(request, comm_);
    }

    MpiComm comm_;
    test::SharedFolder folder_;
};

class HuggingFaceRoundTripTest : public HuggingFaceImportTest,
                                 public testing::WithParamInterface<char const*> {};

TEST_P(HuggingFaceRoundTripTest, TensorsComeOutAsTheyWentIn) {
    auto const imported = import(golden(GetParam()), "in");
    EXPECT_EQ(fitting_form(imported.model.config), imported.model.form);
    export_to("in", "out", imported.model.form);
    auto before = tensors_in(golden(GetParam()));
    auto after = tensors_in(folder_ / "out");
    for (auto const& name : imported.ignored_tensors) {
        EXPECT_NE(name.find("shared_expert"), std::string::npos) << name;
        before.erase(name);
        after.erase(name);
    }
    ASSERT_EQ(before.size(), after.size());
    for (auto const& [name, tensor] : before) {
        ASSERT_TRUE(after.contains(name)) << name;
        EXPECT_EQ(after.at(name), tensor) << name;
    }
}

TEST_P(HuggingFaceRoundTripTest, ShardsOfBf16ComeOutAsTheyWentIn) {
    auto tensors = tensors_in(golden(GetParam()));
    for (auto& [name, tensor] : tensors) {
        tensor = {
            ForeignType::bf16, tensor.shape, converted(tensor.bytes, tensor.type, DType::bf16)};
    }
    auto const folder = make("bf16", GetParam(), tensors);
    auto const imported = import(folder, "in");
    EXPECT_EQ(imported.checkpoint.manifest.config.dtype, DType::bf16);
    auto const written = export_to("in", "out", imported.model.form, 4000);
    EXPECT_TRUE(written.float_routers.empty());
    EXPECT_TRUE(std::filesystem::exists(folder_ / "out" / "model.safetensors.index.json"));
    auto after = tensors_in(folder_ / "out");
    for (auto const& [name, tensor] : tensors) {
        if (std::ranges::count(imported.ignored_tensors, name) == 0) {
            ASSERT_TRUE(after.contains(name)) << name;
            EXPECT_EQ(after.at(name), tensor) << name;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    Families,
    HuggingFaceRoundTripTest,
    testing::Values(
        "llama",
        "llama3",
        "linear",
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

TEST_F(HuggingFaceImportTest, RanksWriteWhatOneWrites) {
    auto const together = import(golden("mixtral"), "together");
    auto const alone = MpiComm::split(MPI_COMM_WORLD, comm_.rank(), 0);
    ImportRequest request;
    request.from = golden("mixtral");
    request.to = folder_ / ("alone-" + std::to_string(comm_.rank()));
    request.info = test::small_info(0);
    auto const single = import_hugging_face(request, alone);
    EXPECT_EQ(single.checkpoint.manifest, together.checkpoint.manifest);
    EXPECT_EQ(single.checkpoint.manifest_sha256, together.checkpoint.manifest_sha256);
    EXPECT_EQ(read_checkpoint(folder_ / "together").manifest, together.checkpoint.manifest);
}

TEST_F(HuggingFaceImportTest, EveryTensorIsUsedOrRefusedByName) {
    auto const whole = tensors_in(golden("qwen2"));
    auto tensors = whole;
    tensors.erase("model.layers.1.self_attn.k_proj.bias");
    expect_refused(
        make("missing", "qwen2", tensors), "model.layers.1.self_attn.k_proj.bias: is missing"
    );
    tensors = whole;
    tensors["model.layers.0.odd.weight"] = {ForeignType::f32, {1}, std::vector<std::byte>(4)};
    expect_refused(make("more", "qwen2", tensors), "model.layers.0.odd.weight: a qwen2");
    tensors = whole;
    std::swap(
        tensors["model.layers.0.mlp.up_proj.weight"].shape[0],
        tensors["model.layers.0.mlp.up_proj.weight"].shape[1]
    );
    expect_refused(
        make("turned", "qwen2", tensors), "model.layers.0.mlp.up_proj.weight: is [16, 20]"
    );
    tensors = whole;
    tensors["model.norm.weight"].type = ForeignType::i32;
    expect_refused(make("integers", "qwen2", tensors), "model.norm.weight: is of type I32");
}

TEST_F(HuggingFaceImportTest, TensorsOfNoUseAreNamed) {
    auto tensors = tensors_in(golden("qwen2"));
    tensors["lm_head.weight"] = tensors.at("model.embed_tokens.weight");
    tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {
        ForeignType::f32, {2}, std::vector<std::byte>(8)};
    auto const imported = import(make("tables", "qwen2", tensors), "in");
    EXPECT_EQ(
        imported.ignored_tensors,
        (std::vector<std::string>{"lm_head.weight", "model.layers.0.self_attn.rotary_emb.inv_freq"})
    );
    tensors["lm_head.weight"].bytes[5] ^= std::byte{1};
    expect_refused(make("untied", "qwen2", tensors), "lm_head.weight: differs from the embedding");
}

// One layer's is zero, so it is none and named; the other's comes out as it went in, beside zeros.
TEST_F(HuggingFaceImportTest, SharedExpertsThatDoNothingAreDroppedLayerByLayer) {
    auto tensors = tensors_in(golden("qwen2_moe_shared"));
    std::string const layer = "model.layers.2.mlp.shared_expert";
    std::vector<std::string> expected;
    for (auto& [name, tensor] : tensors) {
        if (name.starts_with(layer)) {
            expected.push_back(name);
            std::ranges::fill(tensor.bytes, std::byte{0});
        }
    }
    ASSERT_EQ(expected.size(), 4U);
    auto const imported = import(make("half", "qwen2_moe_shared", tensors), "in");
    EXPECT_EQ(imported.ignored_tensors, expected);
    auto const& layers = imported.checkpoint.manifest.config.layers;
    EXPECT_EQ(layers[0].shared_hidden, 10);
    EXPECT_EQ(layers[1].shared_hidden, 0);
    EXPECT_EQ(layers[2].shared_hidden, 0);
    export_to("in", "out", ForeignForm::qwen2_moe);
    EXPECT_EQ(tensors_in(folder_ / "out"), tensors);
}

TEST_F(HuggingFaceImportTest, SharedExpertsNeedTheirTensorsAndARouter) {
    auto const whole = tensors_in(golden("qwen2_moe_shared"));
    auto tensors = whole;
    tensors.erase("model.layers.0.mlp.shared_expert_gate.weight");
    expect_refused(
        make("ungated", "qwen2_moe_shared", tensors),
        "model.layers.0.mlp.shared_expert_gate.weight: is missing"
    );
    tensors = whole;
    tensors["model.layers.1.mlp.shared_expert_gate.weight"] =
        whole.at("model.layers.0.mlp.shared_expert_gate.weight");
    expect_refused(
        make("dense", "qwen2_moe_shared", tensors),
        "model.layers.1.mlp.shared_expert_gate.weight: a qwen2_moe"
    );
}

TEST_F(HuggingFaceImportTest, MixedAndHalfTypesNeedADecision) {
    auto tensors = tensors_in(golden("llama"));
    auto& norm = tensors["model.norm.weight"];
    norm = {ForeignType::bf16, norm.shape, converted(norm.bytes, norm.type, DType::bf16)};
    auto const mixed = make("mixed", "llama", tensors);
    expect_refused(mixed, "model.norm.weight is BF16");
    EXPECT_EQ(import(mixed, "f32", DType::f32).model.config.dtype, DType::f32);
    for (auto& [key, tensor] : tensors) {  // zeros are zeros of any type
        auto const size = std::accumulate(
            tensor.shape.begin(), tensor.shape.end(), std::int64_t{2}, std::multiplies<>()
        );
        tensor = {
            ForeignType::f16, tensor.shape, std::vector<std::byte>(static_cast<std::size_t>(size))};
    }
    auto const half = make("half", "llama", tensors);
    expect_refused(half, "is F16");
    EXPECT_EQ(import(half, "bf16", DType::bf16).model.config.dtype, DType::bf16);
}

TEST_F(HuggingFaceImportTest, FilesThatLieAreRefused) {
    auto const folder = make("cut", "llama", tensors_in(golden("llama")));
    if (comm_.rank() == 0) {
        auto const path = folder / "model.safetensors";
        std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
    }
    MPI_Barrier(comm_.get());
    expect_refused(folder, "leave the file");
    if (comm_.rank() == 0) {
        test::write_content(
            folder / "model.safetensors.index.json",
            R"({"weight_map":{"model.norm.weight":"../x.safetensors"}})"
        );
    }
    MPI_Barrier(comm_.get());
    expect_refused(folder, "model.norm.weight: lies in");
}

TEST_F(HuggingFaceImportTest, VocabulariesSmallerThanTheTokenizersAreRefused) {
    ImportRequest request;
    request.from = golden("llama");
    request.to = folder_ / "small";
    request.tokenizer_tokens = 49;
    expect_error(Exit::data, "the tokenizer has 49 tokens", [&] {
        import_hugging_face(request, comm_);
    });
}

TEST_F(HuggingFaceImportTest, ExportNeedsAFormWithoutObstacles) {
    import(golden("mixtral"), "in");
    expect_error(Exit::usage, "llama has no experts", [&] {
        export_to("in", "out", ForeignForm::llama);
    });
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
    export_to("in", "out", ForeignForm::isogloss);
    EXPECT_TRUE(std::filesystem::exists(folder_ / "out" / "modeling_isogloss.py"));
    expect_error(Exit::usage, "exists already", [&] {
        export_to("in", "out", ForeignForm::isogloss);
    });
}

TEST_F(HuggingFaceImportTest, RoutersThatBf16HasNotStayFloat) {
    auto tensors = tensors_in(golden("mixtral"));
    for (auto& [name, tensor] : tensors) {
        if (name.find("0.block_sparse_moe.gate") == std::string::npos) {
            tensor = {
                ForeignType::bf16, tensor.shape, converted(tensor.bytes, tensor.type, DType::bf16)};
        }
    }
    import(make("fine", "mixtral", tensors), "in");
    auto const written = export_to("in", "out", ForeignForm::mixtral);
    EXPECT_EQ(
        written.float_routers,
        (std::vector<std::string>{"model.layers.0.block_sparse_moe.gate.weight"})
    );
    EXPECT_EQ(tensors_in(folder_ / "out"), tensors);
}

}  // namespace
}  // namespace isogloss
