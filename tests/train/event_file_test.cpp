// train/event_file_test.cpp - the bytes of the file, read back by a reader of its own.
#include "train/event_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <map>
#include <stdexcept>

#include "support/temporary_folder.h"

namespace isogloss {
namespace {

// CRC-32C bit by bit: the reflected polynomial of 0x1EDC6F41.
std::uint32_t crc32c(std::string const& bytes) {
    std::uint32_t crc = 0xFFFFFFFFU;
    for (char const byte : bytes) {
        crc ^= static_cast<unsigned char>(byte);
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
        }
    }
    return ~crc;
}
std::uint32_t masked(std::uint32_t crc) {
    return ((crc >> 15U) | (crc << 17U)) + 0xA282EAD8U;
}

// Bytes from front to back; every read is checked against what is left.
class Bytes {
public:
    explicit Bytes(std::string bytes) : bytes_(std::move(bytes)) {}

    [[nodiscard]] bool empty() const { return next_ == bytes_.size(); }
    std::string take(std::size_t count) {
        if (count > bytes_.size() - next_) {
            throw std::runtime_error("the file ends within a field");
        }
        next_ += count;
        return bytes_.substr(next_ - count, count);
    }
    template <class T>
    T number() {
        T value{};
        std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
        return value;
    }
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0;; shift += 7U) {
            auto const byte = static_cast<unsigned char>(take(1)[0]);
            value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
            if ((byte & 0x80U) == 0) {
                return value;
            }
        }
    }

private:
    std::string bytes_;
    std::size_t next_ = 0;
};

struct Event {
    double wall_time = 0.0;
    std::uint64_t step = 0;
    std::string version;
    std::map<std::string, float> scalars;
};

// Summary.Value: tag = 1 (text), simple_value = 2 (float).
void read_value(Bytes value, Event& event) {
    std::string tag;
    while (!value.empty()) {
        auto const key = value.varint();
        if (key == (1U << 3U | 2U)) {
            tag = value.take(value.varint());
        } else if (key == (2U << 3U | 5U)) {
            event.scalars[tag] = value.number<float>();
        } else {
            throw std::runtime_error("unknown field of a value");
        }
    }
}

// Event: wall_time = 1 (double), step = 2 (varint), file_version = 3, summary = 5.
Event read_event(std::string const& message) {
    Event event;
    Bytes bytes(message);
    while (!bytes.empty()) {
        auto const key = bytes.varint();
        if (key == (1U << 3U | 1U)) {
            event.wall_time = bytes.number<double>();
        } else if (key == (2U << 3U | 0U)) {
            event.step = bytes.varint();
        } else if (key == (3U << 3U | 2U)) {
            event.version = bytes.take(bytes.varint());
        } else if (key == (5U << 3U | 2U)) {
            Bytes summary(bytes.take(bytes.varint()));
            while (!summary.empty()) {
                EXPECT_EQ(summary.varint(), 1U << 3U | 2U);
                read_value(Bytes(summary.take(summary.varint())), event);
            }
        } else {
            throw std::runtime_error("unknown field of an event");
        }
    }
    return event;
}

std::vector<Event> read_events(std::filesystem::path const& path) {
    std::vector<Event> events;
    Bytes file(test::content_of(path));
    while (!file.empty()) {
        auto const length_bytes = file.take(8);
        EXPECT_EQ(file.number<std::uint32_t>(), masked(crc32c(length_bytes)));
        std::uint64_t length = 0;
        std::memcpy(&length, length_bytes.data(), 8);
        auto const message = file.take(length);
        EXPECT_EQ(file.number<std::uint32_t>(), masked(crc32c(message)));
        events.push_back(read_event(message));
    }
    return events;
}

TEST(EventFileTest, SumsAreThoseOfThePublishedVectors) {
    EXPECT_EQ(masked_crc32c("123456789"), masked(0xE3069283U));  // the check value of CRC-32C
    // RFC 3720, B.4: 32 bytes of zeros, of ones, and rising.
    EXPECT_EQ(masked_crc32c(std::string(32, '\0')), masked(0x8A9136AAU));
    EXPECT_EQ(masked_crc32c(std::string(32, '\xFF')), masked(0x62A8AB43U));
    std::string rising;
    for (char byte = 0; byte < 32; ++byte) {
        rising += byte;
    }
    EXPECT_EQ(masked_crc32c(rising), masked(0x46DD794EU));
    EXPECT_EQ(masked_crc32c(""), masked(0U));
}

TEST(EventFileTest, EveryRecordReadsBack) {
    test::TemporaryFolder const folder;
    {
        EventFile file(folder / "events", 41);
        file.write(42, {{"loss", 2.5}, {"language_loss/el", -0.125}});
        // A step that needs ten bits more than one varint byte holds, a tag longer than 127 bytes.
        file.write(100000, {{std::string(200, 'x'), 3.0}});
        file.write(100001, {});
    }
    auto const events = read_events(folder / "events" / "events.out.tfevents.0000000041.isogloss");
    ASSERT_EQ(events.size(), 4U);
    EXPECT_EQ(events[0].version, "brain.Event:2");
    EXPECT_EQ(events[0].step, 41U);
    EXPECT_GT(events[0].wall_time, 1.7e9);  // seconds since 1970: after 2023
    EXPECT_EQ(events[1].step, 42U);
    EXPECT_EQ(
        events[1].scalars,
        (std::map<std::string, float>{{"loss", 2.5F}, {"language_loss/el", -0.125F}})
    );
    EXPECT_EQ(events[2].step, 100000U);
    EXPECT_EQ(events[2].scalars, (std::map<std::string, float>{{std::string(200, 'x'), 3.0F}}));
    EXPECT_EQ(events[3].step, 100001U);
    EXPECT_TRUE(events[3].scalars.empty());
}

}  // namespace
}  // namespace isogloss
