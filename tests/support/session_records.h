// Records of sessions in every state.
#pragma once

#include <vector>

#include "support/session_pair.h"

namespace sotto::test {

// A session in each state that there is, with skipped keys in the present chain and in past ones where it can.
inline std::vector<Buffer> records(SessionPair& pair) {
    std::vector<Buffer> all{saved(pair.alice()), saved(pair.bob())};  // before any reply; nothing said yet
    const InFlight reply = send(pair.bob(), "answer");
    all.push_back(saved(pair.bob()));
    arrives(pair.alice(), reply);
    all.push_back(saved(pair.alice()));
    for (int turn = 0; turn < 9; ++turn) {
        for (crypto::Session* from : {&pair.alice(), &pair.bob()}) {
            static_cast<void>(send(*from, "lost"));
            const InFlight flight = send(*from, "step");
            all.push_back(saved(*from));
            crypto::Session& to = from == &pair.alice() ? pair.bob() : pair.alice();
            arrives(to, flight);
            all.push_back(saved(to));
        }
    }
    return all;
}

}  // namespace sotto::test
