// An offer and the word that it rings: written at once, said once.
#include <doctest/doctest.h>

#include "sotto/account.h"
#include "sotto/store_sqlite.h"
#include "support/fused_store.h"
#include "support/letters.h"
#include "support/temporary_folder.h"

using namespace sotto;
using namespace sotto::test;

TEST_CASE("an offer and the word that it rings are written at once, before either is of use") {
    SeededRandom random(73);
    MemoryStore memory;
    CountingStore store(memory);
    Account alice = open_to_everyone(random), bob = open_kept(store, random);
    const Buffer bundle = bob.lasting_bundle();
    Call first = dial(alice, bundle);
    for (int i = 0; i < 3; ++i) {
        CAPTURE(i);
        Call calling = i == 0 ? std::move(first) : dial(alice, bundle);
        const Buffer offer = signals_of(calling).at(0);
        const int before = store.commits;
        Call ringing = ring(bob, offer);
        CHECK(store.commits == before + 1);
        // Whoever comes back from what was written neither opens the offer again nor seals by that chain.
        MemoryStore copy = memory;
        Account again = open_kept(copy, random);
        CHECK(again.receive(offer, now).error() == Error::replayed);
        const auto said = signals_of(ringing);
        REQUIRE(said.size() == 1);
        CHECK(store.commits == before + 1);
        REQUIRE(alice.receive(said[0], now));
        CHECK(calling.state() == CallState::alerting);
        ringing.hang_up(now);
        for (const Buffer& signal : signals_of(ringing)) REQUIRE(alice.receive(signal, now));
        CHECK(calling.state() == CallState::ended);
    }
}

TEST_CASE("a call that its client never looks at says nothing, and the next message opens all the same") {
    SeededRandom random(74);
    Account alice = open_to_everyone(random), bob = open_to_everyone(random);
    const Buffer bundle = bob.lasting_bundle();
    Call unseen = dial(alice, bundle);
    {
        Call dropped = ring(bob, signals_of(unseen).at(0));
    }
    Call given_up = dial(alice, bundle);
    const Buffer offer = signals_of(given_up).at(0);
    given_up.hang_up(now);
    Call late = ring(bob, offer);
    for (const Buffer& signal : signals_of(given_up)) REQUIRE(bob.receive(signal, now));
    CHECK(signals_of(late).empty());
    talk(alice, bob, bundle);
}

namespace {

// One of the commits to come fails.
class OnceFailing final : public PassingStore {
  public:
    using PassingStore::PassingStore;
    int until = 0;  // 1: the next

    Result<void> commit(std::span<const Change> changes) override {
        if (until > 0 && --until == 0) return Failure(Error::io_failed);
        return inner_.commit(changes);
    }
};

}  // namespace

TEST_CASE("of two who dial each other at once both calls end if the answer can't be written") {
    int yielded = 0;
    for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U, 6U}) {
        CAPTURE(seed);
        SeededRandom random(seed);
        MemoryStore memory;
        OnceFailing store(memory);
        Account alice = open_to_everyone(random), bob = open_kept(store, random);
        Call first = dial(alice, bob.lasting_bundle()), second = dial(bob, alice.lasting_bundle());
        if (second.id() < first.id()) continue;  // then it is Alice who answers
        const Buffer offer = signals_of(first).at(0);
        static_cast<void>(signals_of(second));
        store.until = 2;  // the offer is written, the answer is not
        CHECK(bob.receive(offer, now).error() == Error::io_failed);
        CHECK(store.until == 0);
        CHECK(second.state() == CallState::ended);
        for (const Buffer& signal : signals_of(second)) CHECK(alice.receive(signal, now));
        CHECK(first.state() == CallState::ended);
        talk(alice, bob, bob.lasting_bundle());
        ++yielded;
    }
    CHECK(yielded > 0);
}

#ifdef SOTTO_SQLITE

TEST_CASE("a callee whose process is killed at each write says that it rings only what it will not open again") {
    SeededRandom random(75);
    int kills = 0, left = 0, again_rang = 0;
    for (int at = 0;; ++at) {
        CAPTURE(at);
        const TemporaryFolder folder;
        const std::string path = folder.file("store");
        Account alice = open_to_everyone(random);
        Buffer bundle;
        {
            const auto file = open_sqlite_store(path);
            REQUIRE(file);
            bundle = open_kept(**file, system_random()).lasting_bundle();
        }
        Call calling = dial(alice, bundle);
        const Buffer offer = signals_of(calling).at(0);
        const Remains remains = run_apart([&](const auto& send) {
            const auto file = open_sqlite_store(path);
            if (!file) std::abort();
            Fuse fuse(at);
            FusedStore store(**file, fuse);
            auto account = Account::open(store, store_key(1));
            if (!account) std::abort();
            auto call = account->receive(offer, now);
            if (call && *call) send(static_cast<std::uint8_t>(signals_of(**call).size()));
        });
        const auto file = open_sqlite_store(path);
        REQUIRE(file);
        auto again = Account::open(**file, store_key(1));
        REQUIRE(again);
        const auto received = again->receive(offer, now);
        const bool rang = !remains.said.empty();
        CHECK((received || received.error() == Error::replayed));
        if (rang) CHECK_FALSE(received);
        left += rang ? 1 : 0;
        again_rang += received ? 1 : 0;
        if (!remains.killed) break;
        ++kills;
    }
    CHECK(kills > 3);
    CHECK(left >= 1);
    CHECK(again_rang >= 1);  // killed before it was written
}

#endif
