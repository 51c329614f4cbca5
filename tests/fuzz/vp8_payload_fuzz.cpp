// VP8 payloads: a descriptor leaves data inside its packet, and a frame cut into packets comes back whole.
#include "transport/vp8_payload.h"

#include "fuzz/harness.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes bytes = fuzz::input(data, size);
    if (const auto parsed = transport::parse_vp8(bytes))
        check(!parsed->data.empty() && fuzz::inside(parsed->data, bytes));
    fuzz::Program program(bytes);
    const std::size_t room = transport::Vp8Packetizer::descriptor_size + 1 + program.u8();
    const Bytes frame = program.rest();
    Buffer payload(room), joined;
    for (transport::Vp8Packetizer packets(frame, room, 0x1234); !packets.done();) {
        const auto parsed = transport::parse_vp8(Bytes(payload).first(*packets.next(payload)));
        check(parsed && parsed->descriptor.picture_id == 0x1234 && parsed->descriptor.starts_frame() == joined.empty());
        joined.insert(joined.end(), parsed->data.begin(), parsed->data.end());
    }
    check(std::ranges::equal(joined, frame));
    return 0;
}
