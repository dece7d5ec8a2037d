// corpus/loader.cpp
#include "corpus/loader.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>

#include "base/clock.h"
#include "base/math.h"
#include "base/require.h"

namespace isogloss {
namespace {

// Tokens from draw.first on of the first `length` of a stream; after the last comes the first.
void read_ring(
    Corpus const& corpus, Draw const& draw, std::int64_t length, std::span<std::int32_t> out
) {
    auto const before_end = std::min(out.size(), index(length - draw.first));
    corpus.window(draw.language, Split::train, draw.first, out.first(before_end));
    if (before_end < out.size()) {
        corpus.window(draw.language, Split::train, 0, out.subspan(before_end));
    }
}

// Of a batch's rows, all before the first is read: a disk serves them together.
void prefetch_ring(Corpus const& corpus, Draw const& draw, RowOrder const& order) {
    auto const count = order.targets(draw) + 1;
    auto const beyond = draw.first + count - order.tokens()[index(draw.language)];
    corpus.prefetch(draw.language, Split::train, draw.first, count);
    if (beyond > 0) {
        corpus.prefetch(draw.language, Split::train, 0, beyond);
    }
}

}  // namespace

Batch read_rows(
    Corpus const& corpus,
    RowOrder const& order,
    std::int64_t step,
    std::span<std::int64_t const> rows
) {
    auto const row_length = order.row_length();
    auto batch = make_batch(static_cast<std::int64_t>(rows.size()), row_length);
    batch.step = step;
    std::vector<Draw> draws;
    for (auto const row : rows) {
        draws.push_back(order.draw(step, row));
        prefetch_ring(corpus, draws.back(), order);
    }
    std::vector<std::int32_t> stream;
    for (std::size_t row = 0; row < rows.size(); ++row) {
        auto const& draw = draws[row];
        stream.resize(static_cast<std::size_t>(order.targets(draw) + 1));
        read_ring(corpus, draw, order.tokens()[index(draw.language)], stream);
        fill_row(
            batch, static_cast<std::int64_t>(row), stream, corpus.manifest().separator,
            draw.language
        );
    }
    return batch;
}

LoaderPlan slice_plan(
    Slices const& slices, std::int64_t ranks, std::int64_t rank, std::int64_t first_step
) {
    auto const part = even_part(slices.rows, ranks, rank);
    return {
        .first_step = first_step,
        .micro_batches = slices.count,
        .rows = [slice = slices.rows, part](std::int64_t /*step*/, std::int64_t micro_batch) {
            std::vector<std::int64_t> rows(index(part.size()));
            std::iota(rows.begin(), rows.end(), micro_batch * slice + part.begin);
            return rows;
        }};
}

// Shared between the caller and the reading thread. Everything mutable is guarded by `mutex`.
struct Loader::Queue {
    static constexpr std::size_t kAhead = 2;

    Queue(Corpus const& from, RowOrder const& by, LoaderPlan what)
        : corpus(from), order(by), plan(std::move(what)) {
        thread = std::thread([this] { read_all(); });
    }
    ~Queue() {
        {
            std::scoped_lock const lock(mutex);
            stopped = true;
        }
        changed.notify_all();
        thread.join();
    }
    Queue(Queue const&) = delete;
    Queue& operator=(Queue const&) = delete;

    void read_all() {
        try {
            for (auto step = plan.first_step; true; ++step) {
                for (std::int64_t part = 0; part < plan.micro_batches; ++part) {
                    auto batch = read_rows(corpus, order, step, plan.rows(step, part));
                    batch.micro_batch = part;
                    if (!put(std::move(batch))) {
                        return;
                    }
                }
            }
        } catch (...) {  // carried to the caller, whose thread it belongs to
            std::scoped_lock const lock(mutex);
            fault = std::current_exception();
        }
        changed.notify_all();
    }

    // False when the loader is being destroyed.
    bool put(Batch batch) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return stopped || ready.size() < kAhead; });
        if (stopped) {
            return false;
        }
        ready.push_back(std::move(batch));
        lock.unlock();
        changed.notify_all();
        return true;
    }

    bool is_ready_within(double seconds) {
        Timer const timer;
        std::unique_lock lock(mutex);
        bool const is_ready =
            changed.wait_for(lock, std::chrono::duration<double>(seconds), [this] {
                return !ready.empty() || fault != nullptr;
            });
        seconds_waited += timer.seconds();
        return is_ready;
    }

    Batch take() {
        Timer const timer;
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return !ready.empty() || fault != nullptr; });
        seconds_waited += timer.seconds();
        if (ready.empty()) {
            std::rethrow_exception(fault);
        }
        auto batch = std::move(ready.front());
        ready.pop_front();
        lock.unlock();
        changed.notify_all();
        return batch;
    }

    Corpus const& corpus;
    RowOrder const& order;
    LoaderPlan plan;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Batch> ready;
    std::exception_ptr fault;
    double seconds_waited = 0.0;
    bool stopped = false;
    std::thread thread;
};

Loader::Loader(Corpus const& corpus, RowOrder const& order, LoaderPlan plan)
    : queue_(std::make_unique<Queue>(corpus, order, std::move(plan))) {}
Loader::~Loader() = default;
Loader::Loader(Loader&&) noexcept = default;
Loader& Loader::operator=(Loader&&) noexcept = default;

Batch Loader::next() {
    return queue_->take();
}

bool Loader::is_ready_within(double seconds) {
    return queue_->is_ready_within(seconds);
}

double Loader::seconds_waited() const {
    std::scoped_lock const lock(queue_->mutex);
    return queue_->seconds_waited;
}

ValidationSet::ValidationSet(
    Corpus const& corpus, std::int32_t language, Split split, std::int64_t row_length
)
    : corpus_(&corpus), language_(language), split_(split), row_length_(row_length) {
    require(row_length > 0, "rows of {} tokens", row_length);
    auto const predicted = std::max(std::int64_t{0}, corpus.tokens(language, split) - 1);
    rows_ = ceil_div(predicted, row_length);
}

Batch ValidationSet::read(std::int64_t first, std::int64_t count) const {
    require(first >= 0 && count >= 0, "rows [{}, {}) of a validation set", first, first + count);
    auto const begin = std::min(first, rows_);
    auto const end = std::min(first + count, rows_);
    auto batch = make_batch(end - begin, row_length_);
    std::vector<std::int32_t> stream;
    for (auto row = begin; row < end; ++row) {
        auto const left = corpus_->tokens(language_, split_) - row * row_length_;
        stream.resize(static_cast<std::size_t>(std::min(row_length_ + 1, left)));
        corpus_->window(language_, split_, row * row_length_, stream);
        fill_row(batch, row - begin, stream, corpus_->manifest().separator, language_);
    }
    return batch;
}

}  // namespace isogloss
