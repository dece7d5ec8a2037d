// train/checkpoint_writer.cpp
#include "train/checkpoint_writer.h"

#include <fmt/format.h>

#include <chrono>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "checkpoint/attempt.h"
#include "checkpoint/optimizer_state.h"
#include "checkpoint/partial_checkpoint.h"
#include "checkpoint/run_checkpoints.h"
#include "comm/activity.h"
#include "comm/collective.h"

namespace isogloss {

CheckpointWriter::CheckpointWriter(WriterParts const& parts, StoredCheckpoint origin)
    : parts_(parts), newest_(std::move(origin)) {}

CheckpointWriter::~CheckpointWriter() {
    if (writing_.joinable()) {
        writing_.request_stop();
        writing_.join();
    }
}

void CheckpointWriter::require_room(CheckpointInfo const& info) {
    Attempt attempt;
    if (parts_.world.rank() == 0) {
        attempt.run([&] {
            auto const root = parts_.directory.checkpoints();
            remove_partial_checkpoints(root);
            auto const bytes = bytes_to_save(
                {.config = parts_.model.config(),
                 .parameters = parts_.model.parameters(),
                 .optimizer = {},
                 .origin = &newest_},
                info
            );
            require_free_space(root, bytes);
            // While a checkpoint is written, those before it are still there.
            auto const most = parts_.config.keep_last + 1;
            auto const free = static_cast<std::int64_t>(std::filesystem::space(root).available);
            if (parts_.config.keep_last > 0 && free / most < bytes) {
                parts_.log.warning(fmt::format(
                    "{}: a checkpoint takes up to {} bytes and {} are free; train.keep-last = {} "
                    "needs room for {} of them if nothing is there yet",
                    root.string(), bytes, free, parts_.config.keep_last, most
                ));
            }
        });
    }
    attempt.agree(parts_.world);
}

void CheckpointWriter::save(CheckpointInfo const& info) {
    if (is_under_way()) {
        parts_.log.info(fmt::format(
            "step {}: waits for the checkpoint of step {}, which is still being written; save less "
            "often or to a faster disk",
            info.step, now_.step
        ));
    }
    finish();
    if (removing_.joinable()) {
        removing_.join();  // its space may be needed
    }
    begin(info);
    if (parts_.config.checkpoint_writing == CheckpointWriting::wait) {
        commit();
    }
}

void CheckpointWriter::begin(CheckpointInfo const& info) {
    since_begin_.restart();
    now_ = {.step = info.step};
    bool const waits = parts_.config.checkpoint_writing == CheckpointWriting::wait;
    auto const pieces = state_pieces(parts_.model.parameters(), parts_.optimizer);
    save_.emplace(
        parts_.directory.checkpoint(info.step),
        SaveInput{
            .config = parts_.model.config(),
            .parameters = parts_.model.parameters(),
            .optimizer = pieces,
            .origin = &newest_},
        info, waits ? Writing::at_once : Writing::later, parts_.world
    );
    is_written_ = false;
    now_.stood_still = since_begin_.seconds();
    if (waits) {
        seconds_of_thread_ = since_begin_.seconds();
        is_written_ = true;
        return;
    }
    writing_ = std::jthread([this](std::stop_token const& stop) {
        Timer const timer;
        save_->write(stop);
        seconds_of_thread_ = timer.seconds();
        is_written_ = true;
    });
}

// Each part that is done is a sign of life to whoever watches this rank.
void CheckpointWriter::wait_for_thread() {
    constexpr std::chrono::milliseconds kPause(1);
    std::int64_t done = -1;
    while (is_writing()) {
        if (auto const now = save_->parts_done(); now != done) {
            done = now;
            mark_phase("waiting for the checkpoint's files");
        }
        std::this_thread::sleep_for(kPause);
    }
    if (writing_.joinable()) {
        writing_.join();
    }
}

void CheckpointWriter::commit() {
    Timer const timer;
    wait_for_thread();
    auto saved = save_->commit();
    save_.reset();
    newest_ = std::move(saved.checkpoint);
    for (auto const& warning : saved.warnings) {
        parts_.log.warning(warning);
    }
    remove_superseded(now_.step);
    now_.writing = max_over(seconds_of_thread_, parts_.world);
    now_.bytes_written = newest_.manifest.bytes_written;
    now_.bytes_linked = newest_.manifest.bytes_linked;
    now_.stood_still += timer.seconds();
    now_.seconds = since_begin_.seconds();
    last_ = now_;
    parts_.record.checkpoint(last_);
}

void CheckpointWriter::finish() {
    if (is_under_way()) {
        commit();
    }
}

void CheckpointWriter::remove_superseded(std::int64_t step) {
    Attempt attempt;
    std::vector<std::filesystem::path> retired;
    if (parts_.world.rank() == 0) {
        attempt.run([&] {
            retired = retire(
                parts_.directory.checkpoints(), step,
                {.last = parts_.config.keep_last, .every = parts_.config.keep_every}
            );
        });
    }
    attempt.agree(parts_.world);
    if (!retired.empty()) {
        removing_ = std::jthread([retired] {
            for (auto const& folder : retired) {
                std::error_code ignored;  // what stays, the next save or job removes, or says why
                std::filesystem::remove_all(folder, ignored);
            }
        });
    }
}

}  // namespace isogloss
