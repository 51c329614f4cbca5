#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "support/random.h"
#include "transport/video_jitter_buffer.h"
#include "transport/vp8_payload.h"

using namespace sotto;
using namespace sotto::transport;
using namespace std::chrono_literals;

namespace {

constexpr Duration frame_interval = 33ms;

struct Options {
    bool key = false;
    int layers = 1;
    bool mark_golden = false;
    bool from_golden = false;
    std::size_t size = 900;  // bytes; a packet holds 1000
};

struct Sent {
    int number = 0;
    EncodedFrame frame{};       // but its bytes
    std::vector<int> refers{};  // to the frames of these numbers
    struct Packet {
        std::int64_t number;
        RtpTimestamp timestamp;
        bool marker;
        Buffer payload;
    };
    std::vector<Packet> packets{};
};

// Frames in the patterns of docs/protocol.md §9, each with its number as its content and what it refers to in words.
class Sender {
  public:
    Sent send(const Options& options) {
        Sent sent{.number = number_++};
        if (options.key || options.mark_golden || options.from_golden || options.layers != layers_) position_ = 0;
        layers_ = options.layers;
        static constexpr std::array<std::array<std::uint8_t, 4>, 4> patterns{{{}, {0}, {0, 1}, {0, 2, 1, 2}}};
        const int length = layers_ == 3 ? 4 : layers_;
        const auto layer = patterns[static_cast<std::size_t>(layers_)][static_cast<std::size_t>(position_)];
        EncodedFrame& frame = sent.frame;
        frame.key = options.key;
        if (layers_ > 1) frame.temporal_layer = layer;
        frame.non_reference = layer > 0 && layer == layers_ - 1;
        frame.layer_sync = layer > 0 && position_ < 3;
        if (layer == 0) ++base_index_;
        frame.tl0_pic_idx = base_index_;
        if (options.mark_golden) key_index_ = (key_index_ + 1) & 0x1f;
        if (options.mark_golden || options.from_golden) frame.key_index = key_index_;

        if (options.from_golden) {
            sent.refers = {golden};
        } else if (!options.key) {
            sent.refers = {base_};
            if (position_ == 3) sent.refers.push_back(middle_);
        }
        if (layer == 0) base_ = sent.number;
        if (layer == 1) middle_ = sent.number;
        if (options.mark_golden) golden = sent.number;
        if (options.key && !options.mark_golden) golden = -1;
        position_ = (position_ + 1) % length;
        packetise(sent, options.size);
        return sent;
    }
    int golden = -1;

  private:
    void packetise(Sent& sent, std::size_t size) {
        Buffer bytes(std::max<std::size_t>(size, 5), std::byte{0xaa});
        ByteWriter(bytes).u8(sent.frame.key ? 0x10 : 0x11).u32(static_cast<std::uint32_t>(sent.number));
        EncodedFrame whole = sent.frame;
        whole.bytes = bytes;
        Vp8Packetizer packetizer(whole, 1000, static_cast<std::uint16_t>(sent.number & 0x7fff));
        const RtpTimestamp timestamp{static_cast<std::uint32_t>(sent.number) * 2970};
        while (!packetizer.done()) {
            Buffer payload(1000);
            payload.resize(*packetizer.next(payload));
            sent.packets.push_back({packet_++, timestamp, packetizer.done(), payload});
        }
    }

    int number_ = 32700;  // soon over the wrap of the picture id
    std::int64_t packet_ = 100000;
    int layers_ = 1, position_ = 0;
    std::uint8_t base_index_ = 250, key_index_ = 29;
    int base_ = -1, middle_ = -1;
};

struct Receiver {
    VideoJitterBuffer buffer{{}};
    Instant now{10s};
    std::vector<int> given{};

