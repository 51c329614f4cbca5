// Stored capabilities: what is restored encodes to exactly the bytes it came as, and gives, takes back and takes.
#include "call/capabilities.h"
#include "fuzz/harness.h"
#include "support/random.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes stored = fuzz::input(data, size);
    auto restored = call::Capabilities::restore(stored);
    if (!restored) return 0;
    check(std::ranges::equal(restored->encode().reveal(), stored));
    test::SeededRandom random(1);
    constexpr PublicIdentity person{{std::byte{2}}};
    const std::size_t before = restored->hashes().size();
    const bool had = restored->state(person) == CapabilityState::live;
    if (!restored->give(person, random)) return 0;
    check(restored->hashes().size() == before + (had ? 0 : 1));
    check(restored->revoke(person) && restored->state(person) == CapabilityState::revoked);
    restored->withdraw_all();
    check(restored->hashes().empty());
    return 0;
}
