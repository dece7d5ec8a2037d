// train/probe_test.cpp - what a probe keeps, on any number of ranks and over any number of jobs.
#include "train/probe.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/hash.h"
#include "base/random.h"
#include "checkpoint/load.h"
#include "checkpoint/save.h"
#include "model/language_model.h"
#include "moe/placement.h"
#include "storage/hdf5_file.h"
#include "support/all_ranks.h"
#include "support/byte_corpus.h"
#include "support/expect_error.h"
#include "support/shared_folder.h"
#include "support/temporary_folder.h"
#include "train/data_order.h"
#include "train/trainer.h"

namespace isogloss {
namespace {

MpiComm alone() {
    return MpiComm::split(MPI_COMM_WORLD, test::all_ranks().rank(), 0);
}

ModelConfig dense_model(DType dtype) {
    ModelConfig config;
    config.vocab_size = test::kByteVocabulary;
    config.width = 16;
    config.num_heads = 2;
    config.num_kv_heads = 1;
    config.head_width = 8;
    config.ffn_hidden = 12;
    config.max_positions = 32;
    config.dtype = dtype;
    config.layers.resize(3);
    return config;
}

// Letters drawn at random from an alphabet: as much to learn as which letters there are.
std::string letters(std::string const& alphabet, std::uint64_t seed, std::size_t length) {
    std::string text;
    for (std::uint64_t i = 0; i < length; ++i) {
        text += alphabet[random_bits(seed, 0, i) % alphabet.size()];
    }
    return text;
}

// Corpus and base model, written by rank 0 alone.
void prepare_base(std::filesystem::path const& folder, ModelConfig const& config) {
    auto const self = alone();
    if (test::all_ranks().rank() == 0) {
        test::write_byte_corpus(
            folder / "corpus", {{"el", {letters("abcd", 1, 2500)}, {}},
                                {"hu", {letters("wxyz", 2, 2500)}, {}},
                                {"tr", {letters("abcx", 3, 2500)}, {}},
                                {"yi", {letters("jk", 4, 90)}, {}}}
        );
        PlacementRequest request;
        request.experts_per_layer = config.experts_per_layer();
        LanguageModel model(config, place_experts(request), self, {});
        initialise(model.parameters(), config, 5);
        CheckpointInfo info;
        info.tokenizer_kind = "bytes";
        info.tokenizer_sha256 = sha256("bytes");
        save_checkpoint(folder / "base", {config, model.parameters(), {}, nullptr}, info, self);
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

ProbeConfig tiny_probe(std::filesystem::path const& folder, std::string const& out) {
    ProbeConfig config;
    config.from = folder / "base";
    config.corpus = folder / "corpus";
    config.out = folder / out;
    config.languages = {"el", "hu", "tr"};
    config.rows = 8;
    config.micro_rows = 4;
    config.row_length = 16;
    config.learning_rate = 1e-3F;
    config.similarity_layers = 2;
    return config;
}

ProbeResult probe(ProbeConfig const& config, MpiComm const& group) {
    StopSignal const stop;
    Log log(group.rank());
    return run_probe(config, group, stop, ProgressStyle::none, log);
}

std::vector<float> deviation_of(std::filesystem::path const& file) {
    Hdf5File const open(file);
    std::vector<float> values(static_cast<std::size_t>(open.info(kDeviationDataset).size()));
    open.read(kDeviationDataset, std::span<float>(values));
    return values;
}

// The vector holds exactly what the norms of its layers are made of.
TEST(ProbeTest, NormsAreThoseOfTheDeviationThatIsKept) {
    test::SharedFolder const folder;
    prepare_base(folder.path(), dense_model(DType::f32));
    auto const config = tiny_probe(folder.path(), "out");
    auto const result = probe(config, test::all_ranks());
    EXPECT_EQ(result.exit, Exit::done);
    for (std::size_t i = 0; i < result.records.size(); ++i) {  // rank 0
        auto const& norms = result.records[i].norms;
        ASSERT_EQ(norms.ffn.size(), 3U);
        ASSERT_EQ(norms.attention.size(), 3U);
        EXPECT_GT(norms.attention[0], 0.0);
        auto const values = deviation_of(probe_file(config.out, result.languages[i]));
        ASSERT_EQ(values.size(), 2U * 3U * 12U * 16U);  // layers 1 and 2: gate, up and down
        for (std::size_t layer = 1; layer < 3; ++layer) {
            double sum = 0.0;
            for (std::size_t k = 0; k < values.size() / 2; ++k) {
                auto const x = static_cast<double>(values[(layer - 1) * values.size() / 2 + k]);
                sum += x * x;
            }
            EXPECT_NEAR(norms.ffn[layer], std::sqrt(sum), 1e-12 * norms.ffn[layer]);
        }
        EXPECT_LT(result.records[i].last_loss, result.records[i].first_loss);
    }
}

TEST(ProbeTest, WithoutANumberTheLastThreeLayersOrAllOfFewerAreCompared) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_base(folder.path(), dense_model(DType::f32));
    auto config = tiny_probe(folder.path(), "three");
    config.similarity_layers = 0;
    ASSERT_EQ(probe(config, group).exit, Exit::done);
    MPI_Barrier(MPI_COMM_WORLD);
    EXPECT_EQ(deviation_of(probe_file(config.out, "el")).size(), 3U * 3U * 12U * 16U);
    config.similarity_layers = 3;  // the same file, so that it is not made again
    ASSERT_EQ(probe(config, group).exit, Exit::done);

    test::SharedFolder const small;
    auto model = dense_model(DType::f32);
    model.layers.resize(2);
    prepare_base(small.path(), model);
    config = tiny_probe(small.path(), "two");
    config.similarity_layers = 0;
    ASSERT_EQ(probe(config, group).exit, Exit::done);
    MPI_Barrier(MPI_COMM_WORLD);
    EXPECT_EQ(deviation_of(probe_file(config.out, "el")).size(), 2U * 3U * 12U * 16U);
    config.similarity_layers = 3;
    test::expect_error(Exit::usage, "similarity-layers = 3: the model has 2", [&] {
        probe(config, group);
    });
}

// The language's ten steps as a run of `train` takes them, to its checkpoint.
StoredCheckpoint ordinary_run(RunConfig const& run, MpiComm const& group) {
    RunDirectory const directory(run.out);
    Corpus const corpus(run.data.corpus);
    auto const start = read_checkpoint(run.from, group);
    Log log(group.rank());
    directory.prepare("options = of the test\n", log);
    auto config = start.manifest.config;
    apply_trainable(run.train.trainable, config);
    PlacementRequest request;
    request.experts_per_layer = config.experts_per_layer();
    LanguageModel model(config, place_experts(request), group, {});
    load_weights(start, model.parameters(), HashCheck::compare, group);
    Optimizer optimizer(model.parameters());
    auto const order = make_order(run, corpus, config);
    auto const labels = label_languages(run, corpus, config, start.manifest.info);
    Slices const slices{run.train.slice_rows(), run.train.num_slices()};
    Loader loader(corpus, order, slice_plan(slices, group.size(), group.rank(), 0));
    RunRecord record(directory, run.train, 0, ProgressStyle::none, log, group.rank());
    StopSignal const stop;
    Trainer trainer(
        {run, directory, corpus, order, labels, model, optimizer, loader, record, log, stop, group},
        {}, start.manifest.info, start
    );
    EXPECT_EQ(trainer.run(), Exit::done);
    return trainer.checkpoint();
}

std::vector<float> tensor_of(StoredCheckpoint const& checkpoint, std::string const& name) {
    auto const* record = checkpoint.manifest.tensor(name);
    Hdf5File const file(checkpoint.folder / record->shard);
    std::vector<float> values(static_cast<std::size_t>(file.info(name).size()));
    file.read(name, std::span<float>(values));
    return values;
}

// The same arithmetic on the same ranks, so the same bits; only the sum's order may differ.
TEST(ProbeTest, ItIsTenStepsOfAnOrdinaryRun) {
    test::SharedFolder const folder;
    prepare_base(folder.path(), dense_model(DType::f32));
    if (test::all_ranks().rank() != 0) {
        return;
    }
    auto const self = MpiComm::split(MPI_COMM_SELF, 0, 0);
    auto config = tiny_probe(folder.path(), "probe");
    config.languages = {"hu"};
    auto const result = probe(config, self);
    auto run = probe_run(config, "hu");
    run.out = folder / "run";
    run.train.evaluate_tokens = 32;
    auto const after = ordinary_run(run, self);
    auto const before = read_checkpoint(config.from);
    EXPECT_EQ(after.manifest.info.step, 10);
    for (std::size_t layer = 0; layer < 3; ++layer) {
        auto const prefix = "layers." + std::to_string(layer) + ".";
        auto const norm_of = [&](std::vector<std::string> const& names) {
            double sum = 0.0;
            for (auto const& name : names) {
                auto const was = tensor_of(before, prefix + name);
                auto const is = tensor_of(after, prefix + name);
                for (std::size_t i = 0; i < was.size(); ++i) {
                    auto const moved = static_cast<double>(is[i] - was[i]);
                    sum += moved * moved;
                }
            }
            return std::sqrt(sum);
        };
        auto const& norms = result.records.at(0).norms;
        auto const ffn = norm_of({"experts.0.gate_up.weight", "experts.0.down.weight"});
        auto const attention = norm_of({"attention.qkv.weight", "attention.output.weight"});
        EXPECT_GT(ffn, 0.0);
        EXPECT_NEAR(norms.ffn[layer], ffn, 1e-12 * ffn);
        EXPECT_NEAR(norms.attention[layer], attention, 1e-12 * attention);
    }
}

// Gate rows are the first half of gate_up.
TEST(ProbeTest, TheGateMayBeLeftOutOfTheNorm) {
    test::SharedFolder const folder;
    prepare_base(folder.path(), dense_model(DType::f32));
    auto config = tiny_probe(folder.path(), "out");
    config.ffn_weights = FfnWeights::up_down;
    config.languages = {"el"};
    auto const result = probe(config, test::all_ranks());
    if (test::all_ranks().rank() == 0) {
        auto const values = deviation_of(probe_file(config.out, "el"));
        double sum = 0.0;
        for (std::size_t k = 12 * 16; k < 3 * 12 * 16; ++k) {
            sum += static_cast<double>(values[k]) * static_cast<double>(values[k]);
        }
        auto const norm = result.records.at(0).norms.ffn[1];
        EXPECT_NEAR(norm, std::sqrt(sum), 1e-12 * norm);
    }
}

// Ranks sum the same gradients in another order, which changes them by 2^-24 times a few hundred
// terms, 1e-5 of the larger elements. Adam divides by the gradient's size, so that an element moves
// by up to the learning rate however small its gradient is: those of 1e-2 of the common size and
// below, a hundredth of all, may move otherwise by 1e-3 of a step, the few of the size of the
// rounding by a whole one. In the norm, where squares add up, that is below 1e-3; a missing row or
// mean changes it by 1e-1.
TEST(ProbeTest, AnyNumberOfRanksMovesTheLayersAlike) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_base(folder.path(), dense_model(DType::f32));
    auto const apart = tiny_probe(folder.path(), "alone-" + std::to_string(group.rank()));
    auto const expected = probe(apart, alone());
    for (std::int64_t ranks = 1; ranks <= group.size(); ranks *= 2) {
        auto config = tiny_probe(folder.path(), "ranks-" + std::to_string(ranks));
        config.ranks_per_language = ranks;
        auto const result = probe(config, group);
        ASSERT_EQ(result.exit, Exit::done);
        for (std::size_t i = 0; i < result.records.size(); ++i) {  // rank 0
            for (std::size_t layer = 0; layer < 3; ++layer) {
                auto const& was = expected.records.at(i).norms;
                auto const& is = result.records[i].norms;
                EXPECT_NEAR(is.ffn[layer], was.ffn[layer], 1e-3 * was.ffn[layer]);
                EXPECT_NEAR(is.attention[layer], was.attention[layer], 1e-3 * was.attention[layer]);
            }
        }
    }
}

// Languages are independent: what one job did is what another would have done, to the bit.
TEST(ProbeTest, AnInterruptedProbeEndsAsAnUninterruptedOne) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_base(folder.path(), dense_model(DType::f32));
    auto const straight = tiny_probe(folder.path(), "straight");
    ASSERT_EQ(probe(straight, group).exit, Exit::done);
    auto const config = tiny_probe(folder.path(), "resumed");
    auto first = config;
    first.languages = {"hu"};
    ASSERT_EQ(probe(first, group).exit, Exit::done);
    auto const untouched = std::filesystem::last_write_time(probe_file(config.out, "hu"));
    {
        StopSignal stop;
        if (group.rank() == 0) {  // has a language to do, whatever the number of ranks
            stop.request();
        }
        Log log(group.rank());
        auto const stopped = run_probe(config, group, stop, ProgressStyle::none, log);
        EXPECT_EQ(stopped.exit, Exit::stopped);
        EXPECT_FALSE(std::filesystem::exists(probe_file(config.out, "el")));
    }
    ASSERT_EQ(probe(config, group).exit, Exit::done);
    EXPECT_EQ(std::filesystem::last_write_time(probe_file(config.out, "hu")), untouched);
    MPI_Barrier(MPI_COMM_WORLD);
    for (auto const* name : {"el.h5", "hu.h5", "tr.h5", "deviation.json", "similarity.json"}) {
        EXPECT_EQ(sha256_file(straight.out / name), sha256_file(config.out / name)) << name;
    }
}

TEST(ProbeTest, JobsThatShareTheLanguagesOutEndAsOneJob) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_base(folder.path(), dense_model(DType::f32));
    auto const straight = tiny_probe(folder.path(), "straight");
    ASSERT_EQ(probe(straight, group).exit, Exit::done);
    auto const config = tiny_probe(folder.path(), "shared");
    for (std::vector<std::string> const& slice : {std::vector<std::string>{"tr"}, {"el", "hu"}}) {
        auto part = config;
        part.languages = slice;
        part.results = ProbeResults::leave;
        ASSERT_EQ(probe(part, group).exit, Exit::done);
        MPI_Barrier(MPI_COMM_WORLD);
        EXPECT_FALSE(std::filesystem::exists(config.out / "deviation.json"));
        EXPECT_FALSE(std::filesystem::exists(config.out / "similarity.json"));
    }
    ASSERT_EQ(probe(config, group).exit, Exit::done);
    MPI_Barrier(MPI_COMM_WORLD);
    for (auto const* name : {"el.h5", "hu.h5", "tr.h5", "deviation.json", "similarity.json"}) {
        EXPECT_EQ(sha256_file(straight.out / name), sha256_file(config.out / name)) << name;
    }
}

