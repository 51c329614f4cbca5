#include "bench/latency_book.h"

#include <algorithm>
#include <utility>

#include "base/byte_reader.h"
#include "call/audio_sender.h"
#include "call/video_sender.h"

namespace sotto::bench {
namespace {

double in_us(Duration time) { return static_cast<double>(time.count()) / 1000; }

}  // namespace

std::optional<std::uint32_t> media_timestamp(Bytes datagram, Medium medium) {
    if (datagram.size() < 12 || transport::is_rtcp(datagram)) return std::nullopt;
    const PayloadType type{static_cast<std::uint8_t>(std::to_integer<int>(datagram[1]) & 0x7f)};
    const bool carries = medium == Medium::video
                             ? type == call::vp8_payload_type
                             : type == call::opus_payload_type || type == call::redundant_payload_type;
    if (!carries) return std::nullopt;
    return *ByteReader(datagram.subspan(4)).u32();
}

LatencyBook::Record& LatencyBook::record(std::uint32_t timestamp) {
    Record& record = records_[(timestamp * 2654435769U) >> 23];  // Knuth, TAOCP 3, §6.4
    if (record.timestamp != timestamp || (record.sent && record.shown)) record = {.timestamp = timestamp};
    return record;
}

void LatencyBook::spent(std::uint32_t timestamp, Part part, const Spent& more) {
    record(timestamp).spent[static_cast<std::size_t>(part)] += more;
}

void LatencyBook::took(const FrameTrace& trace, std::vector<LatencySample>& samples, Instant start,
                       Instant counts_from) {
    if (trace.medium != medium_) return;
    Record& frame = record(trace.timestamp);
    const bool ours = trace[Stage::captured] != Instant{};
    (ours ? frame.sent : frame.shown) = true;
    if (ours) {
        const auto given = std::ranges::find(given_, trace[Stage::captured], &Given::captured);
        if (given != given_.end()) frame.spent.front() += std::exchange(given->spent, Spent{});
    }
    for (std::size_t i = 0; i < stage_count; ++i) {
        if (trace.at[i] != Instant{}) frame.trace.at[i] = trace.at[i];
    }
    if (!frame.sent || !frame.shown) return;
    // A stage that was forgotten, among so many late packets, is zero.
    const bool whole = frame.trace[Stage::received] != Instant{};
    if (whole && frame.trace[Stage::captured] >= counts_from) samples.push_back(sample(frame, start));
    frame = {};
}

LatencySample LatencyBook::sample(const Record& frame, Instant start) const {
    LatencySample sample;
    const FrameTrace& trace = frame.trace;
    sample.at = static_cast<double>((trace[Stage::captured] - start).count()) / 1e9;
    sample.total = in_us(trace[Stage::shown] - trace[Stage::captured]);
    Instant before = trace[Stage::captured];
    for (std::size_t i = 1; i < stage_count; ++i) {
        if (trace.at[i] == Instant{}) continue;
        sample.steps[i] = in_us(trace.at[i] - before);
        before = trace.at[i];
    }
    for (std::size_t i = 0; i < frame.spent.size(); ++i) {
        sample.parts[i] = in_us(frame.spent[i].all);
        sample.srtp += in_us(frame.spent[i].srtp);
    }
    sample.parts.front() -= sample.steps[static_cast<std::size_t>(Stage::encoded)].value_or(0);
    for (const double part : sample.parts) sample.own += part;
    sample.whole_size = frame.whole_size;
    return sample;
}

}  // namespace sotto::bench
