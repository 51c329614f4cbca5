// The vectors beside the worked example's, as tests/vectors/README.md describes them: written with SOTTO_REGENERATE in
// the environment, compared without.
#include <doctest/doctest.h>

#include "spec/example.h"
#include "spec/example_parties.h"
#include "spec/example_ratchet.h"

using namespace sotto;
using namespace sotto::crypto;
using namespace sotto::test;

namespace {

// Who seals and who opens what, as lists that a reader can follow without our code.
class Conversation {
  public:
    explicit Conversation(Example& example) {
        add_identities(example, parties_);
        const PrekeyBundle bundle = parties_.prekeys.publish(parties_.bobs_device);
        add_bundle(example, parties_, bundle);
        auto session = Session::initiate(parties_.alices_device, bundle, parties_.alices);
        REQUIRE(session);
        alice_ = std::make_unique<Session>(std::move(*session));
        add_pqxdh(example, parties_, bundle);
    }

    // The sealed message's place in the list of messages; its plaintext is its name.
    std::size_t seals(const std::string& who, const std::string& name, Step step = Step::keep) {
        auto sealed = session_of(who).seal(as_bytes(name), step);
        REQUIRE(sealed);
        events_.push_back({{"event", "seals"},
                           {"who", who},
                           {"asks for a step", step == Step::fresh},
                           {"stepped", sealed->stepped},
                           {"plaintext", to_hex(as_bytes(name))},
                           {"export secret", to_hex(sealed->exported.reveal())},
                           {"message", to_hex(sealed->message)}});
        sealed_.push_back(std::move(*sealed));
        return sealed_.size() - 1;
    }

    void opens(const std::string& who, std::size_t message) {
        const auto opened = open(who, sealed_[message].message);
        REQUIRE(opened);
        CHECK(std::ranges::equal(opened->exported.reveal(), sealed_[message].exported.reveal()));
        events_.push_back({{"event", "opens"}, {"who", who}, {"message", message}});
    }

    void refuses(const std::string& who, std::size_t message, Error error) {
        expect_refusal(who, sealed_[message].message, error);
        events_.push_back({{"event", "refuses"}, {"who", who}, {"message", message}, {"error", name(error)}});
    }

    // With the lowest bit of its last byte changed.
    void refuses_changed(const std::string& who, std::size_t message, Error error) {
        Buffer changed = sealed_[message].message;
        changed.back() ^= std::byte{1};
        expect_refusal(who, changed, error);
        events_.push_back({{"event", "refuses"},
                           {"who", who},
                           {"message", message},
                           {"error", name(error)},
                           {"changed", "last byte ^ 1"}});
    }

    nlohmann::ordered_json&& events() { return std::move(events_); }

  private:
    Session& session_of(const std::string& who) { return who == "Alice" ? *alice_ : *bob_; }

    // Bob's session begins with the first message that he opens.
    Result<Opened> open(const std::string& who, Bytes message) {
        if (who == "Alice" || bob_) return session_of(who).open(message);
        auto accepted = Session::accept(parties_.bobs_device, parties_.prekeys, message, parties_.bobs);
        if (!accepted) return Failure(accepted.error());
        bob_ = std::make_unique<Session>(std::move(accepted->session));
        return std::move(accepted->first);
    }

    void expect_refusal(const std::string& who, Bytes message, Error error) {
        const auto opened = open(who, message);
        REQUIRE_FALSE(opened);
        CHECK(name(opened.error()) == name(error));
    }

    Parties parties_;
    std::unique_ptr<Session> alice_, bob_;
    std::vector<Sealed> sealed_;
    nlohmann::ordered_json events_ = nlohmann::ordered_json::array();
};

}  // namespace

TEST_CASE("the vectors hold PQXDH without one-time prekeys, by the last-resort KEM prekey") {
    Parties parties;
    parties.prekeys.publish(parties.bobs_device);  // the only pair of one-time prekeys goes to somebody else
    const PrekeyBundle bundle = parties.prekeys.publish(parties.bobs_device);
    REQUIRE_FALSE(bundle.one_time);

    Example example;
    add_identities(example, parties);
    add_bundle(example, parties, bundle);
    auto session = Session::initiate(parties.alices_device, bundle, parties.alices);
    REQUIRE(session);
    RatchetSide alice{.letter = "A", .random = parties.alices, .begun = Parties::alices_first + 2};
    RatchetSide bob{.letter = "B", .random = parties.bobs};
    ExampleRatchet ratchet(add_pqxdh(example, parties, bundle), parties, bundle, alice, bob);
    example.section("Alice's first message");
    const Sealed first = ratchet.seal(example, *session, alice, bob, as_bytes("first"), Step::fresh);

    const auto accepted = Session::accept(parties.bobs_device, parties.prekeys, first.message, parties.bobs);
    REQUIRE(accepted);
    CHECK(accepted->first.plaintext == to_buffer(as_bytes("first")));
    vectors_hold("pqxdh_without_one_time.json", example);
}

TEST_CASE("the vectors hold a conversation whose messages come late, early, twice and damaged, across steps") {
    Example example;
    Conversation talk(example);
    const auto a0 = talk.seals("Alice", "A0, 0"), a1 = talk.seals("Alice", "A0, 1");
    const auto a2 = talk.seals("Alice", "A0, 2"), a3 = talk.seals("Alice", "A0, 3");
    talk.refuses_changed("Bob", a2, Error::forged);  // and spends no prekey
    talk.opens("Bob", a2);
    talk.opens("Bob", a0);
    talk.refuses("Bob", a2, Error::replayed);
    talk.refuses("Bob", a0, Error::replayed);
    const auto b0 = talk.seals("Bob", "B0, 0"), b1 = talk.seals("Bob", "B0, 1", Step::fresh);  // not answered: no step
    talk.refuses_changed("Alice", b1, Error::forged);
    talk.opens("Alice", b1);
    const auto late = talk.seals("Alice", "A0, 4");  // answered: type 3
    const auto a5 = talk.seals("Alice", "A1, 0", Step::fresh), a6 = talk.seals("Alice", "A1, 1");
    talk.opens("Bob", a6);  // the step comes with whichever is first; PN says that A0 had five
    talk.opens("Bob", late);
    talk.opens("Bob", a1);
    talk.refuses_changed("Bob", a3, Error::forged);  // which does not spend its key
    talk.opens("Bob", a3);
    talk.refuses("Bob", a3, Error::replayed);
    const auto b2 = talk.seals("Bob", "B1, 0", Step::fresh);
    talk.opens("Alice", b2);
    talk.opens("Alice", b0);
    talk.refuses("Alice", b0, Error::replayed);
    talk.opens("Bob", a5);
    const auto a7 = talk.seals("Alice", "A2, 0", Step::fresh);
    talk.refuses("Alice", a7, Error::unknown_session);  // one's own
    talk.opens("Bob", a7);
    example.list("Events", talk.events());
    vectors_hold("ratchet_out_of_order.json", example);
}
