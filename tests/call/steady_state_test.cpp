// Counts the heap allocations of our own code over minutes of a call both ways, while packets get lost or do not.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "crypto/locked.h"
#include "sim/two_party.h"

namespace sotto::test {
inline std::size_t allocations = 0;  // counted by support/allocations.h, which one file of a program includes
}

using namespace sotto;
using namespace std::chrono_literals;

namespace {

constexpr int width = 160, height = 96;

// A path in memory set aside before: what is sent comes after the delay, but for what chance takes.
class Path {
  public:
    explicit Path(std::uint64_t seed) : luck_(seed) {}

    void send(Bytes datagram, Instant now) {
        if (luck_.chance(loss)) return;
        Packet& packet = packets_[end_++ % packets_.size()];
        packet.arrives = now + 20ms;
        packet.size = datagram.size();
        std::ranges::copy(datagram, packet.bytes.begin());
        REQUIRE(end_ - first_ <= packets_.size());
    }
    void deliver(Call& to, Instant now) {
        for (; first_ < end_ && packets_[first_ % packets_.size()].arrives <= now; ++first_) {
            const Packet& packet = packets_[first_ % packets_.size()];
            static_cast<void>(to.receive(std::span(packet.bytes).first(packet.size), now));
        }
    }
    double loss = 0;

  private:
    struct Packet {
        Instant arrives{};
        std::size_t size = 0;
        std::array<std::byte, 1500> bytes{};
    };
    std::vector<Packet> packets_{1024};
    std::size_t first_ = 0, end_ = 0;
    test::SeededRandom luck_;
};

struct Talk {
    explicit Talk(std::uint64_t seed) : world(seed), there(seed + 1), back(seed + 2) { world.connect(settings); }

    void capture(int step) {
        for (std::size_t i = static_cast<std::size_t>(step) % 5; i < pixels.size(); i += 5) {
            pixels[i] = static_cast<std::uint8_t>(i / 32 + static_cast<std::size_t>(step) * 3);
        }
        for (std::int16_t& sample : samples) sample = test::beats(said_++);
        const std::uint8_t* const start = pixels.data();
        constexpr std::size_t luma = width * height;
        const VideoFrame frame{
            .width = width,
            .height = height,
            .planes = {Plane{start, width}, Plane{start + luma, width / 2}, Plane{start + luma * 5 / 4, width / 2}},
            .captured = world.now};
        for (Call* const call : {&*world.caller.call, &*world.callee.call}) {
            if (step % 10 == 0) REQUIRE(call->send(frame, world.now));
            if (step % 2 == 0) REQUIRE(call->send(AudioBlock{.samples = samples, .captured = world.now}, world.now));
        }
    }
    void drain(Call& from, Path& path) {
        while (const auto output = from.poll(world.now)) {
            shown += std::holds_alternative<ShownFrame>(*output) ? 1 : 0;
            played += std::holds_alternative<PlayedBlock>(*output) ? 1 : 0;
            signals += std::holds_alternative<Signal>(*output) ? 1 : 0;
            if (const auto* datagram = std::get_if<Datagram>(&*output)) path.send(datagram->bytes, world.now);
        }
    }
    void go_on(Duration length) {
        for (const Instant end = world.now + length; world.now < end; world.now += 5ms) {
            capture(step_++);
            there.deliver(*world.callee.call, world.now);
            back.deliver(*world.caller.call, world.now);
            drain(*world.caller.call, there);
            drain(*world.callee.call, back);
        }
    }

    ReceiveStats received() const { return world.callee.call->stats().video_received; }

    static constexpr CallSettings settings{.video_width = width, .video_height = height, .video_frame_rate = 20};
    test::TwoParty world;
    Path there, back;
    int shown = 0, played = 0, signals = 0;

  private:
    std::vector<std::uint8_t> pixels = std::vector<std::uint8_t>(width * height * 3 / 2, 100);
    std::array<std::int16_t, 480> samples{};
    std::uint64_t said_ = 0;
    int step_ = 0;
};

}  // namespace

TEST_CASE("a minute of a call both ways allocates nothing, whether packets get lost or not") {
    Talk talk(61);
    talk.go_on(5s);
    const std::uint64_t repaired_before = talk.received().repaired;
    const std::size_t before = test::allocations;
    const std::uint64_t locked_before = crypto::locked_memory().taken;  // operator new sees only the pages

    talk.go_on(20s);
    CHECK(test::allocations == before);
    talk.there.loss = talk.back.loss = 0.1;  // asked for again, sent again, made up from repair packets and copies
    talk.go_on(20s);
    CHECK(test::allocations == before);
    talk.there.loss = talk.back.loss = 0;
    talk.go_on(10s);
    CHECK(test::allocations == before);
    CHECK(crypto::locked_memory().taken == locked_before);

    CHECK(talk.received().nacked > 0);
    CHECK(talk.received().retransmitted_packets_received > 0);
    CHECK(talk.received().repaired > repaired_before);
    CHECK(talk.shown > 1500);
    CHECK(talk.played > 10'000);
    CHECK(talk.signals == 0);
}
