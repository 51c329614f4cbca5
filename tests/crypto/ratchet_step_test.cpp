// When a session steps, what its messages carry until the step is answered, and what a step heals.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "crypto/header.h"
#include "crypto/ratchet.h"
#include "crypto/root_chain.h"
#include "support/session_pair.h"

using namespace sotto;
using namespace sotto::crypto;
using namespace sotto::test;

namespace {

constexpr std::size_t signal_bytes = 256;

MessageType type_of(const InFlight& flight) { return parse_message(flight.message)->type; }

std::size_t message_size(MessageType type, std::size_t plaintext) { return front_size(type) + plaintext + 16; }

InFlight send_signal(Session& from, Step step) { return send(from, std::string(signal_bytes, '.'), step); }

struct StepInputs {
    RootKey root;
    DhSecret dh;
    Encapsulated kem;
    X25519Public sender, receiver;
    RootStep step(bool with_kem = true) const {
        return root_step(root, dh, with_kem ? &kem : nullptr, sender, receiver);
    }
};

// Root key, chain key and header key, to compare.
std::array<Buffer, 3> outputs(const RootStep& step) {
    return {to_buffer(step.root.reveal()), to_buffer(step.chain.reveal()), to_buffer(step.next_header.reveal())};
}

}  // namespace

TEST_CASE(
    "a root step depends on every input: on the X25519 secret alone, on the ML-KEM secret alone, on each public key") {
    SeededRandom random(51);
    StepInputs inputs;
    random.fill(inputs.root.fill());
    random.fill(inputs.dh.fill());
    random.fill(inputs.kem.secret.fill());
    random.fill(inputs.kem.ciphertext.bytes);
    random.fill(inputs.sender.bytes);
    random.fill(inputs.receiver.bytes);
    std::vector<std::array<Buffer, 3>> seen{outputs(inputs.step()), outputs(inputs.step(false))};
    const auto change = [&](MutableBytes input) {
        input.front() ^= std::byte{1};
        seen.push_back(outputs(inputs.step()));
        input.front() ^= std::byte{1};
    };
    change(inputs.root.fill());
    change(inputs.dh.fill());
    change(inputs.kem.secret.fill());
    change(inputs.kem.ciphertext.bytes);
    change(inputs.sender.bytes);
    change(inputs.receiver.bytes);
    CHECK(outputs(inputs.step()) == seen.front());
    std::vector<Buffer> all;
    for (const auto& keys : seen) all.insert(all.end(), keys.begin(), keys.end());
    std::ranges::sort(all);
    CHECK(std::ranges::adjacent_find(all) == all.end());
}

TEST_CASE("the KEM half of a step goes with each message until the step is answered, and never after") {
    SessionPair pair(52);
    const InFlight initial = send_signal(pair.alice(), Step::fresh);
    CHECK(type_of(initial) == MessageType::initial);
    CHECK(initial.message.size() == message_size(MessageType::initial, signal_bytes));
    CHECK(initial.message.size() == 2 + initial_header_size + 1264 + signal_bytes + 16);
    arrives(pair.bob(), initial);

    const InFlight lost = send_signal(pair.bob(), Step::fresh), reply = send_signal(pair.bob(), Step::fresh);
    for (const InFlight& flight : {lost, reply}) {
        CHECK(type_of(flight) == MessageType::unanswered);
        CHECK(flight.message.size() == 2626);
    }
    CHECK(type_of(send_signal(pair.alice(), Step::keep)) == MessageType::initial);
    arrives(pair.alice(), reply);
    const InFlight after = send_signal(pair.alice(), Step::keep);
    CHECK(type_of(after) == MessageType::answered);
    CHECK(after.message.size() == 354);
    arrives(pair.bob(), after);

    // That was still of the chain that Bob has answered; his own is answered by Alice's next step alone.
    CHECK(type_of(send_signal(pair.bob(), Step::keep)) == MessageType::unanswered);
    const InFlight step = send_signal(pair.alice(), Step::fresh);
    CHECK(type_of(step) == MessageType::unanswered);
    arrives(pair.bob(), step);
    CHECK(type_of(send_signal(pair.bob(), Step::keep)) == MessageType::answered);
}

TEST_CASE("the initiator goes on with initial messages, however many, until the first reply has opened") {
    SessionPair pair(53);
    for (int i = 0; i < 150; ++i) {
        const InFlight flight = send(pair.alice(), "are you there?", i % 2 == 0 ? Step::fresh : Step::keep);
        CHECK(type_of(flight) == MessageType::initial);
        CHECK_FALSE(flight.stepped);
        arrives(pair.bob(), flight);
    }
    CHECK(pair.alice().sealed_unanswered() == 151);
}

