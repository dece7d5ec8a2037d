// train/deviation_similarity.cpp
#include "train/deviation_similarity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "base/math.h"
#include "base/require.h"
#include "checkpoint/attempt.h"
#include "comm/collective.h"
#include "kernels/parallel.h"
#include "storage/hdf5_file.h"
#include "train/probe_file.h"

namespace isogloss {
namespace {

constexpr std::int64_t kVectorBlock = 32768;  // elements: 128 KiB of each vector

// In double and in eight lanes, which the compiler makes wide.
double dot(std::span<float const> a, std::span<float const> b) {
    constexpr std::size_t kLanes = 8;
    std::array<double, kLanes> lanes{};
    std::size_t i = 0;
    for (; i + kLanes <= a.size(); i += kLanes) {
        for (std::size_t l = 0; l < kLanes; ++l) {
            lanes[l] += static_cast<double>(a[i + l]) * static_cast<double>(b[i + l]);
        }
    }
    double sum = 0.0;
    for (; i < a.size(); ++i) {
        sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    }
    for (auto const lane : lanes) {
        sum += lane;
    }
    return sum;
}

std::int64_t common_length(std::vector<Hdf5File> const& files) {
    std::int64_t length = 0;
    for (auto const& file : files) {
        auto const size = file.info(kDeviationDataset).size();
        require_data(
            length == 0 || size == length, "{}: {} elements, {} in {}", file.path().string(), size,
            length, files.front().path().string()
        );
        length = size;
    }
    return length;
}

// products[i n + j], i <= j, over elements [part.begin, part.end) of the vectors.
void add_products(std::vector<Hdf5File> const& files, Range part, std::vector<double>& products) {
    auto const n = static_cast<std::int64_t>(files.size());
    std::vector<float> block(static_cast<std::size_t>(n * kVectorBlock));
    auto const of = [&](std::int64_t vector, std::int64_t count) {
        return std::span(block).subspan(
            static_cast<std::size_t>(vector * kVectorBlock), static_cast<std::size_t>(count)
        );
    };
    for (auto first = part.begin; first < part.end; first += kVectorBlock) {
        auto const count = std::min(kVectorBlock, part.end - first);
        for (std::int64_t i = 0; i < n; ++i) {
            files[static_cast<std::size_t>(i)].read_at(kDeviationDataset, first, of(i, count));
        }
        // Each product is one thread's, so its bits do not depend on the number of threads.
        cpu::parallel_rows(n * n, count / 2, [&](std::int64_t begin, std::int64_t end) {
            for (auto pair = begin; pair < end; ++pair) {
                if (pair / n <= pair % n) {
                    products[static_cast<std::size_t>(pair)] +=
                        dot(of(pair / n, count), of(pair % n, count));
                }
            }
        });
    }
}

}  // namespace

std::vector<double> deviation_similarity(
    std::vector<std::filesystem::path> const& files, MpiComm const& world
) {
    auto const n = files.size();
    std::vector<double> products(n * n, 0.0);
    Attempt attempt;
    attempt.run([&] {
        std::vector<Hdf5File> open;
        for (auto const& file : files) {
            open.emplace_back(file);
        }
        auto const part = even_part(common_length(open), world.size(), world.rank());
        add_products(open, part, products);
    });
    attempt.agree(world);
    sum_over(std::span<double>(products), world);
    for (std::size_t i = 0; i < n; ++i) {
        auto const square = products[i * n + i];
        require_data(
            square > 0.0 && std::isfinite(square),
            "{}: the squares of the deviation sum to {}, so it has no direction: was there text to "
            "learn from, and a learning rate above 0?",
            files[i].string(), square
        );
    }
    std::vector<double> similarity(n * n, 1.0);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = i + 1; j < n; ++j) {
            auto const norms = std::sqrt(products[i * n + i]) * std::sqrt(products[j * n + j]);
            auto const cosine = std::clamp(products[i * n + j] / norms, -1.0, 1.0);
            similarity[i * n + j] = cosine;
            similarity[j * n + i] = cosine;
        }
    }
    return similarity;
}

Json similarity_json(
    std::vector<std::string> const& languages, std::vector<double> const& similarity
) {
    auto const n = languages.size();
    require(similarity.size() == n * n, "{} similarities of {} languages", similarity.size(), n);
    Json rows = Json::array();
    for (std::size_t i = 0; i < n; ++i) {
        Json row = Json::array();
        for (std::size_t j = 0; j < n; ++j) {
            row.push_back(similarity[i * n + j]);
        }
        rows.push_back(std::move(row));
    }
    return {{"languages", languages}, {"similarity", std::move(rows)}};
}

}  // namespace isogloss
