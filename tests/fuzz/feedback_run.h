// A sent log that is told arbitrary reports, and reports of an honest receiver among them, beside a record of what was
// sent and told.
#pragma once

#include <map>

#include "fuzz/harness.h"
#include "transport/clock_sync.h"
#include "transport/congestion/arrival_log.h"
#include "transport/congestion/sent_log.h"

namespace sotto::fuzz {

class FeedbackRun {
  public:
    void step(Program& program) {
        switch (program.u8() % 5) {
            case 0: now_ += program.milliseconds(); break;
            case 1: send(program); break;
            case 2: hear(arbitrary(program)); break;
            case 3: hear(honest()); break;
            default: now_ += 10 * program.milliseconds();
        }
        log_.expire(now_);
        check(log_.bytes_in_flight() <= untold());
    }

  private:
    static constexpr std::array<Ssrc, 3> streams{{{1}, {2}, {3}}};
    struct Sent {
        Instant at{};
        std::size_t size = 0;
        bool told = false;
    };

    // Some arrive at once, with an odd number of bytes.
    void send(Program& program) {
        const std::size_t which = program.u8() % streams.size();
        const std::uint8_t step = program.u8();
        const std::size_t size = std::max<std::size_t>(program.u8(), 1);  // a datagram is never empty
        next_[which] += static_cast<std::uint16_t>(step > 250 ? step * 100 : 1 + step / 64);
        log_.sent(streams[which], next_[which], size, now_);
        at_once_ = now_ == last_sent_ ? at_once_ + Duration(1) : Duration{};
        last_sent_ = now_;
        sent_[{which, next_[which].value}] = {.at = now_ + at_once_, .size = size};
        if (size % 2 == 1) arrivals_.received(streams[which], next_[which], size, now_);
    }

    transport::CongestionFeedback honest() {
        transport::CongestionFeedback feedback;
        arrivals_.fill(feedback, now_, transport::to_ntp(now_.time_since_epoch()));
        check(feedback.metric_count <= transport::max_packet_metrics);
        return feedback;
    }

    static transport::CongestionFeedback arbitrary(Program& program) {
        transport::CongestionFeedback feedback;
        const std::uint32_t high = program.u16();
        feedback.timestamp = high << 16 | program.u16();
        for (int stream = program.u8() % 4; stream > 0; --stream) {
            const Ssrc ssrc{program.u8() % 5U};
            if (!feedback.begin(ssrc, SequenceNumber{program.u16()})) break;
            for (int count = program.u8(); count > 0; --count) {
                if (!feedback.add({program.u16()})) break;
            }
        }
        return feedback;
    }

    void hear(const transport::CongestionFeedback& feedback) {
        Instant last = Instant::min();
        for (const transport::PacketResult& result : log_.results(feedback, now_)) {
            const auto which = static_cast<std::size_t>(std::ranges::find(streams, result.ssrc) - streams.begin());
            check(which < streams.size());
            const auto packet = sent_.find({which, result.sequence.value});
            check(packet != sent_.end() && !packet->second.told);
            check(packet->second.at == result.sent && packet->second.size == result.size);
            check(result.sent >= last);
            packet->second.told = true;
            last = result.sent;
        }
        check(!log_.round_trip() || *log_.round_trip() >= Duration{});
    }

    // Bytes sent in the last two seconds and not told of.
    std::size_t untold() const {
        std::size_t bytes = 0;
        for (const auto& [key, packet] : sent_) {
            if (!packet.told && now_ - packet.at <= transport::SentLog::memory_span) bytes += packet.size;
        }
        return bytes;
    }

    transport::SentLog log_{streams};
    transport::ArrivalLog arrivals_{streams};
    std::map<std::pair<std::size_t, std::uint16_t>, Sent> sent_;
    std::array<SequenceNumber, 3> next_{{{65000}, {5}, {32760}}};
    Instant now_{std::chrono::seconds(1000)};
    Instant last_sent_ = Instant::min();
    Duration at_once_{};  // a packet counts as sent that much after the first one of its instant
};

}  // namespace sotto::fuzz
