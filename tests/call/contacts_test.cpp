// Names and the identities they stand for: nothing is trusted anew without the client's decision.
#include "sotto/contacts.h"

#include <doctest/doctest.h>

#include "sotto/account.h"
#include "sotto/verification.h"
#include "support/mutate.h"
#include "support/policy.h"

using namespace sotto;
using namespace sotto::test;

namespace {

constexpr Instant now{std::chrono::seconds(1000)};
constexpr CallSettings quiet{.video = false};

PublicIdentity identity(int n) {
    PublicIdentity made;
    made.key.fill(static_cast<std::byte>(n));
    return made;
}

const PublicIdentity us = identity(1), alice = identity(2), other = identity(3), third = identity(4);

// Alice is known, and was met again as somebody else.
Contacts with_change() {
    Contacts contacts(us);
    REQUIRE(contacts.meet("alice", alice));
    REQUIRE(contacts.mark_verified("alice"));
    REQUIRE(contacts.meet("alice", other).error() == Error::identity_changed);
    return contacts;
}

Buffer offer_of(Call& call) {
    const auto output = call.poll(now);
    return to_buffer(std::get<Signal>(*output).bytes);
}

struct Fixture {
    SeededRandom random{71};
    Account bob = open_to_everyone(random), alice_before = Account::create(random), alice_now = Account::create(random);

    Call rings_at_bob(Account& from) {
        auto call = from.dial(bob.identity(), *bob.bundle(), quiet, now);
        REQUIRE(call);
        auto ringing = bob.receive(offer_of(*call), now);
        REQUIRE((ringing && *ringing));
        return std::move(**ringing);
    }
};

}  // namespace

TEST_CASE("a name's first identity is remembered, unverified") {
    Contacts contacts(us);
    CHECK_FALSE(contacts.find("alice"));
    REQUIRE(contacts.meet("alice", alice));
    CHECK(contacts.find("alice") == Contact{alice, Trust::unverified});
    CHECK(contacts.meet("alice", alice));
    CHECK_FALSE(contacts.pending("alice"));
    CHECK(contacts.name_of(alice) == "alice");
    CHECK_FALSE(contacts.name_of(other));
}

TEST_CASE("another identity is refused until the client decides, and both safety numbers are told") {
    Contacts contacts = with_change();
    const auto change = contacts.pending("alice");
    REQUIRE(change);
    CHECK(change->remembered == alice);
    CHECK(change->met == other);
    CHECK(change->remembered_number == safety_number(us, alice));
    CHECK(change->met_number == safety_number(us, other));
    CHECK(contacts.find("alice") == Contact{alice, Trust::verified});
    CHECK(contacts.name_changing_to(other) == "alice");
    CHECK_FALSE(contacts.name_of(other));
    CHECK_FALSE(contacts.name_changing_to(alice));
    CHECK(contacts.meet("alice", other).error() == Error::identity_changed);
    CHECK(contacts.meet("alice", alice));  // she is still herself, and that decides nothing
    CHECK(contacts.pending("alice"));

    SUBCASE("keeping the old one: the new one is refused when it comes again") {
        REQUIRE(contacts.keep("alice"));
        CHECK_FALSE(contacts.pending("alice"));
        CHECK_FALSE(contacts.name_changing_to(other));
        CHECK(contacts.find("alice") == Contact{alice, Trust::verified});
        CHECK(contacts.meet("alice", other).error() == Error::identity_changed);
        CHECK(contacts.pending("alice"));
    }
    SUBCASE("trusting the new one: verification is lost, and the old one is the change now") {
        REQUIRE(contacts.trust_new("alice", other));
        CHECK_FALSE(contacts.pending("alice"));
        CHECK(contacts.find("alice") == Contact{other, Trust::unverified});
        CHECK(contacts.meet("alice", other));
        CHECK(contacts.meet("alice", alice).error() == Error::identity_changed);
    }
    SUBCASE("a decision names exactly the identity that is pending") {
        CHECK(contacts.trust_new("alice", alice).error() == Error::wrong_identity);
        CHECK(contacts.trust_new("alice", third).error() == Error::wrong_identity);
        REQUIRE(contacts.meet("alice", third).error() == Error::identity_changed);
        CHECK(contacts.trust_new("alice", other).error() == Error::wrong_identity);
        CHECK(contacts.find("alice")->identity == alice);
        CHECK(contacts.pending("alice")->met == third);
        REQUIRE(contacts.trust_new("alice", third));
        CHECK(contacts.trust_new("alice", third).error() == Error::wrong_identity);  // there is nothing to decide
    }
}

