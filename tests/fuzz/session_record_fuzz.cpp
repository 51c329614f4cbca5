// Records of sessions: one that is taken is written again byte for byte, and what comes of it refuses and seals.
#include "crypto/session.h"
#include "fuzz/harness.h"
#include "support/random.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes record = fuzz::input(data, size);
    test::SeededRandom random(1);
    auto session = crypto::Session::restore(record, random);
    if (!session) return 0;
    check(std::ranges::equal(session->save().reveal(), record));
    check(!session->open(record));
    check(std::ranges::equal(session->save().reveal(), record));
    const bool can_seal = session->can_seal();
    const auto sealed = session->seal(as_bytes("text"), crypto::Step::fresh);
    check(can_seal || sealed.error() == Error::unknown_session);
    // The peer's key of a record that was changed may be one that no step can be taken with.
    check(!can_seal || (sealed ? sealed->stepped : sealed.error() == Error::bad_key));
    return 0;
}