TEST_CASE(
    "a side steps when it is asked to and its chain is answered, and otherwise it goes on in the chain there is") {
    SessionPair pair(54);
    const InFlight first = send(pair.bob(), "the first has to", Step::keep);
    CHECK(first.stepped);
    CHECK_FALSE(send(pair.bob(), "not answered", Step::fresh).stepped);
    CHECK(pair.bob().sealed_unanswered() == 2);
    arrives(pair.alice(), first);
    CHECK(pair.alice().sealed_unanswered() == 0);
    CHECK_FALSE(send(pair.alice(), "not asked", Step::keep).stepped);
    const InFlight asked = send(pair.alice(), "asked", Step::fresh);
    CHECK(asked.stepped);
    CHECK(pair.alice().sealed_unanswered() == 1);
    CHECK_FALSE(send(pair.alice(), "asked again", Step::fresh).stepped);
    CHECK_FALSE(send(pair.bob(), "in the answered chain? Not yet: nothing came", Step::fresh).stepped);
    arrives(pair.bob(), asked);
    CHECK(pair.bob().sealed_unanswered() == 0);
    CHECK(send(pair.bob(), "now", Step::fresh).stepped);
}

TEST_CASE(
    "an answered chain of a hundred messages ends in a step that nobody asked for, and an unanswered one goes on") {
    SessionPair pair(55);
    arrives(pair.alice(), send(pair.bob(), "answer"));
    // Alice sealed one so far.
    for (int i = 1; i < 100; ++i) CHECK_FALSE(send(pair.alice(), "on", Step::keep).stepped);
    CHECK(send(pair.alice(), "the hundred and first", Step::keep).stepped);
    for (int i = 1; i < 150; ++i) CHECK_FALSE(send(pair.alice(), "on", Step::keep).stepped);
}

TEST_CASE("no root key, header key or ratchet key of a session ever comes again, on either side") {
    SessionPair pair(56);
    std::vector<Buffer> keys;
    const auto note = [&](const Session& session) {
        const Buffer record = saved(session);
        const std::size_t root = 2 + 32 + 32 + 64 + (std::to_integer<unsigned>(record[1]) & 1U) * 32;
        const std::size_t next_sending_header = root + 32, ratchet_private = root + 3 * 32 + 4;
        for (const std::size_t at : {root, next_sending_header, ratchet_private}) {
            keys.push_back(to_buffer(Bytes(record).subspan(at, 32)));
        }
    };
    for (int turn = 0; turn < 20; ++turn) {
        Session& from = *pair.sides[(turn + 1) % 2];
        arrives(*pair.sides[turn % 2], send(from, "step"));
        note(from);  // the receiver's root is the same: one root chain
    }
    std::ranges::sort(keys);
    CHECK(std::ranges::adjacent_find(keys) == keys.end());
}

TEST_CASE("whoever copies a state reads its chain on, and nothing of what is sent after two fresh steps") {
    SessionPair pair(57);
    arrives(pair.alice(), send(pair.bob(), "answer"));
    arrives(pair.bob(), send(pair.alice(), "step"));
    SeededRandom thiefs(58);
    auto stolen = Session::restore(saved(pair.bob()), thiefs);
    REQUIRE(stolen);
    const InFlight before = send(pair.alice(), "still in the stolen chain", Step::keep);
    arrives(*stolen, before);
    arrives(pair.bob(), before);

    arrives(pair.alice(), send(pair.bob(), "a step by whom was stolen from"));
    const InFlight after = send(pair.alice(), "a step towards it");
    arrives(pair.bob(), after);
    refuses(*stolen, after.message, Error::unknown_session);
    for (int i = 0; i < 3; ++i) {
        const InFlight later = send(pair.alice(), "later", Step::keep);
        arrives(pair.bob(), later);
        refuses(*stolen, later.message, Error::unknown_session);
    }
    const InFlight other_way = send(pair.bob(), "later");
    arrives(pair.alice(), other_way);
    refuses(*stolen, other_way.message, Error::unknown_session);
}

TEST_CASE("private halves of ratchet keys are held until the peer has answered them, and wiped then") {
    SessionPair pair(59);
    const auto privates = [](const Session& session, std::size_t base_key) {
        return to_buffer(Bytes(saved(session)).subspan(2 + 32 + 32 + 64 + base_key + 3 * 32 + 4, 32 + 2400));
    };
    const auto holds = [](const Session& session, Bytes secret) {
        const Buffer record = saved(session);
        return !std::ranges::search(record, secret).empty();
    };
    const Buffer alices = privates(pair.alice(), 0);
    CHECK(holds(pair.alice(), alices));
    const InFlight reply = send(pair.bob(), "answer");
    const Buffer bobs = privates(pair.bob(), 32);
    arrives(pair.alice(), reply);
    for (const Bytes half : {Bytes(alices).first(32), Bytes(alices).subspan(32, 32)})
        CHECK_FALSE(holds(pair.alice(), half));

    const InFlight keep = send(pair.alice(), "in the answered chain", Step::keep);
    arrives(pair.bob(), keep);
    CHECK(holds(pair.bob(), bobs));
    arrives(pair.bob(), send(pair.alice(), "step"));
    for (const Bytes half : {Bytes(bobs).first(32), Bytes(bobs).subspan(32, 32)}) CHECK_FALSE(holds(pair.bob(), half));
}
