#include "crypto/header.h"

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "crypto/chain.h"
#include "crypto/primitives.h"
#include "crypto/session.h"

namespace sotto::crypto {
namespace {

constexpr std::uint8_t message_version = 1;
constexpr std::uint8_t initial_type = 1;
constexpr std::uint8_t ordinary_type = 2;
constexpr std::size_t longest_sealed = Session::max_plaintext + aead_overhead;

}  // namespace

Result<ParsedMessage> parse_message(Bytes message) {
    ByteReader in(message);
    const auto version = in.u8();
    if (!version) return Failure(Error::truncated);
    if (*version != message_version) return Failure(Error::unsupported_version);
    const auto type = in.u8();
    if (!type) return Failure(Error::truncated);
    if (*type != initial_type && *type != ordinary_type) return Failure(Error::malformed);

    ParsedMessage parsed;
    if (*type == initial_type) {
        const auto initial = take_initial(in);
        if (!initial) return Failure(initial.error());
        parsed.initial = *initial;
    }
    const auto ratchet = in.take(ratchet_header_size);
    if (!ratchet || in.remaining() < aead_overhead) return Failure(Error::truncated);
    if (in.remaining() > longest_sealed) return Failure(Error::too_large);
    ByteReader fields(*ratchet);
    parsed.ratchet.key.bytes = *fields.array<32>();
    parsed.ratchet.previous = *fields.u32();
    parsed.ratchet.number = *fields.u32();
    if (parsed.ratchet.number == last_message) return Failure(Error::malformed);
    parsed.header = message.first(message.size() - in.remaining());
    parsed.sealed = in.rest();
    return parsed;
}

Buffer write_headers(const InitialHeader* initial, const RatchetHeader& ratchet, std::size_t sealed_size) {
    Buffer message(2 + (initial != nullptr ? initial_header_size : 0) + ratchet_header_size + sealed_size);
    ByteWriter out(message);
    out.u8(message_version).u8(initial != nullptr ? initial_type : ordinary_type);
    if (initial != nullptr) write(*initial, out);
    out.bytes(ratchet.key.bytes).u32(ratchet.previous).u32(ratchet.number);
    return message;
}

}  // namespace sotto::crypto
