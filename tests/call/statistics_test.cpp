// CallStats against itself, against the other side's and against what a listener and a viewer of the same call saw.
#include <doctest/doctest.h>

#include <numeric>

#include "call/frame_statistics.h"
#include "sim/two_party.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

constexpr CallSettings small{.video_width = 320, .video_height = 180, .video_bitrate = 400000};

struct Freezes {
    std::uint64_t count = 0;
    double seconds = 0;
};

// W3C webrtc-stats, freezeCount, word by word.
Freezes freezes(const std::vector<Instant>& shown) {
    Freezes found;
    for (std::size_t i = 2; i < shown.size(); ++i) {
        const std::size_t known = std::min<std::size_t>(i - 1, 30);
        const double mean = Seconds(shown[i - 1] - shown[i - 1 - known]).count() / static_cast<double>(known);
        const double duration = Seconds(shown[i] - shown[i - 1]).count();
        if (duration < std::max(3 * mean, mean + 0.150) - 1e-9) continue;
        ++found.count;
        found.seconds += duration;
    }
    return found;
}

void check_sums(const ReceiveStats& in, const SendStats& out) {
    const auto media =
        static_cast<std::int64_t>(in.packets_received - in.retransmitted_packets_received - in.fec_packets_received);
    CHECK(media + in.packets_lost == static_cast<std::int64_t>(in.packets_expected));
    CHECK(media > 0);
    // What came had been sent.
    CHECK(in.packets_received <= out.packets_sent);
    CHECK(in.bytes_received <= out.bytes_sent);
    CHECK(in.header_bytes_received <= out.header_bytes_sent);
    CHECK(in.packets_expected <= out.packets_sent - out.retransmitted_packets_sent - out.fec_packets_sent);
    CHECK(in.retransmitted_packets_received <= out.retransmitted_packets_sent);
    CHECK(in.retransmitted_bytes_received <= out.retransmitted_bytes_sent);
    CHECK(in.fec_packets_received <= out.fec_packets_sent);
    CHECK(in.fec_packets_discarded + in.repaired <= in.fec_packets_received);
    CHECK(out.nack_count <= in.nack_count);
    CHECK(out.pli_count <= in.pli_count);
    CHECK(in.jitter > Seconds{});
}

void check_sound(const ReceiveStats& in, const Side& side) {
    CHECK(in.total_samples_received == side.heard.size());
    CHECK(in.total_samples_received ==
          in.blocks_played * 480 + in.inserted_samples_for_deceleration - in.removed_samples_for_acceleration);
    CHECK(in.total_samples_duration == Seconds(static_cast<double>(side.heard.size()) / 48000));
    // What came out of the buffer or was invented, made longer or shorter, was played.
    const auto made = in.jitter_buffer_emitted_count + in.concealed_samples + in.inserted_samples_for_deceleration -
                      in.removed_samples_for_acceleration;
    CHECK(made == in.total_samples_received);
    CHECK(in.concealment_events > 0);
    CHECK(in.concealment_events * 480 <= in.concealed_samples);
    CHECK(in.silent_concealed_samples == 0);
    const Seconds mean = in.jitter_buffer_delay / static_cast<double>(in.jitter_buffer_emitted_count);
    CHECK(mean > 0ms);
    CHECK(mean < 400ms);
}

void check_pictures(const ReceiveStats& in, const SendStats& out, const Side& side, const std::vector<Instant>& shown) {
    REQUIRE(shown.size() > 100);
    CHECK(in.frames_rendered == shown.size());
    CHECK(in.frames_decoded - in.frames_rendered <= 1);  // one may wait for its sound
    CHECK(in.frames_decoded == in.frames_received);
    CHECK(in.frames_decoded == in.jitter_buffer_emitted_count);
    CHECK(in.key_frames_decoded == static_cast<std::uint64_t>(side.keys_shown));
    CHECK(in.frames_received + in.frames_dropped <= out.frames_sent);
    CHECK(in.frames_assembled_from_multiple_packets <= in.frames_decoded);
    CHECK(in.total_assembly_time <= in.jitter_buffer_delay);
    CHECK(in.jitter_buffer_delay <= in.total_processing_delay);
    CHECK(in.total_inter_frame_delay.count() == doctest::Approx(Seconds(shown.back() - shown.front()).count()));
    double squares = 0;
    for (std::size_t i = 1; i < shown.size(); ++i) squares += std::pow(Seconds(shown[i] - shown[i - 1]).count(), 2);
    CHECK(in.total_squared_inter_frame_delay == doctest::Approx(squares));
    const Freezes frozen = freezes(shown);
    CHECK(in.freeze_count == frozen.count);
    CHECK(in.total_freezes_duration.count() == doctest::Approx(frozen.seconds));
}

