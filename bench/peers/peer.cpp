#include "bench/peers/peer.h"

namespace sotto::bench {

std::vector<PeerLibrary> peer_libraries() {
    return {
#ifdef SOTTO_BENCH_OLM
        {"libolm", SOTTO_BENCH_OLM, meet_by_olm, 1.0 / 4},
#else
        {"libolm", "", nullptr, {}},
#endif
#ifdef SOTTO_BENCH_SIGNAL
        {"libsignal-protocol-c", SOTTO_BENCH_SIGNAL, meet_by_signal, {}},
#else
        {"libsignal-protocol-c", "", nullptr, {}},
#endif
    };
}

}  // namespace sotto::bench
