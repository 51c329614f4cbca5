// What a frame's time stamps cost: the log of traces by itself, with a clock and without.
#include "bench/real_time.h"
#include "bench/subjects.h"
#include "call/arrival_stamps.h"

namespace sotto::bench {
namespace {

constexpr const char* subject = "trace";
constexpr int frames = 200;                                // a time
constexpr int stamps = static_cast<int>(stage_count) - 2;  // of a frame that was not repaired, after its capture
constexpr double stamp_at_most = 0.050;                    // us

// The way of one frame of one packet through both sides' logs.
void follow(call::TraceLog& traces, call::ArrivalStamps& arrivals, std::uint16_t number) {
    const Instant now(std::chrono::milliseconds(number + 1));
    FrameTrace out{.medium = Medium::video, .timestamp = number * 3000U};
    out[Stage::captured] = now;
    for (const Stage stage : {Stage::scaled, Stage::encoded}) out[stage] = traces.codec_time(now);
    out[Stage::packetised] = traces.stamp(now);
    traces.packetised(out, SequenceNumber{number});
    for (const Stage stage : {Stage::paced, Stage::protect, Stage::sent}) {
        traces.leaves(Medium::video, SequenceNumber{number}, stage, now);
    }
    call::Arrival arrival{.received = now, .unprotected = traces.stamp(now)};
    arrival.assembled = traces.stamp(now);
    arrivals.note(out.timestamp, arrival);
    FrameTrace in{.medium = Medium::video, .timestamp = out.timestamp};
    arrivals.copy_to(in);
    for (const Stage stage : {Stage::dequeued, Stage::decoded}) in[stage] = traces.codec_time(now);
    traces.decoded(in);
    traces.shown(Medium::video, now);
}

}  // namespace

void measure_trace(const Run& run) {
    if constexpr (!call::tracing) {
        run.report.note(subject, "this library was built without traces");
        return;
    }
    call::TraceLog traces(real_now);
    call::ArrivalStamps arrivals;
    std::uint16_t number = 0;
    const auto with_clock = [&]() -> std::array<double, 1> {
        const double all = each(frames, [&] { follow(traces, arrivals, ++number); })[0];
        return {all / stamps};
    };
    Instant last{};
    const auto bare = [&]() -> std::array<double, 1> {
        const double all = each(frames, [&] {
            for (int i = 0; i < stamps; ++i) last = real_now();
        })[0];
        return {all / stamps};
    };
    const auto compared = interleave<1>(run.budget, with_clock, bare);
    require(last != Instant{}, "no time was read");
    run.report.note(subject, "of a frame at both ends; the log, its memory and its look-ups included");
    run.report.add(subject, "a stamp", "the clock, read as often", compared[0], {}, stamp_at_most);
}

}  // namespace sotto::bench
