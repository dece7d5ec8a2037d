// checkpoint/foreign_elements.h - elements of files of other programs, in the types used here.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "device/view.h"
#include "storage/safetensors.h"

namespace isogloss {

/// Can elements of this type become weights? f32, f16 and bf16 can.
bool is_weight_type(ForeignType type);

/// f32 or bf16 of a file.
ForeignType foreign_type_of(DType type);

/// The elements, little-endian, as type `to`. Exact where `to` is f32; to bf16 they are rounded to
/// nearest even. `from` must be a weight type.
std::vector<std::byte> converted(std::span<std::byte const> elements, ForeignType from, DType to);

/// Is every float a value that bf16 has?
bool fits_bf16(std::span<std::byte const> floats);

}  // namespace isogloss
