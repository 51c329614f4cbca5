// Ratchet messages: header and ciphertext are the message, and its headers can be written again.
#include "crypto/header.h"
#include "crypto/session.h"
#include "fuzz/harness.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes message = fuzz::input(data, size);
    const auto parsed = crypto::parse_message(message);
    const auto kind = crypto::peek(message);
    check(parsed.has_value() == kind.has_value());
    if (!parsed) return 0;
    check(fuzz::inside(parsed->header, message) && fuzz::inside(parsed->sealed, message));
    check(parsed->header.size() + parsed->sealed.size() == size);
    check(kind->initial == parsed->initial.has_value());
    if (kind->initial) check(crypto::encode(kind->sender) == crypto::encode(parsed->initial->sender));
    const auto* initial = parsed->initial ? &*parsed->initial : nullptr;
    check(std::ranges::equal(crypto::write_headers(initial, parsed->ratchet, 0), parsed->header));
    return 0;
}
