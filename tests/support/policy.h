// For tests that are about something else than who may ring.
#pragma once

#include <cstdlib>

#include "sotto/account.h"

namespace sotto::test {

// Strangers ring here, as often as they like.
inline void let_everyone_ring(Account& account) {
    CallPolicy open{.who = WhoMayRing::everyone};
    open.limits.window = std::chrono::seconds(0);
    if (!account.set_policy(open)) std::abort();
}

inline Account open_to_everyone(Random& random) {
    Account account = Account::create(random);
    let_everyone_ring(account);
    return account;
}

}  // namespace sotto::test
