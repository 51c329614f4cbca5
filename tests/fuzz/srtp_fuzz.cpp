// SRTP and SRTCP: no foreign packet opens, under no key, and the genuine one still does, once.
#include "fuzz/srtp_pair.h"

using namespace sotto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes plan = fuzz::input(data, size);
    fuzz::SrtpPair pair;
    for (int i = 0; i < 3; ++i) {
        pair.exchange_rtp(plan);
        pair.exchange_rtcp(plan);
        pair.turn();
    }
    return 0;
}