    void arrive(const Sent::Packet& packet) {
        const RtpPacket rtp{.header = {.marker = packet.marker, .timestamp = packet.timestamp},
                            .payload = packet.payload};
        REQUIRE(buffer.insert(rtp, packet.number, now));
        take();
    }
    void arrive(const Sent& sent) {
        for (const auto& packet : sent.packets) arrive(packet);
    }
    void take() {
        while (const auto frame = buffer.next(now)) {
            ByteReader in(frame->bytes);
            static_cast<void>(in.u8());
            given.push_back(static_cast<int>(*in.u32()));
        }
    }
    bool has(const Sent& sent) const { return std::ranges::find(given, sent.number) != given.end(); }
    bool untroubled() const { return buffer.deadline() == never && buffer.key_frame_wanted() == never; }
};

}  // namespace

TEST_CASE("a lost frame of the upper layer freezes nothing, whether a part of it came or not") {
    for (const std::size_t arrived : {0U, 1U, 2U}) {
        CAPTURE(arrived);
        Sender sender;
        Receiver receiver;
        receiver.arrive(sender.send({.key = true, .layers = 2}));
        const auto lost = sender.send({.layers = 2, .size = 2500});
        for (std::size_t i = 0; i < arrived; ++i) receiver.arrive(lost.packets[i]);
        const auto next = sender.send({.layers = 2});
        receiver.arrive(next);
        CHECK_FALSE(receiver.has(lost));
        CHECK(receiver.has(next));
        CHECK(receiver.untroubled());
        const auto after = sender.send({.layers = 2});
        receiver.arrive(after);
        CHECK(receiver.has(after));
    }
}

TEST_CASE("a lost frame of layer 0 holds up all that refers to it, until it is repaired") {
    Sender sender;
    Receiver receiver;
    receiver.arrive(sender.send({.key = true, .layers = 2}));
    receiver.arrive(sender.send({.layers = 2}));
    const auto lost = sender.send({.layers = 2});
    for (int i = 0; i < 4; ++i) receiver.arrive(sender.send({.layers = 2}));
    CHECK(receiver.given.size() == 2);
    CHECK(receiver.buffer.deadline() == receiver.now + 400ms);
    receiver.arrive(lost);
    CHECK(receiver.given.size() == 7);
    CHECK(receiver.untroubled());
}

TEST_CASE("of three layers the middle one is waited for by the frame that refers to it alone") {
    Sender sender;
    Receiver receiver;
    receiver.arrive(sender.send({.key = true, .layers = 3}));
    receiver.arrive(sender.send({.layers = 3}));
    const auto middle = sender.send({.layers = 3});
    const auto top = sender.send({.layers = 3});
    receiver.arrive(top);
    CHECK_FALSE(receiver.has(top));
    SUBCASE("the middle one comes") {
        receiver.arrive(middle);
        CHECK(receiver.has(middle));
        CHECK(receiver.has(top));
    }
    SUBCASE("the middle one does not come") {
        const auto base = sender.send({.layers = 3});
        receiver.arrive(base);
        CHECK(receiver.has(base));
        CHECK_FALSE(receiver.has(top));
    }
    CHECK(receiver.untroubled());
}

TEST_CASE("layers that end in a gap are told from a lost frame of layer 0 where a packet of each lost frame came") {
    for (const bool part : {false, true}) {
        CAPTURE(part);
        Sender sender;
        Receiver receiver;
        receiver.arrive(sender.send({.key = true, .layers = 2}));
        const auto lost = sender.send({.layers = 2, .size = 2500});
        if (part) receiver.arrive(lost.packets[1]);
        const auto unlayered = sender.send({});
        receiver.arrive(unlayered);
        CHECK(receiver.has(unlayered) == part);
    }
}