TEST(ProbeTest, StaleFilesAreRefusedOrMadeAgain) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_base(folder.path(), dense_model(DType::f32));
    auto config = tiny_probe(folder.path(), "out");
    config.languages = {"el", "hu"};
    ASSERT_EQ(probe(config, group).exit, Exit::done);
    config.steps = 5;
    test::expect_error(Exit::usage, "steps was 10, is 5", [&] { probe(config, group); });
    config.stale = StaleFiles::redo;
    auto const result = probe(config, group);
    ASSERT_EQ(result.exit, Exit::done);
    for (auto const& record : result.records) {
        EXPECT_EQ(record.fingerprint["steps"], 5);
    }
}

// yi has 90 letters and a separator: 5 rows of 16.
TEST(ProbeTest, TooLittleTextIsNamedBeforeAnyWork) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_base(folder.path(), dense_model(DType::f32));
    auto config = tiny_probe(folder.path(), "out");
    config.languages = {"el", "yi"};
    test::expect_error(Exit::data, "yi (5 rows)", [&] { probe(config, group); });
    EXPECT_FALSE(std::filesystem::exists(config.out));
    config.small = SmallLanguages::skip;
    EXPECT_EQ(probe(config, group).languages, std::vector<std::string>{"el"});
    config.languages = {"yi"};
    test::expect_error(Exit::data, "yi (5 rows)", [&] { probe(config, group); });
}