void check_sender(const SendStats& out, Duration talked) {
    CHECK(out.frames_encoded == out.frames_sent);
    CHECK(out.key_frames_encoded >= 1);
    CHECK(out.key_frames_encoded <= out.frames_encoded);
    CHECK(out.huge_frames_sent <= out.frames_sent);
    CHECK(out.retransmitted_packets_sent + out.fec_packets_sent < out.packets_sent);
    CHECK(out.total_packet_send_delay > Seconds{});
    const auto& spent = out.quality_limitation_durations;
    const double sum = std::accumulate(spent.begin(), spent.end(), Seconds{}).count();
    CHECK(sum <= Seconds(talked).count());
    CHECK(sum > Seconds(talked).count() - 0.5);
}

Instant ticking_clock() {
    static Instant time{1s};
    return time += 1ms;
}

Instant slow_clock() {  // between two stamps passes more than a frame's time
    static Instant time{1s};
    return time += 40ms;
}

}  // namespace

TEST_CASE("the sums of a lossy call's statistics are consistent, and its freezes are those that a viewer counts") {
    std::uint64_t frozen = 0, repaired = 0, again = 0;
    for (std::uint64_t seed = 300; seed < 304; ++seed) {
        CAPTURE(seed);
        TwoParty world(seed, {.delay = 40ms, .jitter = 10ms, .loss = 0.08});
        world.connect(small);
        const Instant start = world.now;
        world.talk(6s, small);
        world.to_callee.set({.delay = 40ms, .loss = 1});
        world.talk(700ms, small);
        world.to_callee.set({.delay = 40ms, .jitter = 10ms, .loss = 0.08});
        world.talk(6s, small);

        const CallStats out = world.caller.call->stats(), in = world.callee.call->stats();
        CHECK(in.timestamp <= world.now);
        CHECK(in.timestamp >= world.now - 5ms);
        std::vector<Instant> shown;
        for (const Side::Picture& picture : world.callee.pictures) shown.push_back(picture.at);
        check_sums(in.audio_received, out.audio_sent);
        check_sums(in.video_received, out.video_sent);
        check_sums(out.audio_received, in.audio_sent);
        check_sums(out.video_received, in.video_sent);
        check_sound(in.audio_received, world.callee);
        check_pictures(in.video_received, out.video_sent, world.callee, shown);
        check_sender(out.video_sent, world.now - start);
        const auto last_second = std::ranges::count_if(shown, [&](Instant at) { return in.timestamp - at < 1s; });
        // One may have been decoded and wait for its sound.
        CHECK(std::abs(in.video_received.frames_per_second - static_cast<double>(last_second)) <= 1);
        frozen += in.video_received.freeze_count;
        repaired += in.video_received.repaired;
        again += in.video_received.retransmitted_packets_received;
    }
    CHECK(frozen >= 4);  // the outages at least
    CHECK(repaired > 0);
    CHECK(again > 0);
}

