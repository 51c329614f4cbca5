#include "transport/rtx.h"

#include "base/byte_reader.h"
#include "base/byte_writer.h"

namespace sotto::transport {

Result<std::size_t> write_rtx(SequenceNumber original, Bytes payload, MutableBytes out) {
    ByteWriter writer(out);
    writer.u16(original.value).bytes(payload);
    if (!writer.ok()) return Failure(Error::too_large);
    return writer.size();
}

Result<RtxPayload> parse_rtx(Bytes payload) {
    ByteReader in(payload);
    const auto original = in.u16();
    if (!original) return Failure(original.error());
    return RtxPayload{.original = {*original}, .payload = in.rest()};
}

}  // namespace sotto::transport
