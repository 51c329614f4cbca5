// An account across restarts: what comes back, what never happens twice, and what does not leave unless it was written.
#include <doctest/doctest.h>

#include <set>

#include "call/kept_session.h"
#include "sotto/account.h"
#include "sotto/store_sqlite.h"
#include "support/fused_store.h"
#include "support/letters.h"
#include "support/temporary_folder.h"

using namespace sotto;
using namespace sotto::test;
using Failing = FailingStore::Failing;

namespace {

bool is_initial(Bytes message) { return message[1] == std::byte{1}; }

struct People {
    SeededRandom random{71};
    MemoryStore store;
    Account alice = open_to_everyone(random);
    Account bob = open_kept(store, random);
};

}  // namespace

TEST_CASE_FIXTURE(People, "an account opened again is the same device of the same person, and knows whom it knew") {
    const Buffer bundle = bob.bundle().value();
    REQUIRE(bob.contacts().meet("alice", alice.identity()));
    REQUIRE(bob.save());
    const Buffer list = alice.publish_devices().value();
    REQUIRE(bob.learn_devices(list));

    Account again = open_kept(store, random);
    CHECK_FALSE(again.rolled_back());
    CHECK(again.identity() == bob.identity());
    CHECK(again.device() == bob.device());
    CHECK(std::ranges::equal(again.seed()->reveal(), bob.seed()->reveal()));
    CHECK(again.contacts().find("alice"));
    CHECK(again.learn_devices(list).error() == Error::outdated);
    CHECK(again.one_time_prekeys_left() == bob.one_time_prekeys_left());
    talk(alice, again, bundle);  // handed out before
}

TEST_CASE_FIXTURE(People, "a secret of the client's is sealed with the rest, until another takes its place") {
    const auto of = [](std::string_view text) {
        SecretBuffer secret(text.size());
        std::ranges::copy(as_bytes(text), secret.fill().begin());
        return secret;
    };
    CHECK(bob.kept_for_client().value().size() == 0);
    CHECK(alice.keep_for_client(of("nowhere")).error() == Error::wrong_state);
    CHECK(bob.keep_for_client(SecretBuffer(65537)).error() == Error::too_large);
    const std::string words = "a session with a relay";
    REQUIRE(bob.keep_for_client(of(words)));
    const auto names = store.names("").value();
    for (const std::string& name : names) {
        const Buffer record = store.read(name).value().value();
        const std::string text(reinterpret_cast<const char*>(record.data()), record.size());
        CHECK_FALSE(text.contains(words));
    }
    Account again = open_kept(store, random);
    CHECK(std::ranges::equal(again.kept_for_client().value().reveal(), as_bytes(words)));
    REQUIRE(again.keep_for_client({}));
    CHECK(open_kept(store, random).kept_for_client().value().size() == 0);
}

TEST_CASE_FIXTURE(People, "whose call was accepted is known after a restart, and another device of theirs is told") {
    talk(alice, bob, bob.bundle().value());
    REQUIRE(bob.save());
    Account again = open_kept(store, random);
    DeviceRequest request = DeviceRequest::create(random);
    const Buffer certificate = alice.certify(request.key()).value();
    Account second = std::move(*Account::join(std::move(request), certificate, random));
    Call calling = dial(second, again.bundle().value());
    static_cast<void>(ring(again, signals_of(calling).at(0)));
    const auto event = again.event();
    REQUIRE(event);
    CHECK(std::get<DeviceAdded>(*event).device == second.device());
}

TEST_CASE_FIXTURE(People, "a prekey is handed out once and used once, whatever restarts between") {
    const auto one_time_of = [](Bytes bundle) { return to_buffer(bundle.last(32)); };
    std::set<Buffer> handed_out;
    for (int restart = 0; restart < 5; ++restart) {
        Account again = open_kept(store, random);
        for (int i = 0; i < 3; ++i) CHECK(handed_out.insert(one_time_of(again.bundle().value())).second);
    }
    const Buffer bundle = open_kept(store, random).bundle().value();
    Call calling = dial(alice, bundle);
    const Buffer offer = signals_of(calling).at(0);
    {
        Account used = open_kept(store, random);
        static_cast<void>(ring(used, offer));
    }
    Account again = open_kept(store, random);
    CHECK(again.receive(offer, now).error() == Error::replayed);
}