TEST_CASE("a frame from the golden one alone ends a freeze at once, and only where that one was given") {
    for (const bool golden_lost : {false, true}) {
        CAPTURE(golden_lost);
        Sender sender;
        Receiver receiver;
        receiver.arrive(sender.send({.key = true, .mark_golden = true}));
        receiver.arrive(sender.send({}));
        const auto golden = sender.send({.mark_golden = true});
        if (!golden_lost) receiver.arrive(golden);
        receiver.arrive(sender.send({}));
        const auto lost = sender.send({});
        const auto stuck = sender.send({});
        receiver.arrive(stuck);
        CHECK_FALSE(receiver.has(stuck));
        SUBCASE("before the gap is given up") {}
        SUBCASE("after it was given up") {
            receiver.now += 400ms;
            receiver.take();
            CHECK(receiver.buffer.key_frame_wanted() <= receiver.now);
        }
        const auto recovery = sender.send({.from_golden = true, .size = 1500});
        receiver.arrive(recovery);
        CHECK(receiver.has(recovery) == !golden_lost);
        const auto after = sender.send({});
        receiver.arrive(after);
        CHECK(receiver.has(after) == !golden_lost);
        CHECK(receiver.untroubled() == !golden_lost);
    }
}

TEST_CASE("the golden frame that was given last is named until another is, or until the decoder refuses one") {
    Sender sender;
    Receiver receiver;
    CHECK_FALSE(receiver.buffer.golden());
    receiver.arrive(sender.send({.key = true, .mark_golden = true}));
    const auto first = receiver.buffer.golden();
    REQUIRE(first);
    receiver.arrive(sender.send({}));
    CHECK(receiver.buffer.golden() == first);
    receiver.arrive(sender.send({.mark_golden = true}));
    const auto second = receiver.buffer.golden();
    REQUIRE(second);
    CHECK(*second == *first + 2);
    receiver.arrive(sender.send({.from_golden = true}));
    CHECK(receiver.buffer.golden() == second);
    receiver.buffer.require_key_frame();
    CHECK_FALSE(receiver.buffer.golden());
}

TEST_CASE("what the decoder refused is not built upon: no golden frame ends that, a key frame does") {
    Sender sender;
    Receiver receiver;
    receiver.arrive(sender.send({.key = true, .mark_golden = true}));
    receiver.buffer.require_key_frame();
    const auto recovery = sender.send({.from_golden = true});
    receiver.arrive(recovery);
    CHECK_FALSE(receiver.has(recovery));
    const auto key = sender.send({.key = true});
    receiver.arrive(key);
    CHECK(receiver.has(key));
}

TEST_CASE("whatever is lost, no frame is given without those it refers to, and none that can be is held back") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        test::SeededRandom random(seed);
        Sender sender;
        Receiver receiver;
        Options options{.key = true, .layers = 2, .mark_golden = true};
        std::size_t shown = 0, recoveries = 0;
        for (int i = 0; i < 600; ++i) {
            options.size = 5 + random.below(4000);
            const auto sent = sender.send(options);
            bool whole = true;
            for (const auto& packet : sent.packets) {
                const bool lost = random.chance(0.06);
                if (lost) {
                    whole = false;
                } else {
                    receiver.arrive(packet);
                }
            }
            std::set<int> given(receiver.given.begin(), receiver.given.end());
            for (; shown < receiver.given.size(); ++shown) CHECK(receiver.given[shown] == sent.number);
            const bool decodable = std::ranges::all_of(sent.refers, [&](int number) { return given.contains(number); });
            if (receiver.has(sent)) CHECK(decodable);
            const auto& frame = sent.frame;
            const bool tells = frame.layer_sync || frame.temporal_layer == 0 || options.from_golden;
            if (whole && decodable && tells) CHECK(receiver.has(sent));
            recoveries += options.from_golden && receiver.has(sent);

            receiver.now += frame_interval;
            receiver.take();
            CHECK(receiver.given.size() == shown);
            options = {.layers = options.layers};
            if (random.chance(0.05)) options.layers = 1 + static_cast<int>(random.below(3));
            options.mark_golden = random.chance(0.05);
            // A sender that is told what was shown.
            if (receiver.buffer.key_frame_wanted() <= receiver.now) {
                const bool from_golden = given.contains(sender.golden);
                options = {.key = !from_golden,
                           .layers = options.layers,
                           .mark_golden = !from_golden,
                           .from_golden = from_golden};
            }
        }
        CHECK(receiver.given.size() > 100);
        CHECK(recoveries > 0);
    }
}
