// storage/safetensors_test.cpp
#include "storage/safetensors.h"

#include <cstring>

#include "storage/safetensors_writer.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::TemporaryFolder;

/// A file as another program writes it: length, header, data.
std::string file_of(std::string const& header, std::string const& data) {
    std::uint64_t const length = header.size();
    std::string file(sizeof(length), '\0');
    std::memcpy(file.data(), &length, sizeof(length));
    return file + header + data;
}

std::string entry(std::string const& name, std::string const& type, std::string const& rest) {
    return "\"" + name + "\":{\"dtype\":\"" + type + "\"," + rest + "}";
}

std::string text_of(std::span<std::byte const> bytes) {
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

class SafetensorsTest : public testing::Test {
protected:
    SafetensorsFile open(std::string const& content) {
        test::write_content(folder_ / "f", content);
        return SafetensorsFile(folder_ / "f");
    }
    /// The file is refused, and the tensor (or what else is wrong) is named.
    void expect_refused(std::string const& content, std::string const& tensor) {
        expect_error(Exit::data, tensor, [&] { static_cast<void>(open(content)); });
    }
    void expect_header_refused(std::string const& header, std::string const& tensor) {
        expect_refused(file_of(header, std::string(24, 'd')), tensor);
    }

    TemporaryFolder folder_;
};

TEST_F(SafetensorsTest, TensorsAreWhereTheHeaderSays) {
    auto const file = open(file_of(
        "{\"__metadata__\":{\"format\":\"pt\"}," +
            entry("late", "U8", R"("shape":[3],"data_offsets":[8,11])") + "," +
            entry("early", "F32", R"("shape":[1,2],"data_offsets":[0,8])") + "," +
            entry("none", "BF16", R"("shape":[4,0],"data_offsets":[11,11])") + "}   ",
        "12345678abc"
    ));
    ASSERT_EQ(file.tensors().size(), 3U);
    EXPECT_EQ(file.tensors()[0].name, "early");
    EXPECT_EQ(file.tensors()[0].shape, (std::vector<std::int64_t>{1, 2}));
    EXPECT_EQ(file.tensors()[0].type, ForeignType::f32);
    EXPECT_EQ(text_of(file.bytes(*file.find("early"))), "12345678");
    EXPECT_EQ(text_of(file.bytes(*file.find("late"))), "abc");
    EXPECT_TRUE(file.bytes(*file.find("none")).empty());
    EXPECT_EQ(file.find("other"), nullptr);
}

TEST_F(SafetensorsTest, WhatIsWrittenIsRead) {
    SafetensorsWriter writer(
        folder_ / "w",
        {{"a", ForeignType::f32, {2}, 0, 0},
         {"b.\"quoted\"", ForeignType::bf16, {3, 1}, 0, 0},
         {"c", ForeignType::i64, {0}, 0, 0}},
        {{"format", "pt"}}
    );
    std::string const data = "abcdefghijklmn";
    writer.append(std::as_bytes(std::span(data).first(5)));
    writer.append(std::as_bytes(std::span(data).subspan(5)));
    writer.finish();
    SafetensorsFile const file(folder_ / "w");
    EXPECT_EQ(text_of(file.bytes(*file.find("a"))), "abcdefgh");
    EXPECT_EQ(text_of(file.bytes(*file.find("b.\"quoted\""))), "ijklmn");
    EXPECT_EQ(file.find("b.\"quoted\"")->type, ForeignType::bf16);
    EXPECT_EQ(test::content_of(folder_ / "w").find("abc") % 8, 0U);  // the data is aligned
}

TEST_F(SafetensorsTest, WriterCountsItsBytes) {
    SafetensorsWriter writer(folder_ / "w", {{"a", ForeignType::u8, {3}, 0, 0}});
    std::string const data = "abcd";
    expect_error(Exit::internal, "missing", [&] { writer.finish(); });
    expect_error(Exit::internal, "more than", [&] {
        writer.append(std::as_bytes(std::span(data)));
    });
}

TEST_F(SafetensorsTest, FilesThatAreCutOffAreRefused) {
    auto const whole =
        file_of("{" + entry("tail", "U8", R"("shape":[4],"data_offsets":[0,4])") + "}", "1234");
    EXPECT_EQ(open(whole).tensors().size(), 1U);
    expect_refused("", "cut off");
    expect_refused(whole.substr(0, 7), "cut off");
    expect_refused(whole.substr(0, 20), "its header has");
    expect_refused(whole.substr(0, whole.size() - 1), "tail");
    expect_refused(whole + "5", "belong to no tensor");
}

TEST_F(SafetensorsTest, HeadersLongerThanTheFileAreRefused) {
    expect_refused(std::string(8, '\xFF') + "{}", "its header has");
    expect_refused(std::string("\x00\x00\x00\x00\x01\x00\x00\x00", 8) + "{}", "its header has");
}

TEST_F(SafetensorsTest, SpansThatLieAreRefusedByName) {
    auto const f32 = [](std::string const& rest) { return "{" + entry("liar", "F32", rest) + "}"; };
    expect_header_refused(f32(R"("shape":[7],"data_offsets":[0,28])"), "liar");     // past the end
    expect_header_refused(f32(R"("shape":[6],"data_offsets":[0,20])"), "liar");     // shape > span
    expect_header_refused(f32(R"("shape":[2],"data_offsets":[24,16])"), "liar");    // backwards
    expect_header_refused(f32(R"("shape":[5],"data_offsets":[4,24])"), "liar");     // gap before
    expect_header_refused(f32(R"("shape":[6],"data_offsets":[-24,0])"), "liar");    // negative
    expect_header_refused(f32(R"("shape":[6],"data_offsets":[0,24,24])"), "liar");  // three
    expect_header_refused(f32(R"("shape":[6.0],"data_offsets":[0,24])"), "liar");   // no integer
    expect_header_refused(f32(R"("shape":[6])"), "liar");                           // none
    // 2^62 * 4 elements of 4 bytes are 0 bytes, modulo 2^64.
    expect_header_refused(f32(R"("shape":[4611686018427387904,4],"data_offsets":[0,0])"), "liar");
    expect_header_refused(f32(R"("shape":[18446744073709551615],"data_offsets":[0,24])"), "liar");
}

TEST_F(SafetensorsTest, OverlapsAreRefusedByName) {
    expect_header_refused(
        "{" + entry("a", "F32", R"("shape":[4],"data_offsets":[0,16])") + "," +
            entry("second", "F32", R"("shape":[3],"data_offsets":[12,24])") + "}",
        "second: begins at byte 12"
    );
    expect_header_refused(
        "{" + entry("a", "F32", R"("shape":[6],"data_offsets":[0,24])") + "," +
            entry("same", "F32", R"("shape":[6],"data_offsets":[0,24])") + "}",
        "same: begins at byte 0"
    );
}

TEST_F(SafetensorsTest, HeadersThatAreNoneAreRefused) {
    std::string const span = R"("shape":[6],"data_offsets":[0,24])";
    expect_header_refused("[]", "does not begin with");
    expect_header_refused("{\"a\":", "no JSON");
    expect_header_refused("{" + entry("odd", "F31", span) + "}", "odd: its dtype \"F31\"");
    expect_header_refused("{" + entry("odd", "F64", span) + "}", "odd");
    expect_header_refused("{" + entry("odd", "F32", span + ",\"x\":1") + "}", "odd");
    expect_header_refused("{" + entry("odd", "F32", span + ",\"shape\":[6]") + "}", "odd");
    expect_header_refused(
        "{" + entry("odd", "F32", span) + "," + entry("odd", "F32", span) + "}", "odd"
    );
    expect_header_refused("{\"odd\":[1]}", "odd");
    expect_header_refused("{\"odd\":{\"dtype\":{}}}", "odd");
    expect_header_refused("{\"a\\u0007b\":{}}", "control characters");
    expect_header_refused("{\"\":{}}", "is empty");
}

TEST_F(SafetensorsTest, DeepBracketsCostNothing) {
    std::string const deep(1'000'000, '[');
    expect_refused(file_of("{\"deep\":" + deep, ""), "deep");
    expect_refused(file_of("{\"deep\":{\"shape\":" + deep, ""), "deep");
    std::string extents = "{\"deep\":{\"shape\":[1";
    for (int i = 0; i < 100'000; ++i) {
        extents += ",1";
    }
    expect_refused(file_of(extents, ""), "too many numbers");
}

TEST(SafetensorsHeaderTest, EntriesAreLimited) {
    std::string header = "{";
    for (std::size_t i = 0; i <= kMostForeignTensors; ++i) {
        header += (i > 0 ? "," : "") +
                  entry("t" + std::to_string(i), "U8", R"("shape":[0],"data_offsets":[0,0])");
    }
    expect_error(Exit::data, "more than 1000000 tensors", [&] {
        static_cast<void>(parse_safetensors_header(header + "}", 0, "f"));
    });
}

}  // namespace
}  // namespace isogloss
