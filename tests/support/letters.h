// Calls of two accounts by their letters alone, without media: dialled, rung, answered.
#pragma once

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "sotto/account.h"
#include "support/policy.h"
#include "support/store.h"

namespace sotto::test {

constexpr Instant now{};
inline const CallSettings quiet{.video = false};

// Lets everyone ring, when it is new.
inline Account open_kept(Store& store, Random& random) {
    auto account = Account::open(store, store_key(1), random);
    REQUIRE(account);
    if (account->policy() == CallPolicy{}) let_everyone_ring(*account);
    return std::move(*account);
}

inline std::vector<Buffer> signals_of(Call& call) {
    std::vector<Buffer> signals;
    while (const auto out = call.poll(now)) {
        if (const auto* signal = std::get_if<Signal>(&*out)) signals.push_back(to_buffer(signal->bytes));
    }
    return signals;
}

inline Call dial(Account& from, Bytes bundle) {
    auto call = from.dial(*bundle_owner(bundle), bundle, quiet, now);
    REQUIRE(call);
    return std::move(*call);
}

inline Call ring(Account& at, Bytes offer) {
    auto call = at.receive(offer, now);
    REQUIRE((call && *call));
    return std::move(**call);
}

// A whole call, from the bundle to the end.
inline void talk(Account& caller, Account& callee, Bytes bundle) {
    Call calling = dial(caller, bundle);
    Call ringing = ring(callee, signals_of(calling).at(0));
    REQUIRE(ringing.accept(quiet, now));
    for (const Buffer& signal : signals_of(ringing)) REQUIRE(caller.receive(signal, now));
    CHECK(calling.state() == CallState::active);
    for (const Buffer& signal : signals_of(calling)) REQUIRE(callee.receive(signal, now));
    CHECK(ringing.short_auth() == calling.short_auth());
    calling.hang_up(now);
    for (const Buffer& signal : signals_of(calling)) REQUIRE(callee.receive(signal, now));
    CHECK(ringing.state() == CallState::ended);
}

}  // namespace sotto::test