TEST_CASE("what the peer reports of our streams is the path that the packets went") {
    TwoParty world(310, {.delay = 40ms, .loss = 0.1});
    world.connect(small);
    world.talk(15s, small);
    const CallStats out = world.caller.call->stats(), in = world.callee.call->stats();
    REQUIRE(out.current_round_trip_time);
    CHECK(*out.current_round_trip_time >= 79ms);
    CHECK(*out.current_round_trip_time <= 100ms);
    for (const auto& [told, seen] :
         {std::pair(out.audio_at_peer, in.audio_received), {out.video_at_peer, in.video_received}}) {
        CHECK(told.packets_lost > 0);
        CHECK(told.packets_lost <= seen.packets_lost);
        CHECK(told.packets_lost > seen.packets_lost / 2);
        CHECK(told.fraction_lost >= 0);
        CHECK(told.fraction_lost < 0.5);
        REQUIRE(told.round_trip_time);
        CHECK(*told.round_trip_time >= 79ms);
        CHECK(told.round_trip_time_measurements >= 5);
        const Seconds mean = told.total_round_trip_time / static_cast<double>(told.round_trip_time_measurements);
        CHECK(mean >= 79ms);
        CHECK(mean <= 100ms);
    }
}

TEST_CASE(
    "on a clean path both sides count the same frames of the same coarseness, and time by the trace clock alone") {
    for (const bool clock : {false, true}) {
        CAPTURE(clock);
        CallSettings settings = small;
        if (clock) settings.trace_clock = ticking_clock;
        TwoParty world(320, {.delay = 20ms});
        world.connect(settings);
        world.talk(4s, settings);
        for (int i = 0; i < 20; ++i, world.now += 5ms) world.settle();  // what is on its way arrives
        const SendStats out = world.caller.call->stats().video_sent;
        const ReceiveStats in = world.callee.call->stats().video_received;
        CHECK(out.frames_sent > 60);
        CHECK(in.frames_decoded == out.frames_encoded);
        CHECK(in.key_frames_decoded == out.key_frames_encoded);
        CHECK(in.qp_sum == out.qp_sum);
        CHECK(out.qp_sum > out.frames_encoded);
        CHECK(out.qp_sum <= out.frames_encoded * 127);
        CHECK(in.frame_width == out.frame_width);
        CHECK(in.frame_height == out.frame_height);
        CHECK(in.packets_received == out.packets_sent);
        CHECK(in.bytes_received == out.bytes_sent);
        CHECK(in.header_bytes_received == out.header_bytes_sent);
        CHECK(in.packets_lost == 0);
        CHECK(in.freeze_count == 0);
        CHECK(in.nack_count == 0);
        const Seconds tick = clock ? Seconds(1ms) : Seconds{};
        CHECK(in.total_decode_time.count() ==
              doctest::Approx(static_cast<double>(in.frames_decoded) * tick.count()).epsilon(1e-9));
        CHECK(out.total_encode_time.count() ==
              doctest::Approx(static_cast<double>(out.frames_encoded) * tick.count()).epsilon(1e-9));
    }
}

