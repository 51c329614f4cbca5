// RTCP compound packets: a report that is understood can be said again and means the same.
#include "fuzz/rtcp_round_trip.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr Ssrc about{0x11223344};
    const auto report = transport::parse_rtcp(fuzz::input(data, size), about);
    if (!report) return 0;
    check(report->nack_count <= transport::max_nacks);
    check(!report->congestion || report->congestion->metric_count <= transport::max_packet_metrics);
    check(!report->report || report->report->source == about);
    const transport::RtcpReport again = fuzz::written_again(*report, about);
    check(fuzz::same_but_for_nacks(*report, again));
    check(fuzz::same_numbers(*report, again));
    return 0;
}
