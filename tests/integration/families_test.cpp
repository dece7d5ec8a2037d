// integration/families_test.cpp - each family with the real program: create, train, grow, generate.
#include <gtest/gtest.h>

#include "integration/stage.h"

namespace isogloss {
namespace {

using test::stage;
using test::Words;

struct Member {
    std::string name;
    Words switches;
};

std::vector<Member> const kMembers{
    {"bloom",
     {"--model.norm=layer", "--model.position=alibi", "--model.feed-forward=gelu",
      "--model.embedding-norm", "--model.linear-bias", "--model.qkv-bias",
      "--model.tied-embeddings"}},
    {"gemma",
     {"--model.norm=rms-offset", "--model.feed-forward=geglu", "--model.embedding-scale",
      "--model.head-width=24", "--model.kv-heads=1", "--model.tied-embeddings"}},
    {"qwen3", {"--model.qk-norm", "--model.kv-heads=1"}},
    {"qwen2-moe",
     {"--model.qkv-bias", "--model.experts=1,3", "--model.gates=probabilities",
      "--model.shared-expert-hidden=24"}},
    {"llama3",
     {"--model.rope-scaling=llama3", "--model.rope-factor=8",
      "--model.rope-original-positions=32"}}};

class FamiliesTest : public testing::Test {
protected:
    static void SetUpTestSuite() { stage = std::make_unique<test::Stage>("families"); }
    static void TearDownTestSuite() { stage.reset(); }

    static void expect_done(int ranks, Words const& words) {
        auto const outcome = stage->run(ranks, words);
        ASSERT_EQ(outcome.code, 0) << outcome;
    }
    static Json generated(std::filesystem::path const& checkpoint, int ranks, Words more = {}) {
        Words words{"generate", checkpoint.string(), "--json", "--max-tokens=8"};
        more.insert(more.begin(), words.begin(), words.end());
        auto const outcome = stage->run(ranks, more);
        EXPECT_EQ(outcome.code, 0) << outcome;
        return Json::parse(outcome.out, nullptr, false);
    }
};

TEST_F(FamiliesTest, EachIsCreatedTrainedGrownAndLookedAt) {
    for (auto const& [name, switches] : kMembers) {
        SCOPED_TRACE(name);
        stage->create_model(name, switches);
        expect_done(
            2,
            stage->train(
                name + "-run", 10, {"--run.from=" + (*stage / name).string(), "--data.languages=en"}
            )
        );
        auto const losses = test::losses_of(*stage / (name + "-run"));
        ASSERT_EQ(losses.size(), 10U);
        EXPECT_LT(losses.back().second, losses.front().second);
        auto const trained = stage->checkpoint(name + "-run", 10);
        auto const grown = *stage / (name + "-grown");
        expect_done(
            0, {"expand", "apply", "--from=" + trained.string(), "--to=" + grown.string(),
                "--experts=0,1", "--languages=zh"}
        );
        expect_done(0, {"model", "verify", grown.string()});
        expect_done(
            2, stage->train(
                   name + "-more", 3,
                   {"--run.from=" + grown.string(), "--data.languages=zh",
                    "--train.trainable=new-experts"}
               )
        );
        auto const more = stage->checkpoint(name + "-more", 3);
        // The dense layers of both are the same, as nothing of them trained.
        EXPECT_EQ(test::shards_of(more).front(), test::shards_of(trained).front())
            << "the backbone";

        auto const prompts = Words{"--tokens=256,104,101;256,97"};
        auto const alone = generated(more, 0, prompts);
        ASSERT_EQ(alone.at("prompts").size(), 2U);
        EXPECT_EQ(alone.at("prompts")[0].at("prompt"), "he");
        EXPECT_FALSE(alone.at("prompts")[0].at("tokens").empty());
        EXPECT_EQ(generated(more, 2, prompts).at("prompts"), alone.at("prompts"));
    }
}

TEST_F(FamiliesTest, ASharedExpertIsCountedAndNeedsARouter) {
    Words const words{
        "model",
        "create",
        "--dry-run",
        "--json",
        "--model.width=8",
        "--model.heads=2",
        "--model.layers=2",
        "--model.vocab-size=10",
        "--model.ffn-hidden=3"};
    auto const counted = [&](Words more) {
        more.insert(more.begin(), words.begin(), words.end());
        auto const outcome = stage->run(0, more);
        EXPECT_EQ(outcome.code, 0) << outcome;
        auto const size = Json::parse(outcome.out, nullptr, false);
        return size.at("backbone").at("parameters").get<std::int64_t>();
    };
    // In the second layer alone: three matrices of 5 by 8, and a gate of 8.
    EXPECT_EQ(
        counted({"--model.experts=1,3", "--model.shared-expert-hidden=5"}) -
            counted({"--model.experts=1,3"}),
        3 * 5 * 8 + 8
    );
    auto dense = words;
    dense.emplace_back("--model.shared-expert-hidden=5");
    auto const outcome = stage->run(0, dense);
    EXPECT_EQ(outcome.code, 2) << outcome;
    EXPECT_NE(
        outcome.err.find("model.shared-expert-hidden = 5: no layer has a router"), std::string::npos
    ) << outcome;
}

TEST_F(FamiliesTest, TextGoesOnTheSameWayEachTime) {
    auto const model = *stage / "model";
    Words const sampled{
        "--prompt=the sea", "--temperature=0.8", "--top-k=20", "--top-p=0.9", "--seed=7"};
    auto const first = generated(model, 0, sampled);
    EXPECT_EQ(first.at("prompts")[0].at("prompt"), "the sea");
    EXPECT_EQ(first.at("prompts")[0].at("prompt_tokens")[0], 256) << "the separator";
    EXPECT_EQ(generated(model, 2, sampled), first);

    std::ofstream(*stage / "prompts.txt") << "one\n\ntwo\n";
    auto const file = "--prompt-file=" + (*stage / "prompts.txt").string();
    EXPECT_EQ(generated(model, 0, {file}).at("prompts").size(), 2U);

    auto const logits = *stage / "logits.safetensors";
    EXPECT_EQ(
        generated(model, 0, {"--tokens=1,2,3", "--logits-out=" + logits.string()}).size(), 2U
    );
    // A length of 8 bytes, the header, 3 x 257 floats.
    EXPECT_GT(std::filesystem::file_size(logits), 3U * 257U * 4U + 8U);
}

TEST_F(FamiliesTest, GenerateSaysWhatItCannotDo) {
    auto const expect_fault = [&](Words words, int code, std::string const& part) {
        Words all{"generate", (*stage / "model").string()};
        all.insert(all.end(), words.begin(), words.end());
        auto const outcome = stage->run(0, all);
        EXPECT_EQ(outcome.code, code) << outcome;
        EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome;
    };
    expect_fault({}, 2, "0 of prompt, prompt-file and tokens are given");
    expect_fault({"--tokens=1,x"}, 2, "\"x\" is no id");
    expect_fault({"--tokens=1,300"}, 2, "token 300 is not in the vocabulary of 257");
    expect_fault({"--prompt=a", "--routing=hard"}, 2, "name the prompts' language");
    expect_fault({"--prompt=a", "--device=cuda"}, 2, "has no kernel for a GPU");
    expect_fault({"--prompt=a", "--top-p=0"}, 2, "top-p = 0");
    expect_fault({"--prompt-file=/nowhere"}, 3, "cannot be read");
}

}  // namespace
}  // namespace isogloss
