// checkpoint/image_writer.cpp
#include "checkpoint/image_writer.h"

#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/require.h"
#include "checkpoint/attempt.h"

namespace isogloss {
namespace {

class ImageWriter {
public:
    ImageWriter(
        std::filesystem::path const& folder,
        std::span<ShardImage> images,
        std::stop_token const& stop,
        std::atomic<std::int64_t>& parts
    )
        : folder_(folder),
          images_(images),
          stop_(stop),
          parts_(parts),
          finished_(images.size()),
          users_(images.size()) {
        for (auto& users : users_) {
            users = static_cast<int>(failures_.size());
        }
    }

    std::vector<FinishedShard> run() {
        {
            std::jthread const tensors([this] { keep_failure(1, [this] { hash_tensors(); }); });
            std::jthread const files([this] { keep_failure(2, [this] { hash_files(); }); });
            keep_failure(0, [this] { write(); });
            created_ = kAll;  // whether or not they were: nobody waits for more
            created_.notify_all();
        }
        for (auto const& failure : failures_) {
            if (failure) {
                throw Error(failure->code, failure->text);
            }
        }
        return is_to_end() ? std::vector<FinishedShard>() : std::move(finished_);
    }

private:
    static constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

    template <class F>
    void keep_failure(std::size_t thread, F&& work) {
        failures_[thread] = failure_of(work);
        has_failed_ = has_failed_ || failures_[thread].has_value();
    }

    [[nodiscard]] bool is_to_end() const { return has_failed_ || stop_.stop_requested(); }

    void done_with(std::size_t image) {
        if (--users_[image] == 0) {
            images_[image].release();
        }
        ++parts_;
    }

    void write() {
        for (std::size_t i = 0; i < images_.size() && !is_to_end(); ++i) {
            images_[i].create(folder_);
            ++created_;
            created_.notify_all();
            images_[i].write(folder_);
            done_with(i);
        }
        for (std::size_t i = 0; i < images_.size() && !is_to_end(); ++i) {
            flush(images_[i]);
        }
    }

    void flush(ShardImage const& image) {
        auto const path = folder_ / image.file();
        flush_to_disk(path);
        require_environment(
            static_cast<std::int64_t>(std::filesystem::file_size(path)) == image.file_bytes(),
            "{}: was written with {} bytes and has others now; the disk or its network is at fault",
            path.string(), image.file_bytes()
        );
        ++parts_;
    }

    void hash_tensors() {
        for (std::size_t i = 0; i < images_.size() && !is_to_end(); ++i) {
            auto const& image = images_[i];
            finished_[i].tensors = image.tensors();
            for (std::size_t t = 0; t < image.tensors().size(); ++t) {
                finished_[i].tensors[t].sha256 = image.hash_of_tensor(t);
                ++parts_;
            }
            done_with(i);
        }
    }

    void hash_files() {
        for (std::size_t i = 0; i < images_.size() && !is_to_end(); ++i) {
            for (auto created = created_.load(); created <= i; created = created_.load()) {
                created_.wait(created);
            }
            if (is_to_end()) {
                return;
            }
            finished_[i].shard = images_[i].hash_of_file(folder_);
            done_with(i);
        }
    }

    std::filesystem::path const& folder_;
    std::span<ShardImage> images_;
    std::stop_token const& stop_;
    std::atomic<std::int64_t>& parts_;
    std::vector<FinishedShard> finished_;
    std::vector<std::atomic<int>> users_;  ///< threads that still need an image
    std::atomic<std::size_t> created_ = 0;
    std::atomic<bool> has_failed_ = false;
    std::array<std::optional<Failure>, 3> failures_;  ///< a thread each
};

}  // namespace

std::vector<FinishedShard> write_images(
    std::filesystem::path const& folder,
    std::span<ShardImage> images,
    std::stop_token const& stop,
    std::atomic<std::int64_t>& parts
) {
    return ImageWriter(folder, images, stop, parts).run();
}

}  // namespace isogloss