TEST_CASE("a contact is verified by its code, or by word once it is clear who it is") {
    Contacts contacts(us);
    REQUIRE(contacts.meet("alice", alice));
    CHECK(contacts.verify("alice", qr_payload(other, us)).error() == Error::wrong_identity);
    CHECK(contacts.verify("alice", qr_payload(alice, other)).error() == Error::wrong_identity);
    CHECK(contacts.verify("alice", {}).error() == Error::truncated);
    CHECK(contacts.find("alice")->trust == Trust::unverified);
    SUBCASE("by code") { REQUIRE(contacts.verify("alice", qr_payload(alice, us))); }
    SUBCASE("by word") {
        REQUIRE(contacts.meet("alice", other).error() == Error::identity_changed);
        CHECK(contacts.mark_verified("alice").error() == Error::identity_changed);
        CHECK(contacts.find("alice")->trust == Trust::unverified);
        REQUIRE(contacts.keep("alice"));
        REQUIRE(contacts.mark_verified("alice"));
    }
    CHECK(contacts.find("alice")->trust == Trust::verified);
    CHECK(contacts.meet("alice", alice));
    CHECK(contacts.find("alice")->trust == Trust::verified);
}

TEST_CASE("a name that nobody was met under has nothing to decide") {
    Contacts contacts(us);
    CHECK(contacts.trust_new("alice", alice).error() == Error::unavailable);
    CHECK(contacts.keep("alice").error() == Error::unavailable);
    CHECK(contacts.verify("alice", qr_payload(alice, us)).error() == Error::unavailable);
    CHECK(contacts.mark_verified("alice").error() == Error::unavailable);
    CHECK_FALSE(contacts.pending("alice"));
    CHECK(contacts == Contacts(us));
}

TEST_CASE("names are 1 to 255 bytes of UTF-8") {
    const std::string longest(255, 'a');
    for (const std::string& name : {std::string("+49 30 1234"), std::string("Zoë"), std::string("山田"),
                                    std::string("\xf4\x8f\xbf\xbf"), std::string("\xed\x9f\xbf"), longest}) {
        CAPTURE(name);
        Contacts contacts(us);
        CHECK(contacts.meet(name, alice));
        CHECK(Contacts::parse(contacts.encode()) == contacts);
    }
    // Empty, too long, a lone or missing continuation byte, overlong forms, a surrogate, above U+10FFFF (RFC 3629 §3).
    for (const std::string& name :
         {std::string(), longest + "a", std::string("\x80"), std::string("a\xc3"), std::string("\xe5\xb1"),
          std::string("\xe5\xb1z"), std::string("\xf0\x9f\x92z"), std::string("\xc0\xaf"), std::string("\xc1\xbf"),
          std::string("\xe0\x9f\xbf"), std::string("\xf0\x8f\xbf\xbf"), std::string("\xed\xa0\x80"),
          std::string("\xf4\x90\x80\x80"), std::string("\xf5\x80\x80\x80"), std::string("\xff")}) {
        CAPTURE(to_hex(as_bytes(name)));
        Contacts contacts(us);
        CHECK(contacts.meet(name, alice).error() == Error::invalid_argument);
        CHECK(contacts.keep(name).error() == Error::invalid_argument);
        CHECK(contacts == Contacts(us));
    }
}

TEST_CASE("two names may stand for one identity, and a contact's own identity is nobody's change") {
    Contacts contacts(us);
    REQUIRE(contacts.meet("work", alice));
    REQUIRE(contacts.meet("alice", alice));
    CHECK(contacts.name_of(alice) == "alice");
    REQUIRE(contacts.meet("bob", other));
    REQUIRE(contacts.meet("bob", alice).error() == Error::identity_changed);  // the directory gives hers for his
    CHECK(contacts.name_of(alice) == "alice");
    CHECK_FALSE(contacts.name_changing_to(alice));
    CHECK(contacts.pending("bob")->met == alice);
}

