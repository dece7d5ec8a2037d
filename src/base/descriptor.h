// base/descriptor.h - owns an open file of the system.
#pragma once

#include <unistd.h>

#include "base/unique_handle.h"

namespace isogloss {

struct DescriptorTraits {
    using type = int;
    static type null() noexcept { return -1; }
    static void release(type descriptor) noexcept { ::close(descriptor); }
};

/// What ::open() returned, -1 where it failed; closed with its owner.
using Descriptor = UniqueHandle<DescriptorTraits>;

}  // namespace isogloss
