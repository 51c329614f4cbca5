// Counts the heap allocations of this program, to show that the steady state makes none.
#include <doctest/doctest.h>

#include <algorithm>

#include <array>

#include "support/allocations.h"
#include "support/random.h"
#include "transport/audio_jitter_buffer.h"
#include "transport/fec.h"
#include "transport/nack.h"
#include "transport/rtcp.h"
#include "transport/rtp.h"
#include "transport/send_history.h"
#include "transport/video_jitter_buffer.h"
#include "transport/vp8_payload.h"

using namespace sotto;
using namespace sotto::transport;
using namespace std::chrono_literals;

TEST_CASE("packetise, keep, report, assemble and queue allocate nothing in the steady state") {
    SendHistory history(128, max_media_payload);
    VideoJitterBuffer video({});
    AudioJitterBuffer audio({});
    NackTracker nacks;
    Buffer room(32 * 1024, std::byte{0x11});
    const Buffer opus{std::byte{0x08}, std::byte{1}};
    std::int64_t number = 65536;
    int shown = 0, played = 0;
    std::size_t before = 0;
    for (int i = 0; i < 300; ++i) {
        if (i == 10) before = test::allocations;
        const Instant now = Instant{1s} + i * 20ms;
        room[0] = i == 0 ? std::byte{0x10} : std::byte{0x11};
        const Bytes frame = Bytes(room).first(i % 50 == 20 ? room.size() : 4000);  // the largest comes late
        Vp8Packetizer packetizer(frame, max_media_payload, static_cast<std::uint16_t>(i));
        while (!packetizer.done()) {
            const SequenceNumber sequence{static_cast<std::uint16_t>(number)};
            const auto size = packetizer.next(history.prepare(sequence));
            history.commit({.marker = packetizer.done(),
                            .sequence = sequence,
                            .timestamp = RtpTimestamp{static_cast<std::uint32_t>(i * 1800)}},
                           *size);
            const auto kept = history.find(sequence);
            std::array<std::byte, max_datagram> datagram;
            const auto written = write_rtp_header(kept->header, datagram);
            std::ranges::copy(kept->payload, datagram.begin() + static_cast<std::ptrdiff_t>(*written));
            const auto packet = parse_rtp(std::span(datagram).first(*written + *size));
            static_cast<void>(video.insert(*packet, number, now));
            nacks.received(number++, now, 5ms);
        }
        while (video.next(now)) ++shown;
        static_cast<void>(audio.insert({.header = {}, .payload = opus}, 65536 + i, now));
        while (audio.next(now)) continue;
        while (audio.play(now)) ++played;
        std::array<SequenceNumber, max_nacks> asked;
        static_cast<void>(nacks.due(now, 10ms, asked));
        std::array<std::byte, 500> report;
        const auto written = write_rtcp({.sender = Ssrc{1}, .cname = "x", .picture_loss = true}, report);
        static_cast<void>(parse_rtcp(std::span(report).first(*written), Ssrc{0}));
    }
    const std::size_t after = test::allocations;
    CHECK(shown == 300);
    CHECK(played > 290);
    CHECK(after == before);
    Buffer counted(1);
    CHECK_MESSAGE(test::allocations > after, "the counter counts");
}

TEST_CASE("repair packets are written, held and used without an allocation") {
    struct Came final : FecSources {
        std::array<FecSource, 60> window;
        std::array<bool, 60> came{};
        std::optional<FecSource> find(std::int64_t extended) const override {
            const auto index = static_cast<std::size_t>(extended - 65536);
            return index < 60 && came[index] ? std::optional(window[index]) : std::nullopt;
        }
    } sources;
    test::SeededRandom random(13);
    Buffer contents(max_media_payload), out(max_rtp_payload);
    random.fill(contents);
    for (std::size_t i = 0; i < 60; ++i) {
        sources.window[i] = {.sequence = {static_cast<std::uint16_t>(i)}, .payload = Bytes(contents).subspan(i)};
        sources.came[i] = i % 3 != 0;  // twenty are lost
    }
    FecDecoder decoder;
    std::size_t recovered = 0;
    const std::size_t before = test::allocations;
    for (std::uint16_t own = 0; own < 20; ++own) {
        const auto size = write_fec(sources.window, SequenceNumber{own}, out);
        static_cast<void>(decoder.insert(Bytes(out).first(*size), SequenceNumber{own}, 65536 + 59));
        while (const auto packet = decoder.next(sources)) {
            sources.came[static_cast<std::size_t>(packet->extended - 65536)] = true;
            ++recovered;
        }
    }
    CHECK(test::allocations == before);
    CHECK(recovered == 20);
}

TEST_CASE("the packet memory of one 360p call stays under 480 KiB") {
    CHECK(VideoJitterBuffer({}).memory() + SendHistory(128, max_media_payload).memory() +
              AudioJitterBuffer({}).memory() <
          480 * 1024);
}
