// Our cryptography on secrets that valgrind watches: no branch and no address may depend on one.
// usage: constant_time [LEAK]; with LEAK, only that deliberate leak, which valgrind must report.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "crypto/capability.h"
#include "crypto/chain.h"
#include "crypto/media_keys.h"
#include "crypto/primitives.h"
#include "crypto/session.h"
#include "crypto/short_auth.h"
#include "ct/taint.h"

using namespace sotto;
using namespace sotto::crypto;
using namespace sotto::ct;

namespace {

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "constant_time: %s\n", what);
    std::exit(2);
}

bool same(Bytes a, Bytes b) { return looked_at(a) == looked_at(b); }

template <class S>
S drawn(Random& random) {
    S secret;
    random.fill(secret.fill());
    mark_secret(secret.reveal().data(), S::size);
    return secret;
}

void secrets_move_and_are_copied() {
    SecretRandom random(1);
    ChainKey first = drawn<ChainKey>(random);
    const Buffer value = looked_at(first.reveal());
    const Bytes place = first.reveal();
    const ChainKey copy = first.duplicate();
    const ChainKey moved = std::move(first);
    require(is_secret(copy.reveal()) && is_secret(moved.reveal()), "a copy of a secret counts as public");
    require(!is_secret(place), "a secret that was moved from is still there");
    require(same(copy.reveal(), value) && same(moved.reveal(), value), "a secret changed on its way");
}

void chains_step() {
    SecretRandom random(2);
    SendingChain sending;
    sending.chain = drawn<ChainKey>(random);
    const auto keys = sending.step();
    require(keys && is_secret(keys->key.reveal()) && is_secret(keys->exported.reveal()), "message keys are public");
    require(is_secret(sending.chain.reveal()), "the next chain key is public");
}

void messages_are_sealed_and_opened_once() {
    SecretRandom random(3);
    MessageKey key = drawn<MessageKey>(random);
    Buffer plaintext(256, std::byte{1});
    mark_secret(plaintext.data(), plaintext.size());
    Buffer sealed(plaintext.size() + aead_overhead);
    seal_once(key.duplicate(), plaintext, as_bytes("header"), sealed);
    Buffer opened(plaintext.size());
    require(open_once(key.duplicate(), sealed, as_bytes("header"), opened).has_value(), "a message does not open");
    require(same(opened, plaintext) && is_secret(opened), "what was opened is not the secret");
    sealed[7] ^= std::byte{1};
    require(!open_once(std::move(key), sealed, as_bytes("header"), opened), "a forgery opens");
}

void kem_keys_agree() {
    SecretRandom random(4);
    const KemKeyPair ours = generate_kem(random);
    const auto sent = encapsulate(ours.shared, random);
    require(sent.has_value() && is_secret(sent->secret.reveal()), "an encapsulated secret is public");
    const auto got = decapsulate(ours.secret, sent->ciphertext);
    require(got && same(got->reveal(), sent->secret.reveal()), "the KEM does not agree");
    KemCiphertext forged = sent->ciphertext;
    forged.bytes[5] ^= std::byte{1};
    const auto other = decapsulate(ours.secret, forged);  // implicit rejection, FIPS 203 §6.3
    require(other && is_secret(other->reveal()) && !same(other->reveal(), sent->secret.reveal()), "a forgery agrees");
}

// Everything between two people: identities and prekeys, PQXDH on both sides, root steps, both ratchet directions, a
// message that was overtaken, forgeries. The messages are public once they are sealed.
struct Pair {
    SecretRandom random{5};
    Device alice = Device::generate(Identity::generate(random), random);
    Device bob = Device::generate(Identity::generate(random), random);
    PrekeyStore prekeys = PrekeyStore::generate(2, random);

    // The one place that names how a session begins.
    Session begin() {
        auto session = Session::initiate(alice, prekeys.publish(bob), random);
        require(session.has_value(), "no session begins");
        return std::move(*session);
    }
    Session::Accepted accept(Bytes message) {
        auto accepted = Session::accept(bob, prekeys, message, random);
        require(accepted.has_value(), "a first message is refused");
        return std::move(*accepted);
    }
};

Sealed say(Session& session, const char* text, Step step = Step::keep) {
    auto sealed = session.seal(as_bytes(text), step);
    require(sealed && !is_secret(sealed->message) && is_secret(sealed->exported.reveal()), "sealing mixes them up");
    return std::move(*sealed);
}

void hear(Session& session, const Sealed& sealed) {
    Buffer forged = sealed.message;
    forged.back() ^= std::byte{1};
    require(!session.open(forged), "a forgery opens");
    const auto opened = session.open(sealed.message);
    require(opened && is_secret(opened->exported.reveal()), "a message does not open");
    require(same(opened->exported.reveal(), sealed.exported.reveal()), "both sides do not agree");
    require(!session.open(sealed.message), "a message opens twice");
}