TEST_CASE_FIXTURE(People,
                  "after a restart a session opens what it is sent and answers, but our next call begins another") {
    const Buffer bobs = bob.bundle().value(), alices = alice.bundle().value();
    talk(alice, bob, bobs);
    Account again = open_kept(store, random);
    Call calling = dial(alice, bobs);
    const Buffer offer = signals_of(calling).at(0);
    CHECK_FALSE(is_initial(offer));
    Call ringing = ring(again, offer);
    REQUIRE(ringing.accept(quiet, now));
    for (const Buffer& signal : signals_of(ringing)) REQUIRE(alice.receive(signal, now));
    CHECK(calling.state() == CallState::active);

    ringing.hang_up(now);
    Call back = dial(again, alices);
    const Buffer first = signals_of(back).at(0);
    CHECK(is_initial(first));
    Call at_alice = ring(alice, first);
    REQUIRE(at_alice.accept(quiet, now));
    for (const Buffer& signal : signals_of(at_alice)) REQUIRE(again.receive(signal, now));
    CHECK(back.state() == CallState::active);
    back.hang_up(now);
    Call once_more = dial(again, alices);
    CHECK_FALSE(is_initial(signals_of(once_more).at(0)));
}

TEST_CASE_FIXTURE(People, "a message that comes late does not bring back a session that its peer may have lost") {
    const Buffer first_bundle = bob.bundle().value();
    Call calling = dial(alice, first_bundle);
    Call ringing = ring(bob, signals_of(calling).at(0));
    REQUIRE(ringing.accept(quiet, now));
    const Buffer late = signals_of(ringing).at(0);
    REQUIRE(bob.renew_prekeys());
    const Buffer second_bundle = bob.bundle().value();
    Call anew = dial(alice, second_bundle);
    REQUIRE(is_initial(signals_of(anew).at(0)));
    REQUIRE(alice.receive(late, now));
    calling.hang_up(now);
    // Neither the late answer nor what follows makes the first session the one we dial by.
    Call next = dial(alice, second_bundle);
    CHECK(is_initial(signals_of(next).at(0)));
}

TEST_CASE("what can't be written does not leave, and nothing is lost but its place") {
    for (const Failing at : {Failing::before, Failing::after, Failing::at_anchor}) {
        CAPTURE(static_cast<int>(at));
        SeededRandom random(72);
        MemoryStore memory;
        FailingStore store(memory);
        Account alice = open_to_everyone(random), bob = open_kept(store, random);
        const Buffer bobs = bob.bundle().value(), alices = alice.bundle().value();
        store.failing = at;
        CHECK(bob.bundle().error() == Error::io_failed);
        CHECK(bob.renew_prekeys().error() == Error::io_failed);
        CHECK(bob.dial(alice.identity(), alices, quiet, now).error() == Error::io_failed);
        Call calling = dial(alice, bobs);
        CHECK(bob.receive(signals_of(calling).at(0), now).error() == Error::io_failed);
        store.failing = Failing::nowhere;

        Call second = dial(alice, bobs);  // by the same session: its first message was taken, though nobody heard it
        Call ringing = ring(bob, signals_of(second).at(0));
        CHECK(signals_of(ringing).size() == 1);  // that it rings, which was written with the offer
        store.failing = at;
        CHECK(ringing.accept(quiet, now).error() == Error::io_failed);
        CHECK(ringing.state() == CallState::ringing);
        CHECK(signals_of(ringing).empty());
        store.failing = Failing::nowhere;
        REQUIRE(ringing.accept(quiet, now));
        for (const Buffer& signal : signals_of(ringing)) REQUIRE(alice.receive(signal, now));
        CHECK(second.state() == CallState::active);
    }
}

