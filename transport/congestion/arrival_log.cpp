#include "transport/congestion/arrival_log.h"

#include <algorithm>
#include <numeric>

#include "transport/rtp.h"

namespace sotto::transport {
namespace {

constexpr auto remembered = static_cast<std::int64_t>(max_packet_metrics);  // numbers of a stream
constexpr std::size_t report_share = 20;  // feedback takes at most one byte in twenty of what came in
// RTCP header, sender, time stamp, and what SRTCP adds (RFC 3711 §3.4, RFC 7714 §9.2).
constexpr std::size_t fixed_size = 12 + srtp_tag_size + 4 + srtp_mki_size;

// In 1/1024 s, rounded (RFC 8888 §3.1).
std::uint16_t offset(Duration age) {
    const std::int64_t count = std::max<std::int64_t>(0, age.count());
    const std::int64_t ticks = (count / 1000 * 1024 + 500'000) / 1'000'000;
    return static_cast<std::uint16_t>(std::min<std::int64_t>(ticks, offset_over_range));
}

}  // namespace

ArrivalLog::ArrivalLog(std::span<const Ssrc, max_feedback_streams> streams) {
    for (std::size_t i = 0; i < streams_.size(); ++i) {
        streams_[i].ssrc = streams[i];
        streams_[i].ring.resize(remembered);
    }
}

ArrivalLog::Arrival& ArrivalLog::Stream::slot(std::int64_t number) {
    return ring[static_cast<std::size_t>(number % remembered)];
}

void ArrivalLog::received(Ssrc ssrc, SequenceNumber sequence, std::size_t size, Instant now) {
    const auto found = std::ranges::find(streams_, ssrc, &Stream::ssrc);
    if (found == streams_.end()) return;
    Stream& stream = *found;
    const std::int64_t number = stream.unwrapper.unwrap(sequence);
    if (number <= stream.end - remembered) return;  // too late to matter
    Arrival& arrival = stream.slot(number);
    if (arrival.number == number) return;  // RFC 8888 §3.1: of duplicates the first counts
    arrival = {.number = number, .at = now};
    // Beyond a gap that no report can tell of, the stream begins anew.
    if (stream.end == 0 || number >= stream.end + remembered) stream.told = stream.untold = number;
    stream.end = std::max(stream.end, number + 1);
    const std::int64_t oldest = stream.end - remembered;
    stream.untold = std::max(std::min(stream.untold, number), oldest);
    stream.told = std::min(std::max(stream.told, oldest), stream.untold);
    bytes_ += size;
    if (!first_untold_) first_untold_ = now;
    after_silence_ = after_silence_ || (newest_ && now - *newest_ > silence);
    newest_ = now;
    if (last_report_ && now < *last_report_) last_report_ = now;  // the clock went back
}

Instant ArrivalLog::deadline() const {
    if (!first_untold_) return never;
    if (!last_report_) return *first_untold_ + shortest_interval;
    const bool paid = after_silence_ || report_size() * report_share <= bytes_;
    const Duration interval = paid ? shortest_interval : longest_interval;
    return std::max(*first_untold_, *last_report_ + std::max(interval, least_interval_));
}

std::array<std::size_t, max_feedback_streams> ArrivalLog::shares() const {
    std::array<std::size_t, max_feedback_streams> shares{};
    std::ranges::transform(streams_, shares.begin(), &Stream::reportable);
    for (;;) {
        const std::size_t all = std::accumulate(shares.begin(), shares.end(), std::size_t{0});
        if (all <= max_packet_metrics) return shares;
        std::size_t& largest = *std::ranges::max_element(shares);
        largest = std::max(max_packet_metrics / shares.size(), largest - std::min(largest, all - max_packet_metrics));
    }
}

std::size_t ArrivalLog::report_size() const {
    std::size_t size = fixed_size;
    for (const std::size_t share : shares()) size += share > 0 ? 8 + (share + 1) / 2 * 4 : 0;
    return size;
}

void ArrivalLog::fill(CongestionFeedback& out, Instant now, NtpTime timestamp) {
    out = {};
    out.timestamp = timestamp.middle();
    const auto share = shares();
    for (std::size_t i = 0; i < streams_.size(); ++i) {
        Stream& stream = streams_[i];
        if (share[i] == 0) continue;
        const std::int64_t first = stream.end - static_cast<std::int64_t>(share[i]);
        static_cast<void>(out.begin(stream.ssrc, SequenceNumber{static_cast<std::uint16_t>(first)}));
        for (std::int64_t number = first; number < stream.end; ++number) {
            const Arrival& arrival = stream.slot(number);
            static_cast<void>(
                out.add(arrival.number == number ? arrived_before(offset(now - arrival.at)) : not_received));
        }
        stream.told = stream.untold;
        stream.untold = stream.end;
    }
    bytes_ = 0;
    last_report_ = now;
    after_silence_ = false;
    first_untold_.reset();
}

std::size_t ArrivalLog::memory() const { return streams_.size() * remembered * sizeof(Arrival); }

}  // namespace sotto::transport
