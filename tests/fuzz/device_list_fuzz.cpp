// Device lists: what is parsed encodes to the same bytes, and a changed list passes no check of its signatures.
#include "crypto/device.h"
#include "fuzz/harness.h"
#include "support/random.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static test::SeededRandom random(1);
    static const auto identity = crypto::Identity::generate(random);
    static const auto key = [] { return crypto::Device::generate(identity, random).key(); };
    static const Buffer genuine = encode(crypto::make_list(identity, 7, {key(), key(), key()}));
    const Buffer bytes = fuzz::tampered(genuine, fuzz::input(data, size));
    const auto list = crypto::parse_device_list(bytes);
    if (!list) return 0;
    check(crypto::encode(*list) == bytes);
    if (list->identity == identity.public_identity()) check(crypto::check(*list).has_value() == (bytes == genuine));
    return 0;
}