TEST_CASE_FIXTURE(People, "an older copy that was put back is told, and everybody is met anew") {
    talk(alice, bob, bob.bundle().value());
    const Buffer before = bob.bundle().value();
    MemoryStore copy = store;
    talk(alice, bob, bob.bundle().value());
    REQUIRE(copy.write_anchor(*store.read_anchor().value()));

    Account again = open_kept(copy, random);
    CHECK(again.rolled_back());
    CHECK(again.identity() == bob.identity());
    Call by_old_session = dial(alice, before);  // that bundle's prekeys are gone, and the session with them
    CHECK(again.receive(signals_of(by_old_session).at(0), now).error() == Error::unknown_session);
    by_old_session.hang_up(now);
    const Buffer fresh = again.bundle().value();
    talk(alice, again, fresh);
    talk(again, alice, alice.bundle().value());
    CHECK_FALSE(open_kept(copy, random).rolled_back());
}

TEST_CASE_FIXTURE(People, "an account of this moment can be kept, once and in an empty store, with its sessions") {
    const Buffer alices = alice.bundle().value();
    talk(bob, alice, alices);
    MemoryStore empty;
    CHECK(alice.keep_in(store, store_key(2)).error() == Error::foreign_store);
    CHECK(alice.keep_in(store, store_key(1)).error() == Error::wrong_state);
    REQUIRE(alice.keep_in(empty, store_key(2)));
    CHECK(alice.keep_in(empty, store_key(2)).error() == Error::wrong_state);
    auto again = Account::open(empty, store_key(2), random);
    REQUIRE(again);
    CHECK(again->identity() == alice.identity());
    Call calling = dial(bob, alices);
    const Buffer offer = signals_of(calling).at(0);
    CHECK_FALSE(is_initial(offer));
    static_cast<void>(ring(*again, offer));
}

TEST_CASE_FIXTURE(People, "a store that could not take an account gets nothing of it later, and may be tried again") {
    const Buffer alices = alice.bundle().value();
    talk(bob, alice, alices);
    REQUIRE(alice.contacts().meet("Bob", bob.identity()));
    MemoryStore memory;
    FailingStore failing(memory);
    REQUIRE(call::Ledger::open(failing, store_key(2), random));
    failing.failing = Failing::before;
    CHECK(alice.keep_in(failing, store_key(2)).error() == Error::io_failed);
    failing.failing = Failing::nowhere;
    talk(bob, alice, alices);
    CHECK(call::Ledger::open(failing, store_key(2), random)->sessions()->empty());
    REQUIRE(alice.keep_in(failing, store_key(2)));
    const auto again = Account::open(failing, store_key(2), random);
    REQUIRE(again);
    CHECK(again->identity() == alice.identity());
    CHECK(again->contacts() == alice.contacts());
}