void sessions_talk() {
    Pair pair;
    for (int with_one_time = 2; with_one_time >= 0; --with_one_time) {
        Session alice = pair.begin();
        const Sealed first = say(alice, "first");
        auto [bob, opened] = pair.accept(first.message);
        require(same(opened.exported.reveal(), first.exported.reveal()), "both sides do not agree");
        for (int turn = 0; turn < 3; ++turn) {
            hear(alice, say(bob, "yes", Step::fresh));
            const Sealed late = say(alice, "late", Step::fresh);
            hear(bob, say(alice, "early"));
            hear(bob, late);
        }
        const SecretBuffer record = bob.save();
        require(is_secret(record.reveal()), "a session's record is public");
        auto restored = Session::restore(record.reveal(), pair.random);
        require(restored.has_value(), "a session is not restored");
        hear(*restored, say(alice, "after a restart"));
    }
}

void commitments_are_compared() {
    SecretRandom random(10);
    const CallerNonce nonce = drawn<CallerNonce>(random);
    const SasCommitment commitment = commit(nonce, {});
    mark_public(commitment.data(), commitment.size());  // the offer says it
    require(check_commitment(commitment, nonce, {}).has_value(), "a commitment does not hold");
    require(!check_commitment(commitment, drawn<CallerNonce>(random), {}), "another nonce is taken");
}

void capabilities_are_compared() {
    SecretRandom random(11);
    const Capability ours = drawn<Capability>(random);
    Capability shown = copy_capability(ours.reveal());
    require(is_secret(shown.reveal()), "a copied capability is public");
    require(same(ours, shown.reveal()), "a capability is not the same as itself");
    shown.fill()[0] ^= std::byte{1};
    require(!same(ours, shown.reveal()), "another capability counts as the same");
    require(is_secret(hash_of(ours).bytes), "a hash is public before it is published");
}

void media_keys_follow() {
    SecretRandom random(6);
    const CallBinding binding{};
    auto offer = drawn<ExportSecret>(random);
    auto answer = drawn<ExportSecret>(random);
    Generation caller(derive_call_secret(offer.duplicate(), answer.duplicate(), binding), 0, binding, Role::caller);
    Generation callee(derive_call_secret(offer.duplicate(), answer.duplicate(), binding), 0, binding, Role::callee);
    for (int epoch = 0; epoch < 3; ++epoch) {
        const auto ours = caller.sending.next();
        const auto theirs = callee.receiving.next();
        require(ours && theirs && is_secret(ours->audio.reveal()), "media keys are public");
        require(same(ours->audio.reveal(), theirs->audio.reveal()), "both sides do not agree");
        require(same(ours->video.reveal(), theirs->video.reveal()), "both sides do not agree");
    }
    const auto salt = derive_rekey_salt(derive_call_secret(offer.duplicate(), answer.duplicate(), binding));
    const auto later = derive_generation_secret(salt, std::move(offer), std::move(answer), 1, binding);
    require(is_secret(later.reveal()), "a later generation's secret is public");
}

// Deliberate leaks. Each result is used, so that none is left out of the program.
volatile int sink = 0;

void leak_by_branch() {
    SecretRandom random(7);
    const ChainKey key = drawn<ChainKey>(random);
    if (key.reveal()[0] == std::byte{7}) sink = 1;
}
void leak_by_address() {
    static const std::array<int, 256> table = [] {
        std::array<int, 256> made{};
        for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<int>(i * i);
        return made;
    }();
    SecretRandom random(8);
    const ChainKey key = drawn<ChainKey>(random);
    sink = table[std::to_integer<std::size_t>(key.reveal()[0])];
}
void leak_by_comparison() {
    SecretRandom random(9);
    const ChainKey a = drawn<ChainKey>(random);
    const ChainKey b = a.duplicate();
    sink = std::ranges::equal(a.reveal(), b.reveal()) ? 1 : 0;
}
// A key that a session derived, not one that the test marked: that valgrind follows it all the way.
void leak_of_a_derived_key() {
    Pair pair;
    Session alice = pair.begin();
    const Sealed sealed = say(alice, "first");
    if (sealed.exported.reveal()[3] == std::byte{7}) sink = 1;
}

const std::map<std::string, void (*)()> leaks{{"branch", leak_by_branch},
                                              {"address", leak_by_address},
                                              {"comparison", leak_by_comparison},
                                              {"derived-key", leak_of_a_derived_key}};

}  // namespace

int main(int argc, char** argv) {
    if (RUNNING_ON_VALGRIND == 0) {
        std::fputs("constant_time: runs under valgrind only\n", stderr);
        return 2;
    }
    prepare_primitives();
    if (argc == 2) {
        leaks.at(argv[1])();
        return 0;
    }
    secrets_move_and_are_copied();
    chains_step();
    messages_are_sealed_and_opened_once();
    kem_keys_agree();
    sessions_talk();
    commitments_are_compared();
    capabilities_are_compared();
    media_keys_follow();
    std::puts("no branch and no address depended on a secret");
    return 0;
}
