// base/unique_handle.h - owns one C handle and frees it exactly once.
#pragma once

#include <utility>

namespace isogloss {

/// Move-only owner of a handle from a C library (HDF5, NCCL, CUDA, MPI).
///
/// `Traits` gives three names: `type`, `null()` and `release(type) noexcept`. Every owner in the
/// code base is this template, so the rules of moving are written, and tested, once.
template <class Traits>
class UniqueHandle {
public:
    using type = typename Traits::type;

    UniqueHandle() noexcept = default;
    explicit UniqueHandle(type handle) noexcept : handle_(handle) {}

    UniqueHandle(UniqueHandle&& other) noexcept
        : handle_(std::exchange(other.handle_, Traits::null())) {}
    UniqueHandle& operator=(UniqueHandle&& other) noexcept {
        UniqueHandle(std::move(other)).swap(*this);
        return *this;
    }
    ~UniqueHandle() {
        if (handle_ != Traits::null()) {
            Traits::release(handle_);
        }
    }

    [[nodiscard]] type get() const noexcept { return handle_; }
    void swap(UniqueHandle& other) noexcept { std::swap(handle_, other.handle_); }

private:
    type handle_ = Traits::null();
};

}  // namespace isogloss