// The deviation of bf16 weights is taken in f32, where it is not rounded away.
TEST(ProbeTest, WeightsMoveInSinglePrecision) {
    test::SharedFolder const folder;
    prepare_base(folder.path(), dense_model(DType::bf16));
    auto config = tiny_probe(folder.path(), "out");
    config.languages = {"el"};
    config.learning_rate = 1e-6F;  // a bf16 of 0.02 is 8e-5 from the next
    auto const result = probe(config, test::all_ranks());
    for (auto const& record : result.records) {
        // Ten steps that fall linearly are 5.5 whole ones; a layer has 576 weights.
        EXPECT_GT(record.norms.ffn[0], 0.1 * 5.5e-6 * std::sqrt(576.0));
        EXPECT_LT(record.norms.ffn[0], 2.0 * 5.5e-6 * std::sqrt(576.0));
    }
}

TEST(ProbeTest, OnlyADenseModelIsProbed) {
    test::SharedFolder const folder;
    auto model = dense_model(DType::f32);
    model.layers[1].experts.resize(2);
    prepare_base(folder.path(), model);
    test::expect_error(Exit::usage, "layer 1 has 2 experts", [&] {
        probe(tiny_probe(folder.path(), "out"), test::all_ranks());
    });
}

TEST(ProbeTest, FaultsOfTheConfigAreNamed) {
    ProbeConfig config;
    EXPECT_TRUE(problems(config, 8).empty());
    config.ranks_per_language = 3;
    EXPECT_EQ(problems(config, 8).size(), 1U);  // does not divide
    config.ranks_per_language = 16;
    EXPECT_EQ(problems(config, 16).size(), 1U);  // more than the 8 rows of a micro-batch
    config.micro_rows = 48;
    EXPECT_EQ(problems(config, 16).size(), 1U);  // does not divide 2048
    config.steps = 0;
    config.documents = -1;
    config.learning_rate = 0.0F;
    config.similarity_layers = -1;
    config.languages = {"el", "el"};
    EXPECT_EQ(problems(config, 16).size(), 7U);
}

}  // namespace
}  // namespace isogloss
