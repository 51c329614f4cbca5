// An RTCP report written as our own library would say it, and read again.
#pragma once

#include "fuzz/harness.h"
#include "transport/rtcp.h"

namespace sotto::fuzz {

inline std::span<const SequenceNumber> nacks(const transport::RtcpReport& report) {
    return std::span(report.nacks).first(report.nack_count);
}

inline transport::RtcpReport written_again(const transport::RtcpReport& report, Ssrc about) {
    const transport::RtcpOutgoing outgoing{.sender = report.sender,
                                           .sender_info = report.sender_info,
                                           .report = report.report,
                                           .cname = "fuzz",
                                           .media_source = about,
                                           .nacks = nacks(report),
                                           .picture_loss = report.picture_loss,
                                           .bye = report.bye,
                                           .congestion = report.congestion ? &*report.congestion : nullptr,
                                           .decode_load = report.decode_load};
    std::array<std::byte, 1232> room;
    const auto size = transport::write_rtcp(outgoing, room);
    check(size.has_value());
    const auto parsed = transport::parse_rtcp(Bytes(room).first(*size), about);
    check(parsed.has_value());
    return *parsed;
}

inline bool same(const transport::SenderInfo& a, const transport::SenderInfo& b) {
    return a.ntp == b.ntp && a.rtp == b.rtp && a.packets == b.packets && a.octets == b.octets;
}

inline bool same(const transport::ReportBlock& a, const transport::ReportBlock& b) {
    return a.source == b.source && a.fraction_lost == b.fraction_lost && a.cumulative_lost == b.cumulative_lost &&
           a.highest_sequence == b.highest_sequence && a.jitter == b.jitter && a.last_sr == b.last_sr &&
           a.delay_since_last_sr == b.delay_since_last_sr;
}

inline bool same(const transport::CongestionFeedback& a, const transport::CongestionFeedback& b) {
    return a.timestamp == b.timestamp &&
           std::ranges::equal(a.streams(), b.streams(), [&](const auto& of_a, const auto& of_b) {
               return of_a.ssrc == of_b.ssrc && of_a.first == of_b.first &&
                      std::ranges::equal(a.metrics(of_a), b.metrics(of_b));
           });
}

// The same message, but for the order of its NACKs and those named twice.
inline bool same_but_for_nacks(const transport::RtcpReport& a, const transport::RtcpReport& b) {
    return a.sender == b.sender && a.sender_info.has_value() == b.sender_info.has_value() &&
           (!a.sender_info || same(*a.sender_info, *b.sender_info)) && a.report.has_value() == b.report.has_value() &&
           (!a.report || same(*a.report, *b.report)) && a.congestion.has_value() == b.congestion.has_value() &&
           (!a.congestion || same(*a.congestion, *b.congestion)) && a.picture_loss == b.picture_loss &&
           a.bye == b.bye && a.decode_load == b.decode_load;
}

inline bool same_numbers(const transport::RtcpReport& a, const transport::RtcpReport& b) {
    const auto contains = [](const transport::RtcpReport& in) {
        return [&in](SequenceNumber number) { return std::ranges::find(nacks(in), number) != nacks(in).end(); };
    };
    return std::ranges::all_of(nacks(a), contains(b)) && std::ranges::all_of(nacks(b), contains(a));
}

}  // namespace sotto::fuzz
