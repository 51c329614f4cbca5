#include "crypto/initial_header.h"

#include "base/byte_reader.h"
#include "base/byte_writer.h"

namespace sotto::crypto {

Result<InitialHeader> take_initial(ByteReader& in) {
    const auto body = in.take(initial_header_size);
    if (!body) return Failure(body.error());
    ByteReader fields(*body);
    InitialHeader header;
    header.sender = *take_certificate(fields);
    header.base_key.bytes = *fields.array<32>();
    header.signed_prekey = *fields.u32();
    header.kem_prekey = *fields.u32();
    header.one_time = *fields.u32();
    header.ciphertext.bytes = *fields.array<1088>();
    if (header.signed_prekey == 0 || header.kem_prekey == 0) return Failure(Error::malformed);
    return header;
}

void write(const InitialHeader& header, ByteWriter& out) {
    write(header.sender, out);
    out.bytes(header.base_key.bytes).u32(header.signed_prekey).u32(header.kem_prekey).u32(header.one_time);
    out.bytes(header.ciphertext.bytes);
}

}  // namespace sotto::crypto
