// Prekey bundles: what is parsed encodes to the same bytes, and a changed bundle passes no check of its signatures.
#include "crypto/prekeys.h"

#include "fuzz/harness.h"
#include "support/random.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static test::SeededRandom random(1);
    static const auto device = crypto::Device::generate(crypto::Identity::generate(random), random);
    static const Buffer genuine = encode(crypto::PrekeyStore::generate(1, random).publish(device));
    const Buffer bytes = fuzz::tampered(genuine, fuzz::input(data, size));
    const auto bundle = crypto::parse_bundle(bytes);
    if (!bundle) return 0;
    check(crypto::encode(*bundle) == bytes);
    // The one-time prekey comes last and is not signed (PQXDH §3.2).
    constexpr std::size_t one_time_size = 4 + 32;
    const bool untouched = std::ranges::equal(Bytes(bytes).first(bytes.size() - (bundle->one_time ? one_time_size : 4)),
                                              Bytes(genuine).first(genuine.size() - one_time_size));
    const bool passes = crypto::check(*bundle).has_value();
    if (bundle->owner.identity == device.identity()) check(passes == untouched);
    return 0;
}
