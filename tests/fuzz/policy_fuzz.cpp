// A stored policy: what is restored encodes to exactly the bytes it came as, and decides whatever it says.
#include "call/doorkeeper.h"
#include "fuzz/harness.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes stored = fuzz::input(data, size);
    auto restored = call::Doorkeeper::restore(stored);
    if (!restored) return 0;
    check(std::ranges::equal(restored->encode(), stored));
    const PublicIdentity stranger{{std::byte{9}}};
    const Decision decision = restored->answer(stranger, Contacts({}), {});
    check((decision.verdict == Verdict::silence) == (restored->silenced().size() == 1));
    return 0;
}
