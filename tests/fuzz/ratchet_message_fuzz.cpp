// Ratchet messages: front and ciphertext are the message, and what was read of either side of a header can be written
// again.
#include "crypto/header.h"
#include "crypto/session.h"
#include "fuzz/harness.h"

using namespace sotto;
using fuzz::check;

namespace {

// The encrypted header's bytes as if they were a header whose encryption has opened.
void inside(crypto::MessageType type, Bytes plain) {
    const auto header = crypto::parse_header(type, plain);
    if (!header) return;
    check(header->ciphertext.empty() == (type != crypto::MessageType::unanswered));
    check(header->kem_key.empty() == (type == crypto::MessageType::answered));
    std::array<std::byte, crypto::longest_ratchet_header> room;
    check(std::ranges::equal(crypto::write_header(*header, room), plain));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes message = fuzz::input(data, size);
    const auto parsed = crypto::parse_message(message);
    const auto kind = crypto::peek(message);
    check(parsed.has_value() == kind.has_value());
    if (!parsed) return 0;
    check(fuzz::inside(parsed->header, parsed->front) && fuzz::inside(parsed->sealed, message));
    check(parsed->front.size() + parsed->sealed.size() == size);
    check(kind->initial == parsed->initial.has_value());
    if (kind->initial) check(crypto::encode(kind->sender) == crypto::encode(parsed->initial->sender));
    const auto* initial = parsed->initial ? &*parsed->initial : nullptr;
    Buffer room(size);
    const Bytes outside = crypto::write_outside(parsed->type, initial, room);
    check(outside.size() + parsed->header.size() == parsed->front.size());
    check(std::ranges::equal(outside, message.first(outside.size())));
    inside(parsed->type, parsed->header.first(crypto::ratchet_header_size(parsed->type)));
    return 0;
}
