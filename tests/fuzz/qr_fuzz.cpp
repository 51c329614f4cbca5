// Scanned codes: of all inputs exactly one convinces, the code that the contact shows us.
#include "sotto/verification.h"

#include "fuzz/harness.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr PublicIdentity ours{{std::byte{1}}}, theirs{{std::byte{2}}};
    const Buffer genuine = qr_payload(theirs, ours);
    const Buffer scanned = fuzz::tampered(genuine, fuzz::input(data, size));
    check(check_qr(scanned, ours, theirs).has_value() == (scanned == genuine));
    return 0;
}
