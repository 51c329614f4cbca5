#include "transport/congestion/sent_log.h"

#include <algorithm>

namespace sotto::transport {
namespace {

// Later arrivals, or reports that leave a packet out, that make it lost: reordering by less is tolerated.
constexpr int later_arrivals = 3;
constexpr int missing_reports = 2;
constexpr Duration rounding = std::chrono::milliseconds(1);  // of a report's time stamp and offsets
// A report's time stamp that differs from the time that passed here by more is the peer's clock, not the network.
constexpr Duration longest_delay = std::chrono::seconds(10);

constexpr Duration from_ticks(std::int64_t ticks) { return Duration(ticks * 1'953'125 / 128); }   // of 1/65536 s
constexpr Duration from_offset(std::int64_t offset) { return Duration(offset * 1'953'125 / 2); }  // of 1/1024 s

}  // namespace

SentLog::SentLog(std::span<const Ssrc, max_feedback_streams> streams) : results_(max_results) {
    for (std::size_t i = 0; i < streams_.size(); ++i) {
        streams_[i].ssrc = streams[i];
        streams_[i].slots.resize(capacities[i]);
    }
}

SentLog::Slot* SentLog::Stream::find(std::int64_t number) {
    Slot& found = slot(number);
    return found.size > 0 && found.number == static_cast<std::uint32_t>(number) ? &found : nullptr;
}

SentLog::Stream* SentLog::find(Ssrc ssrc) {
    const auto found = std::ranges::find(streams_, ssrc, &Stream::ssrc);
    return found == streams_.end() ? nullptr : &*found;
}

// -- Sending

void SentLog::sent(Ssrc ssrc, SequenceNumber sequence, std::size_t size, Instant now) {
    Stream* const stream = find(ssrc);
    if (stream == nullptr) return;
    expire(now);
    const std::int64_t number = stream->unwrapper.unwrap(sequence);
    if (number < stream->end - stream->window() || stream->find(number) != nullptr) return;
    if (stream->end == 0) stream->oldest = number;
    const std::int64_t first_kept = number + 1 - stream->window();
    while (stream->oldest < std::min(first_kept, stream->end)) forget(*stream, stream->oldest++);
    stream->oldest = std::min(std::max(stream->oldest, first_kept), number);
    stream->end = std::max(stream->end, number + 1);
    // Whoever polls several times by one clock reading sends in that order still: of two streams' packets it would be
    // decided by chance, and a queue holds up the second.
    at_once_ = now == last_sent_ ? at_once_ + Duration(1) : Duration{};
    last_sent_ = now;
    const auto counted = static_cast<std::uint16_t>(std::clamp<std::size_t>(size, 1, 0xffff));
    stream->slot(number) = {.sent = now + at_once_,
                            .number = static_cast<std::uint32_t>(number),
                            .size = counted,
                            .state = State::in_flight};
    in_flight_ += counted;
}

void SentLog::leave_flight(Slot& slot, State state) {
    in_flight_ -= slot.size;
    slot.state = state;
}

void SentLog::forget(Stream& stream, std::int64_t number) {
    Slot* const slot = stream.find(number);
    if (slot == nullptr || slot->state != State::in_flight) return;
    leave_flight(*slot, State::forgotten);
    ++counts_.unreported;
}

void SentLog::expire(Instant now) {
    for (Stream& stream : streams_) {
        for (; stream.oldest < stream.end; ++stream.oldest) {
            const Slot* const slot = stream.find(stream.oldest);
            if (slot == nullptr || slot->state != State::in_flight) continue;
            // In the future: our clock went back, and its age can't be told.
            if (now - slot->sent <= memory_span && slot->sent - now <= memory_span) break;
            forget(stream, stream.oldest);
        }
    }
}

// -- Reports

std::span<const PacketResult> SentLog::results(const CongestionFeedback& feedback, Instant now) {
    result_count_ = 0;
    newest_acknowledged_.reset();
    round_trip_.reset();
    counts_.left_out += feedback.left_out;
    expire(now);
    const ReportTime report = report_time(feedback.timestamp, now);
    const auto told = feedback.streams();
    for (std::size_t i = 0; i < told.size(); ++i) {
        Stream* const stream = find(told[i].ssrc);
        const bool again =
            std::ranges::find(told.first(i), told[i].ssrc, &CongestionFeedback::Stream::ssrc) != told.first(i).end();
        if (stream == nullptr || again) {
            ++counts_.impossible;
        } else {
            take(*stream, told[i], feedback.metrics(told[i]), report, now);
        }
    }
    // All arrivals have their place before losses share the rest.
    undecided_ = never;
    for (Stream& stream : streams_) judge_missing(stream);
    const auto results = std::span(results_).first(result_count_);
    std::ranges::sort(results, [](const PacketResult& a, const PacketResult& b) {
        if (a.sent != b.sent) return a.sent < b.sent;
        if (a.ssrc != b.ssrc) return a.ssrc.value < b.ssrc.value;
        return is_newer(b.sequence, a.sequence);
    });
    return results;
}

// The report's time stamp counts 18 hours, then begins anew (RFC 8888 §3.1): only its steps count, and a step that no
// network can explain is taken for the time that passed here.
SentLog::ReportTime SentLog::report_time(std::uint32_t timestamp, Instant now) {
    if (!last_report_) last_report_ = {.timestamp = timestamp, .at = from_ticks(timestamp), .received = now};
    Duration step = from_ticks(static_cast<std::int32_t>(timestamp - last_report_->timestamp));
    const Duration passed = now - last_report_->received;
    if (step - passed > longest_delay || passed - step > longest_delay) {
        ++counts_.clock_leaps;
        step = std::max(passed, Duration{});
    }
    const Duration at = last_report_->at + step;
    if (step < Duration{}) return {.at = at, .overtaken = true};
    last_report_ = {.timestamp = timestamp, .at = at, .received = now};
    return {.at = at};
}

void SentLog::take(Stream& stream, const CongestionFeedback::Stream& told, std::span<const PacketMetric> metrics,
                   const ReportTime& report, Instant now) {
    const std::int64_t first = stream.unwrapper.peek(told.first);
    std::int64_t number = first;
    for (const PacketMetric metric : metrics) {
        if (metric.received()) take_arrival(stream, number, metric, report, now);
        ++number;
    }
    if (report.overtaken) return;  // a later report knows better what is missing
    number = first;
    for (const PacketMetric metric : metrics) {
        if (!metric.received()) take_missing(stream, number);
        ++number;
    }
}

void SentLog::take_arrival(Stream& stream, std::int64_t number, PacketMetric metric, const ReportTime& report,
                           Instant now) {
    Slot* const slot = stream.find(number);
    if (slot == nullptr) {
        ++counts_.impossible;
        return;
    }
    const Duration held = from_offset(metric.offset());
    switch (slot->state) {
        case State::arrived: {
            const Duration change = report.at - held - slot->arrived;
            if (std::max(change, -change) > 2 * rounding) ++counts_.impossible;
            return;
        }
        case State::untimed: return;
        case State::lost:
        case State::forgotten: ++counts_.too_late; return;
        case State::in_flight: break;
    }
    const bool untimed = metric.offset() == offset_unavailable;
    if (!untimed && held > now - slot->sent + rounding) {
        ++counts_.impossible;
        return;
    }
    stream.reached = std::max(stream.reached, number);
    leave_flight(*slot, untimed ? State::untimed : State::arrived);
    if (untimed) {
        ++counts_.untimed;
        return;
    }
    ++counts_.arrived;
    slot->arrived = report.at - held;
    add_result(stream, *slot, slot->arrived);
    if (newest_acknowledged_ && slot->sent < *newest_acknowledged_) return;
    newest_acknowledged_ = slot->sent;
    round_trip_ = std::max(now - slot->sent - held, Duration{});
}

void SentLog::take_missing(Stream& stream, std::int64_t number) {
    Slot* const slot = stream.find(number);
    // A number that never left may be missing: its packet was left out.
    if (slot == nullptr || number > stream.reached) return;
    if (slot->state == State::arrived) ++counts_.impossible;
    if (slot->state == State::in_flight && slot->missed < missing_reports) ++slot->missed;
}

void SentLog::judge_missing(Stream& stream) {
    int later = 0;
    for (std::int64_t number = stream.reached; number >= stream.oldest && result_count_ < max_results; --number) {
        Slot* const slot = stream.find(number);
        if (slot == nullptr) continue;
        if (slot->state == State::arrived || slot->state == State::untimed) ++later;
        if (slot->state != State::in_flight || slot->missed == 0) continue;
        if (later < later_arrivals && slot->missed < missing_reports) {
            undecided_ = std::min(undecided_, slot->sent);
            continue;
        }
        leave_flight(*slot, State::lost);
        ++counts_.lost;
        add_result(stream, *slot, std::nullopt);
    }
}

void SentLog::add_result(const Stream& stream, const Slot& slot, std::optional<Duration> arrived) {
    results_[result_count_++] = {.ssrc = stream.ssrc,
                                 .sequence = SequenceNumber{static_cast<std::uint16_t>(slot.number)},
                                 .size = slot.size,
                                 .sent = slot.sent,
                                 .arrived = arrived};
}

std::size_t SentLog::memory() const {
    std::size_t bytes = results_.size() * sizeof(PacketResult);
    for (const Stream& stream : streams_) bytes += stream.slots.size() * sizeof(Slot);
    return bytes;
}

}  // namespace sotto::transport
