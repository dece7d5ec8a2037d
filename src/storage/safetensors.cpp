// storage/safetensors.cpp
#include "storage/safetensors.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <unordered_set>
#include <utility>

#include "base/json.h"
#include "base/require.h"

namespace isogloss {
namespace {

struct TypeName {
    ForeignType type;
    char const* name;
    std::int64_t bytes;
};

constexpr std::array<TypeName, 15> kTypes{
    {{ForeignType::f64, "F64", 8},
     {ForeignType::f32, "F32", 4},
     {ForeignType::f16, "F16", 2},
     {ForeignType::bf16, "BF16", 2},
     {ForeignType::f8_e5m2, "F8_E5M2", 1},
     {ForeignType::f8_e4m3, "F8_E4M3", 1},
     {ForeignType::i64, "I64", 8},
     {ForeignType::i32, "I32", 4},
     {ForeignType::i16, "I16", 2},
     {ForeignType::i8, "I8", 1},
     {ForeignType::u64, "U64", 8},
     {ForeignType::u32, "U32", 4},
     {ForeignType::u16, "U16", 2},
     {ForeignType::u8, "U8", 1},
     {ForeignType::boolean, "BOOL", 1}}};

constexpr std::size_t kMostExtents = 16;
constexpr std::size_t kMostNameBytes = 1024;
constexpr std::string_view kMetadata = "__metadata__";

/// Bytes of a shape; -1 when they pass 64 bits.
std::int64_t bytes_of_shape(ForeignType type, std::vector<std::int64_t> const& shape) {
    std::int64_t bytes = bytes_of(type);
    for (auto const extent : shape) {
        if (__builtin_mul_overflow(bytes, extent, &bytes)) {
            return -1;
        }
    }
    return bytes;
}

/// Takes the header's words one by one, so that a header costs no more memory than the tensors it
/// lists, however its brackets are nested. Its functions are those that the parser calls.
class HeaderReader {
public:
    explicit HeaderReader(std::string const& source) : source_(source) {}

    [[nodiscard]] std::vector<ForeignTensor> take() { return std::move(tensors_); }

    bool start_object(std::size_t /*elements*/) {
        if (depth_ >= 2 || (depth_ == 1 && in_array_)) {
            refuse("has an object where none belongs");
        }
        ++depth_;
        return true;
    }
    bool end_object() {
        if (depth_ == 2 && !is_metadata()) {
            finish_tensor();
        }
        --depth_;
        return true;
    }
    bool start_array(std::size_t /*elements*/) {
        bool const is_list = key_ == "shape" || key_ == "data_offsets";
        if (depth_ != 2 || in_array_ || is_metadata() || !is_list) {
            refuse("has a list where none belongs");
        }
        in_array_ = true;
        return true;
    }
    bool end_array() {
        in_array_ = false;
        return true;
    }
    bool key(std::string& text) {
        depth_ == 1 ? begin_tensor(text) : begin_field(text);
        return true;
    }
    bool string(std::string& text) {
        if (depth_ == 2 && is_metadata()) {
            return true;
        }
        if (depth_ != 2 || in_array_ || key_ != "dtype") {
            refuse(fmt::format("has the text {} where none belongs", Json(text).dump()));
        }
        auto const type = foreign_type(text);
        if (!type) {
            refuse(fmt::format("its dtype {} is unknown", Json(text).dump()));
        }
        tensor_.type = *type;
        return true;
    }
    bool number_unsigned(std::uint64_t value) {
        if (!in_array_ || !std::in_range<std::int64_t>(value)) {
            refuse(fmt::format("has the number {} where none belongs", value));
        }
        auto& list = key_ == "shape" ? tensor_.shape : offsets_;
        if (list.size() == (key_ == "shape" ? kMostExtents : 2)) {
            refuse(fmt::format("\"{}\" has too many numbers", key_));
        }
        list.push_back(static_cast<std::int64_t>(value));
        return true;
    }
    bool number_integer(std::int64_t value) { return refuse_value(std::to_string(value)); }
    bool number_float(double /*value*/, std::string const& text) { return refuse_value(text); }
    bool boolean(bool value) { return refuse_value(value ? "true" : "false"); }
    bool null() { return refuse_value("null"); }
    bool binary(Json::binary_t& /*value*/) { return refuse_value("binary"); }
    bool parse_error(std::size_t position, std::string const&, Json::exception const&) {
        fail(Exit::data, "{}: the header is no JSON from byte {} on", source_, position);
    }

private:
    [[nodiscard]] bool is_metadata() const { return tensor_.name == kMetadata; }

    [[noreturn]] void refuse(std::string const& what) const {
        fail(
            Exit::data, "{}: {}: {}", source_, tensor_.name.empty() ? "the header" : tensor_.name,
            what
        );
    }
    bool refuse_value(std::string const& text) const {
        refuse(fmt::format("has the value {} where none belongs", text));
    }

