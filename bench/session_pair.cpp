#include "bench/session_pair.h"

#include "bench/measure.h"

namespace sotto::bench {
namespace {

crypto::Device new_device(Random& random = system_random()) {
    return crypto::Device::generate(crypto::Identity::generate(random), random);
}

}  // namespace

SessionPair::SessionPair(Random& random) : ends_(meet(random)) {}

SessionPair::Ends SessionPair::meet(Random& random) {
    const auto alices = new_device(random);
    const auto bobs = new_device(random);
    auto prekeys = crypto::PrekeyStore::generate(1, random);
    auto alice = must(crypto::Session::initiate(alices, prekeys.publish(bobs), random), "cannot initiate");
    const auto first = must(alice.seal({}, crypto::Step::fresh), "cannot seal");
    auto accepted = must(crypto::Session::accept(bobs, prekeys, first.message, random), "cannot accept");
    const auto reply = must(accepted.session.seal({}, crypto::Step::fresh), "cannot seal");
    must(alice.open(reply.message), "cannot open");
    return {std::move(alice), std::move(accepted.session)};
}

void SessionPair::send(End from, Bytes plaintext, crypto::Step step) {
    crypto::Session& sender = from == End::alice ? ends_.alice : ends_.bob;
    crypto::Session& receiver = from == End::alice ? ends_.bob : ends_.alice;
    const auto sealed = must(sender.seal(plaintext, step), "cannot seal");
    const auto opened = must(receiver.open(sealed.message), "cannot open");
    require(opened.plaintext.size() == plaintext.size(), "a message did not come out as it went in");
}

void SessionPair::round_trip(Bytes plaintext) {
    send(End::alice, plaintext, crypto::Step::fresh);
    send(End::bob, plaintext, crypto::Step::fresh);
}

void SessionPair::refuse(Bytes forged) { require(!ends_.bob.open(forged).has_value(), "a forged message opened"); }

Dialler::Dialler() : device_(new_device()) {
    bundle_ = encode(crypto::PrekeyStore::generate(1, system_random()).publish(new_device()));
}

void Dialler::dial(Bytes offer) const {
    const auto bundle = must(crypto::parse_bundle(bundle_), "malformed bundle");
    auto session = must(crypto::Session::initiate(device_, bundle, system_random()), "cannot initiate");
    must(session.seal(offer, crypto::Step::fresh), "cannot seal");
}

}  // namespace sotto::bench