TEST_CASE("the statistics say why pictures are small, for how long, and how often that changed") {
    SUBCASE("the path") {
        TwoParty world(330, {.delay = 20ms});
        CallSettings settings;
        settings.video_bitrate = 40000;  // so little that every second picture is left out, too
        world.connect(settings);
        const Instant start = world.now;
        world.talk(4s, settings);
        SendStats out = world.caller.call->stats().video_sent;
        CHECK(out.quality_limitation_reason == QualityLimitationReason::bandwidth);
        CHECK(out.quality_limitation_durations[static_cast<std::size_t>(QualityLimitationReason::bandwidth)] > 3s);
        CHECK(out.frame_width < 640);
        CHECK(out.frame_width == world.callee.call->stats().video_received.frame_width);
        CHECK(out.target_bitrate <= 40000);
        CHECK(out.frames_dropped > 10);
        // A frame's number tells which it was of all that were given, those left out among them.
        std::uint32_t newest = 0;
        while (const auto trace = world.caller.call->trace()) {
            if (trace->medium != Medium::video || (*trace)[Stage::captured] == Instant{}) continue;
            CHECK((*trace)[Stage::captured] == start + trace->number * 30ms);
            newest = trace->number;
        }
        CHECK(newest > 120);
        REQUIRE(world.caller.call->set_video_bitrate(1500000));
        world.talk(12s, settings);
        const std::uint64_t before = out.quality_limitation_resolution_changes;
        out = world.caller.call->stats().video_sent;
        CHECK(out.frame_width == 640);
        CHECK(out.quality_limitation_reason == QualityLimitationReason::none);
        CHECK(out.quality_limitation_resolution_changes > before);
    }
    SUBCASE("the device") {
        TwoParty world(331, {.delay = 20ms});
        CallSettings settings = small;
        settings.trace_clock = slow_clock;
        world.connect(settings);
        world.talk(5s, settings);
        const SendStats out = world.caller.call->stats().video_sent;
        CHECK(out.encoder_speed < settings.video_cpu_used);
        CHECK(out.quality_limitation_reason == QualityLimitationReason::cpu);
        CHECK(out.quality_limitation_durations[static_cast<std::size_t>(QualityLimitationReason::cpu)] > 1s);
        CHECK(out.quality_limitation_resolution_changes > 0);
        CHECK(out.frame_width < 320);
    }
    SUBCASE("the peer's device") {
        TwoParty world(332, {.delay = 20ms});
        const CallSettings settings = small;
        CallSettings slow = small;
        slow.trace_clock = slow_clock;
        REQUIRE(world.dial(settings));
        REQUIRE(world.callee.call->accept(slow, world.now));
        world.talk(6s, settings);
        const CallStats stats = world.caller.call->stats();
        CHECK(stats.video_at_peer.decode_load > 1);
        CHECK(stats.video_sent.encoder_speed == settings.video_cpu_used);
        CHECK(stats.video_sent.quality_limitation_reason == QualityLimitationReason::cpu);
        CHECK(stats.video_sent.frame_width < 320);
        CHECK(world.callee.call->stats().video_at_peer.decode_load == 0);
    }
}

TEST_CASE(
    "a gap is a freeze from three times the mean of the thirty before, or 150 ms over it, and a pause after 5 s") {
    const auto after = [](Duration usual, int times, Duration gap) {
        call::FrameGaps gaps;
        Instant now{1s};
        gaps.shown(now);
        for (int i = 0; i < times; ++i) gaps.shown(now += usual);
        gaps.shown(now += gap);
        ReceiveStats stats;
        gaps.add_to(stats);
        return stats;
    };
    CHECK(after(40ms, 40, 190ms).freeze_count == 1);
    CHECK(after(40ms, 40, 190ms).total_freezes_duration == Seconds(190ms));
    CHECK(after(40ms, 40, 190ms - 1ns).freeze_count == 0);
    CHECK(after(100ms, 40, 300ms).freeze_count == 1);
    CHECK(after(100ms, 40, 300ms - 1ns).freeze_count == 0);
    CHECK(after(100ms, 0, 4s).freeze_count == 0);  // with nothing to compare it with
    CHECK(after(40ms, 40, 5s).pause_count == 0);
    CHECK(after(40ms, 40, 5s + 1ns).pause_count == 1);
    CHECK(after(40ms, 40, 6s).total_pauses_duration == Seconds(6s));
    CHECK(after(40ms, 40, 6s).freeze_count == 1);

    // Slow frames are forgotten after thirty others.
    for (const int quick : {29, 30}) {
        CAPTURE(quick);
        call::FrameGaps gaps;
        Instant now{1s};
        gaps.shown(now);
        gaps.shown(now += 900ms);
        for (int i = 0; i < quick; ++i) gaps.shown(now += 30ms);
        gaps.shown(now += 180ms);  // 30 + 150; with the slow one the mean is 59
        ReceiveStats stats;
        gaps.add_to(stats);
        CHECK(stats.freeze_count == (quick == 30 ? 1 : 0));
    }
}

TEST_CASE("a frame counts for the second after it") {
    call::FrameRate rate;
    CHECK(rate.at(Instant{1s}) == 0);
    for (int i = 0; i < 300; ++i) rate.note(Instant{10s} + i * 20ms);
    const Instant last = Instant{10s} + 299 * 20ms;
    CHECK(rate.at(last) == 50);
    CHECK(rate.at(last + 500ms) == 25);
    CHECK(rate.at(last + 1s - 1ns) == 1);
    CHECK(rate.at(last + 1s) == 0);
}
