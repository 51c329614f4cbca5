#include "crypto/header.h"

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "crypto/chain.h"
#include "crypto/session.h"

namespace sotto::crypto {
namespace {

constexpr std::uint8_t message_version = 1;
constexpr std::size_t longest_sealed = Session::max_plaintext + aead_overhead;

// docs/protocol.md, "Messages".
static_assert(ratchet_header_size(MessageType::initial) == 1224);
static_assert(ratchet_header_size(MessageType::unanswered) == 2312);
static_assert(ratchet_header_size(MessageType::answered) == 40);
static_assert(front_size(MessageType::unanswered) == 2 + 2352 && front_size(MessageType::answered) == 2 + 80);

}  // namespace

Result<ParsedMessage> parse_message(Bytes message) {
    ByteReader in(message);
    const auto version = in.u8();
    if (!version) return Failure(Error::truncated);
    if (*version != message_version) return Failure(Error::unsupported_version);
    const auto type = in.u8();
    if (!type) return Failure(Error::truncated);
    if (*type < 1 || *type > 3) return Failure(Error::malformed);

    ParsedMessage parsed{
        .type = static_cast<MessageType>(*type), .initial = {}, .front = {}, .header = {}, .sealed = {}};
    if (parsed.type == MessageType::initial) {
        const auto initial = take_initial(in);
        if (!initial) return Failure(initial.error());
        parsed.initial = *initial;
    }
    const auto header = in.take(ratchet_header_size(parsed.type) + header_overhead);
    if (!header || in.remaining() < aead_overhead) return Failure(Error::truncated);
    if (in.remaining() > longest_sealed) return Failure(Error::too_large);
    parsed.front = message.first(front_size(parsed.type));
    parsed.header = *header;
    parsed.sealed = in.rest();
    return parsed;
}

Bytes write_outside(MessageType type, const InitialHeader* initial, MutableBytes message) {
    ByteWriter out(message);
    out.u8(message_version).u8(static_cast<std::uint8_t>(type));
    if (initial != nullptr) write(*initial, out);
    return out.written();
}

Result<RatchetHeader> parse_header(MessageType type, Bytes plain) {
    ByteReader in(plain);
    RatchetHeader header;
    header.key.bytes = *in.array<32>();
    header.previous = *in.u32();
    header.number = *in.u32();
    if (header.number == last_message) return Failure(Error::malformed);
    if (type == MessageType::unanswered) header.ciphertext = *in.take(sizeof(KemCiphertext));
    if (type != MessageType::answered) header.kem_key = *in.take(sizeof(KemPublic));
    return header;
}

Bytes write_header(const RatchetHeader& header, MutableBytes plain) {
    ByteWriter out(plain);
    out.bytes(header.key.bytes).u32(header.previous).u32(header.number);
    out.bytes(header.ciphertext).bytes(header.kem_key);
    return out.written();
}

}  // namespace sotto::crypto