TEST_CASE("wherever the power fails, and whatever old state comes back, no two messages are sealed under one key") {
    std::size_t sealed_in_all = 0;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        SeededRandom random(seed);
        const auto alices = crypto::Device::generate(crypto::Identity::generate(random), random);
        const auto bobs = crypto::Device::generate(crypto::Identity::generate(random), random);
        auto prekeys = crypto::PrekeyStore::generate(1, random);
        MemoryStore store;
        const auto ledger_of = [&](Store& at) {
            return std::make_shared<call::Ledger>(std::move(*call::Ledger::open(at, store_key(1), random)));
        };
        const call::SessionEntry entry{.device = bobs.key().key, .number = 0};
        call::KeptSession alice(std::move(*crypto::Session::initiate(alices, prekeys.publish(bobs), random)),
                                ledger_of(store), 0);
        // Whoever has a message's export secret has its key: they come of one call of the chain's function.
        std::set<Buffer> exported;
        const auto seal = [&](call::KeptSession& session, crypto::Step step) -> std::optional<Buffer> {
            auto sealed = session.seal(as_bytes("ring"), step);
            if (!sealed) return std::nullopt;
            CHECK(exported.insert(to_buffer(sealed->exported.reveal())).second);
            return std::move(sealed->message);
        };
        auto accepted = crypto::Session::accept(bobs, prekeys, *seal(alice, crypto::Step::fresh), random);
        REQUIRE(accepted);
        crypto::Session bob = std::move(accepted->session);
        std::vector<MemoryStore> copies{store};
        int restarts = 0;
        for (int i = 0; i < 120; ++i) {
            const auto step = random.chance(0.5) ? crypto::Step::fresh : crypto::Step::keep;
            if (random.chance(0.5)) {
                if (const auto message = seal(alice, step); message && random.chance(0.8)) {
                    static_cast<void>(bob.open(*message));
                }
            } else if (const auto sealed = bob.seal(as_bytes("yes"), step); sealed && random.chance(0.8)) {
                static_cast<void>(alice.open(sealed->message) && alice.keep());
            }
            if (random.chance(0.2)) copies.push_back(store);
            if (!random.chance(0.15)) continue;
            ++restarts;
            // Sometimes an older copy, with the anchor that was of it: nothing tells that it is old.
            if (random.chance(0.4)) store = copies[random.below(copies.size())];
            auto ledger = ledger_of(store);
            const auto record = ledger->get(entry);
            REQUIRE((record && *record));
            alice = call::KeptSession(*crypto::Session::restore((*record)->reveal(), random), std::move(ledger), 0);
        }
        CHECK(restarts > 5);
        sealed_in_all += exported.size();
    }
    CHECK(sealed_in_all > 200);
}

#ifdef SOTTO_SQLITE

namespace {

// Rings and gives up, twice; each message goes out by its length and its bytes.
void ring_twice(const std::string& path, Bytes bundle, Fuse& fuse, const std::function<void(std::uint8_t)>& send) {
    const auto file = open_sqlite_store(path);
    if (!file) std::abort();
    FusedStore store(**file, fuse);
    auto account = Account::open(store, store_key(1));
    if (!account || account->rolled_back()) std::abort();
    for (int i = 0; i < 2; ++i) {
        auto call = account->dial(*bundle_owner(bundle), bundle, quiet, now);
        if (!call) std::abort();
        call->hang_up(now);
        for (const Buffer& signal : signals_of(*call)) {
            send(static_cast<std::uint8_t>(signal.size() >> 8));
            send(static_cast<std::uint8_t>(signal.size()));
            for (const std::byte byte : signal) send(std::to_integer<std::uint8_t>(byte));
        }
    }
}

}  // namespace

TEST_CASE("an account whose process is killed at each write comes back, and every message that left is a new one") {
    const TemporaryFolder folder;
    const std::string path = folder.file("store");
    Account bob = open_to_everyone(system_random());
    std::optional<PublicIdentity> alice;
    int kills = 0, left = 0;
    for (int at = 0;; ++at) {
        CAPTURE(at);
        const Buffer bundle = bob.bundle().value();
        const Remains remains = run_apart([&](const auto& send) {
            Fuse fuse(at);
            ring_twice(path, bundle, fuse, send);
        });
        for (std::size_t place = 0; place + 2 <= remains.said.size();) {
            const std::size_t size = std::to_integer<std::size_t>(remains.said[place]) << 8 |
                                     std::to_integer<std::size_t>(remains.said[place + 1]);
            if (place + 2 + size > remains.said.size()) break;
            const Bytes message = Bytes(remains.said).subspan(place + 2, size);
            place += 2 + size;
            const auto received = bob.receive(message, now);
            // An offer rings; the hang-up after it finds no call, for nobody held it here. Neither was there before.
            const bool is_new = received ? received->has_value() : received.error() == Error::unknown_call;
            CHECK(is_new);
            ++left;
        }
        if (!remains.killed) break;
        ++kills;
        const auto file = open_sqlite_store(path);
        REQUIRE(file);
        auto again = Account::open(**file, store_key(1));
        REQUIRE(again);
        CHECK_FALSE(again->rolled_back());
        if (alice) CHECK(again->identity() == *alice);
        alice = again->identity();
    }
    CHECK(kills > 10);
    CHECK(left >= 4);  // those of the process that was through, at least
}

#endif