TEST_CASE("a forgotten name stands for nobody, and is met anew, unverified") {
    Contacts contacts = with_change();
    REQUIRE(contacts.meet("zoe", third));
    CHECK(contacts.names() == std::vector<std::string>{"alice", "zoe"});
    CHECK(contacts.forget("alice"));
    CHECK(contacts.names() == std::vector<std::string>{"zoe"});
    CHECK_FALSE(contacts.find("alice"));
    CHECK_FALSE(contacts.pending("alice"));
    CHECK_FALSE(contacts.name_of(alice));
    CHECK(contacts.forget("alice").error() == Error::unavailable);
    CHECK(contacts.forget("").error() == Error::invalid_argument);
    CHECK(contacts.meet("alice", other));
    CHECK(contacts.find("alice") == Contact{other, Trust::unverified});
}

TEST_CASE("what is stored comes back whole, decisions that are still open included") {
    Contacts contacts = with_change();
    REQUIRE(contacts.meet("bob", third));
    REQUIRE(contacts.meet("Zoë", alice));
    const Buffer stored = contacts.encode();
    const auto again = Contacts::parse(stored);
    REQUIRE(again);
    CHECK(*again == contacts);
    CHECK(again->ours() == us);
    CHECK(again->pending("alice")->met == other);
    CHECK(again->encode() == stored);
    CHECK(Contacts::parse(Contacts(us).encode()) == Contacts(us));
}

TEST_CASE("a stored form that is cut, lengthened or against its rules is refused whole") {
    Contacts contacts = with_change();
    REQUIRE(contacts.meet("bob", third));
    const Buffer stored = contacts.encode();
    for (std::size_t size = 0; size < stored.size(); ++size) {
        CAPTURE(size);
        CHECK(Contacts::parse(Bytes(stored).first(size)).error() == Error::truncated);
    }
    const auto refused = [&](auto change) {
        Buffer changed = stored;
        change(changed);
        const auto parsed = Contacts::parse(changed);
        return parsed ? std::optional<Error>() : parsed.error();
    };
    // version, ours, n, then: size, "alice", identity, flags, pending; size, "bob", identity, flags
    constexpr std::size_t first = 1 + 32 + 4, flags = first + 1 + 5 + 32, second = flags + 1 + 32;
    CHECK(refused([](Buffer& b) { b.push_back({}); }) == Error::malformed);
    CHECK(refused([](Buffer& b) { b[0] = std::byte{2}; }) == Error::unsupported_version);
    CHECK(refused([](Buffer& b) { b[36] = std::byte{1}; }) == Error::malformed);
    CHECK(refused([](Buffer& b) { b[33] = std::byte{0xff}; }) == Error::truncated);
    CHECK(refused([](Buffer& b) { b[flags] |= std::byte{4}; }) == Error::malformed);
    CHECK(refused([](Buffer& b) { b[first + 1] = std::byte{0xff}; }) == Error::malformed);  // not UTF-8
    CHECK(refused([](Buffer& b) { b[first + 1] = std::byte{'c'}; }) == Error::malformed);   // not ascending
    CHECK(refused([](Buffer& b) { std::ranges::fill_n(b.begin() + flags + 1, 32, std::byte{2}); }) ==
          Error::malformed);  // a change to the same identity
    CHECK(refused([](Buffer& b) {
              b[second] = std::byte{0};
              b.erase(b.begin() + second + 1, b.begin() + second + 4);
          }) == Error::malformed);  // an empty name
    const auto repeated = refused([](Buffer& b) {
        const Buffer again(b.begin() + second, b.end());
        b.insert(b.end(), again.begin(), again.end());
        b[36] = std::byte{3};
    });
    CHECK(repeated == Error::malformed);
}

TEST_CASE("changed bits in storage are refused or come back as they are read") {
    SeededRandom random(72);
    const Buffer stored = with_change().encode();
    for (int i = 0; i < 2000; ++i) {
        const Buffer changed = flipped(stored, random);
        CAPTURE(to_hex(changed));
        const auto parsed = Contacts::parse(changed);
        if (parsed) CHECK(parsed->encode() == changed);
    }
}

TEST_CASE_FIXTURE(Fixture, "dialling a name remembers its identity, and refuses another one until the client decides") {
    CHECK(bob.dial("alice", *alice_before.bundle(), quiet, now));
    CHECK(bob.contacts().find("alice") == Contact{alice_before.identity(), Trust::unverified});
    CHECK(bob.dial("alice", *alice_before.bundle(), quiet, now)->peer_name() == "alice");
    for (int i = 0; i < 2; ++i) {
        CHECK(bob.dial("alice", *alice_now.bundle(), quiet, now).error() == Error::identity_changed);
        CHECK(bob.contacts().pending("alice")->met == alice_now.identity());
    }
    CHECK(bob.dial("alice", *alice_before.bundle(), quiet, now));
    REQUIRE(bob.contacts().trust_new("alice", alice_now.identity()));
    const auto call = bob.dial("alice", *alice_now.bundle(), quiet, now);
    REQUIRE(call);
    CHECK(call->peer() == alice_now.identity());
    CHECK(bob.dial("alice", *alice_before.bundle(), quiet, now).error() == Error::identity_changed);
}