    void begin_tensor(std::string const& name) {
        tensor_ = {};
        tensor_.name = name;
        offsets_.clear();
        fields_ = 0;
        if (name.empty() || name.size() > kMostNameBytes || std::ranges::any_of(name, [](char c) {
                return static_cast<unsigned char>(c) < ' ' || c == 127;
            })) {
            tensor_.name.clear();
            refuse("has a name that is empty, too long, or has control characters");
        }
        if (!names_.insert(name).second) {
            refuse("is listed twice");
        }
        if (names_.size() > kMostForeignTensors) {
            refuse(fmt::format("the header lists more than {} tensors", kMostForeignTensors));
        }
    }
    void begin_field(std::string const& text) {
        key_ = text;
        if (is_metadata()) {
            return;
        }
        unsigned const field = text == "dtype" ? 1U : text == "shape" ? 2U : 4U;
        if (field == 4U && text != "data_offsets") {
            refuse(fmt::format("has the unknown key {}", Json(text).dump()));
        }
        if ((fields_ & field) != 0) {
            refuse(fmt::format("has the key \"{}\" twice", text));
        }
        fields_ |= field;
    }
    void finish_tensor() {
        if (fields_ != 7 || offsets_.size() != 2) {
            refuse("must have \"dtype\", \"shape\", and \"data_offsets\" of two numbers");
        }
        tensor_.begin = offsets_[0];
        tensor_.end = offsets_[1];
        auto const bytes = bytes_of_shape(tensor_.type, tensor_.shape);
        if (tensor_.begin > tensor_.end || bytes != tensor_.end - tensor_.begin) {
            refuse(fmt::format(
                "its data_offsets [{}, {}] do not hold {} [{}]", tensor_.begin, tensor_.end,
                name_of(tensor_.type), fmt::join(tensor_.shape, ", ")
            ));
        }
        tensors_.push_back(tensor_);
    }

    std::string const& source_;
    int depth_ = 0;
    bool in_array_ = false;
    std::string key_;
    unsigned fields_ = 0;  ///< bits: dtype, shape, data_offsets
    ForeignTensor tensor_;
    std::vector<std::int64_t> offsets_;
    std::unordered_set<std::string> names_;
    std::vector<ForeignTensor> tensors_;
};

/// The tensors fill the data from its first byte to its last, one after the other.
void check_spans(
    std::vector<ForeignTensor> const& tensors, std::int64_t data_bytes, std::string const& source
) {
    std::int64_t filled = 0;
    for (auto const& tensor : tensors) {
        require_data(
            tensor.end <= data_bytes,
            "{}: {}: its bytes [{}, {}) leave the file's {} bytes of data", source, tensor.name,
            tensor.begin, tensor.end, data_bytes
        );
        require_data(
            tensor.begin == filled, "{}: {}: begins at byte {} of the data, {}", source,
            tensor.name, tensor.begin,
            tensor.begin < filled ? "inside the tensor before it" : "with a gap before it"
        );
        filled = tensor.end;
    }
    require_data(
        filled == data_bytes, "{}: the last {} bytes belong to no tensor", source,
        data_bytes - filled
    );
}

}  // namespace

char const* name_of(ForeignType type) {
    return std::ranges::find(kTypes, type, &TypeName::type)->name;
}

std::optional<ForeignType> foreign_type(std::string_view name) {
    auto const found =
        std::ranges::find_if(kTypes, [name](auto const& type) { return name == type.name; });
    return found == kTypes.end() ? std::nullopt : std::optional(found->type);
}

std::int64_t bytes_of(ForeignType type) {
    return std::ranges::find(kTypes, type, &TypeName::type)->bytes;
}

std::vector<ForeignTensor> parse_safetensors_header(
    std::string_view text, std::int64_t data_bytes, std::string const& source
) {
    require_data(
        text.starts_with('{'), "{}: the header does not begin with {{; is it safetensors?", source
    );
    HeaderReader reader(source);
    Json::sax_parse(text.begin(), text.end(), &reader);
    auto tensors = reader.take();
    std::ranges::stable_sort(tensors, [](auto const& a, auto const& b) {
        return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    check_spans(tensors, data_bytes, source);
    return tensors;
}

SafetensorsFile::SafetensorsFile(std::filesystem::path const& path)
    : path_(path), file_(path, Access::sequential) {
    static_assert(std::endian::native == std::endian::little);
    constexpr std::int64_t kLengthBytes = 8;
    auto const all = file_.bytes();
    auto const bytes = static_cast<std::int64_t>(all.size());
    std::uint64_t length = 0;
    require_data(bytes >= kLengthBytes, "{}: has {} bytes; is cut off", path.string(), bytes);
    std::memcpy(&length, all.data(), sizeof(length));
    require_data(
        length <= static_cast<std::uint64_t>(std::min(kMostHeaderBytes, bytes - kLengthBytes)),
        "{}: its header has {} bytes by its length, the file {}; the most is {}", path.string(),
        length, bytes, kMostHeaderBytes
    );
    data_begin_ = kLengthBytes + static_cast<std::int64_t>(length);
    auto const* text = reinterpret_cast<char const*>(all.data() + kLengthBytes);
    tensors_ = parse_safetensors_header(
        {text, static_cast<std::size_t>(length)}, bytes - data_begin_, path.string()
    );
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
        index_.emplace(tensors_[i].name, i);
    }
}

ForeignTensor const* SafetensorsFile::find(std::string_view name) const {
    auto const found = index_.find(name);
    return found == index_.end() ? nullptr : &tensors_[found->second];
}

std::span<std::byte const> SafetensorsFile::bytes(ForeignTensor const& tensor) const {
    return file_.elements<std::byte>(data_begin_ + tensor.begin, tensor.end - tensor.begin);
}

}  // namespace isogloss
