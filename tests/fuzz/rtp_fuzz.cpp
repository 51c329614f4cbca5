// RTP headers: views lie inside the packet, and what is parsed can be written again.
#include "transport/rtp.h"

#include "fuzz/harness.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes packet = fuzz::input(data, size);
    const auto parsed = transport::parse_rtp(packet);
    if (!parsed) return 0;
    check(fuzz::inside(parsed->payload, packet) && fuzz::inside(parsed->extension, packet));
    check(parsed->header_size + parsed->payload.size() <= size);
    std::array<std::byte, transport::rtp_header_size> header;
    check(transport::write_rtp_header(parsed->header, header) == header.size());
    check(std::ranges::equal(Bytes(header).subspan(1), packet.subspan(1, header.size() - 1)));
    const auto again = transport::parse_rtp(header);
    check(again && again->payload.empty() && again->extension.empty());
    return 0;
}