TEST_CASE_FIXTURE(Fixture, "a bundle that does not verify, or a name that is none, leaves nothing behind") {
    Buffer forged = *alice_now.bundle();
    forged[200] ^= std::byte{1};
    CHECK_FALSE(bob.dial("alice", forged, quiet, now));
    CHECK(bob.dial("", *alice_now.bundle(), quiet, now).error() == Error::invalid_argument);
    CHECK(bob.contacts() == Contacts(bob.identity()));
    REQUIRE(bob.dial("alice", *alice_before.bundle(), quiet, now));
    CHECK_FALSE(bob.dial("alice", forged, quiet, now));
    CHECK_FALSE(bob.contacts().pending("alice"));
}

TEST_CASE_FIXTURE(Fixture, "a ringing call has a name only if it comes from the identity that the name stands for") {
    Call unknown = rings_at_bob(alice_before);
    CHECK_FALSE(unknown.peer_name());
    CHECK_FALSE(unknown.changed_contact());
    REQUIRE(bob.contacts().meet("alice", alice_before.identity()));
    CHECK(unknown.peer_name() == "alice");  // told as it is now
    Call known = rings_at_bob(alice_before);
    CHECK(known.peer_name() == "alice");
    CHECK(known.accept(quiet, now));
}

TEST_CASE_FIXTURE(Fixture, "a call from a contact's new identity is shown as that, and can't be accepted undecided") {
    REQUIRE(bob.contacts().meet("alice", alice_before.identity()));
    REQUIRE(bob.dial("alice", *alice_now.bundle(), quiet, now).error() == Error::identity_changed);
    Call call = rings_at_bob(alice_now);
    CHECK_FALSE(call.peer_name());
    CHECK(call.changed_contact() == "alice");
    CHECK(call.accept(quiet, now).error() == Error::identity_changed);
    CHECK(call.state() == CallState::ringing);
    CHECK(rings_at_bob(alice_before).accept(quiet, now));  // whom the name stands for can still be answered
    SUBCASE("trusted: it is a call from the contact") {
        REQUIRE(bob.contacts().trust_new("alice", alice_now.identity()));
        CHECK(call.peer_name() == "alice");
    }
    SUBCASE("not trusted: it is a stranger's") {
        REQUIRE(bob.contacts().keep("alice"));
        CHECK_FALSE(call.peer_name());
    }
    CHECK_FALSE(call.changed_contact());
    CHECK(call.accept(quiet, now));
}

TEST_CASE_FIXTURE(Fixture, "declining a call from a contact's new identity needs no decision") {
    REQUIRE(bob.contacts().meet("alice", alice_before.identity()));
    REQUIRE_FALSE(bob.contacts().meet("alice", alice_now.identity()));
    Call call = rings_at_bob(alice_now);
    call.hang_up(now);
    CHECK(call.state() == CallState::ended);
    CHECK(bob.contacts().pending("alice"));
}

TEST_CASE_FIXTURE(Fixture, "contacts are restored from storage into the account they are of, for ringing calls too") {
    REQUIRE(bob.contacts().meet("alice", alice_before.identity()));
    const Buffer stored = bob.contacts().encode();
    Account again = Account::restore(*bob.seed(), random);
    let_everyone_ring(again);
    CHECK_FALSE(again.contacts().find("alice"));
    auto call = alice_before.dial(again.identity(), *again.bundle(), quiet, now);
    REQUIRE(call);
    auto ringing = again.receive(offer_of(*call), now);
    REQUIRE((ringing && *ringing));
    REQUIRE(again.restore_contacts(*Contacts::parse(stored)));
    CHECK(again.contacts() == bob.contacts());
    CHECK((*ringing)->peer_name() == "alice");
    CHECK(alice_now.restore_contacts(*Contacts::parse(stored)).error() == Error::wrong_identity);
    CHECK(alice_now.contacts() == Contacts(alice_now.identity()));
}
