#include "apps/sotto/stream_call.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/sotto/carrier.h"
#include "apps/sotto/interrupt.h"
#include "apps/sotto/outcome.h"
#include "apps/sotto/seed_file.h"

namespace sotto::app {
namespace {

Expected<std::optional<PublicIdentity>> parse_peer(const std::string& hex) {
    if (hex.empty()) return std::nullopt;
    const auto peer = parse_identity("--peer", hex);
    if (!peer) return std::unexpected(peer.error());
    return *peer;
}

// What both commands need before anybody's telephone rings.
struct Ready {
    std::optional<PublicIdentity> expected;  // the only peer to talk to
    Account account;
    std::unique_ptr<Conversation> conversation;
};

Expected<Ready> get_ready(CallOptions& options) {
    const auto applied = apply(options);
    if (!applied) return std::unexpected(applied.error());
    const auto expected = parse_peer(options.peer);
    if (!expected) return std::unexpected(expected.error());
    auto account = open_account(options.identity);
    if (!account) return std::unexpected(account.error());
    auto conversation = Conversation::prepare(options.conversation);
    if (!conversation) return std::unexpected(conversation.error());
    return Ready{*expected, std::move(*account), std::move(*conversation)};
}

// What the call has to say while our user decides: that it rings here.
Expected<void> tell_signals(Call& call, Carrier& carrier) {
    while (const auto output = call.poll(now())) {
        const auto* signal = std::get_if<Signal>(&*output);
        const auto sent = signal != nullptr ? carrier.send(signal->bytes) : Expected<void>{};
        if (!sent) return sent;
    }
    return {};
}

// Rings until our user decides; the caller learns nothing else before.
bool user_accepts(const Call& call) {
    std::fprintf(stderr, "Call from %s\nSafety number %s\n%s. Accept? [y/N] ", to_hex(call.peer().key).c_str(),
                 call.safety_number().c_str(), call.offers_video() ? "Video and audio" : "Audio");
    constexpr auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(ring_timeout);
    if (!wait_readable(STDIN_FILENO, static_cast<int>(patience.count()))) return false;
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

Expected<Call> wait_for_ring(Account& account, Carrier& carrier, EventLog& log) {
    for (;;) {
        const auto signal = carrier.wait(60);
        if (!signal) return std::unexpected(signal.error());
        auto received = account.receive(*signal, now());
        if (received && *received) return std::move(**received);
        // Whoever may not ring must not see us leave: we stay with the host that stands between.
        if (carrier.via_host()) {
            const auto why = received ? "no offer" : name(received.error());
            log.event({{"event", "refused"}, {"what", "signal"}, {"why", why}});
            continue;
        }
        if (!received) return std::unexpected("the offer is refused: " + std::string(describe(received.error())));
        return std::unexpected("the other side sent something else than an offer");
    }
}

}  // namespace

int call_by_stream(CallOptions options) {
    options.conversation.caller = true;
    auto ready = get_ready(options);
    if (!ready) return complain(ready.error());
    auto& [expected, account, conversation] = *ready;
    if (options.carrier.empty()) return complain("call whom? Give a NAME, or --signal");
    auto carrier = Carrier::connect(options.carrier);
    if (!carrier) return complain(carrier.error());
    const auto bundle = carrier->wait(5);
    if (!bundle) return complain(bundle.error());

    const auto owner = bundle_owner(*bundle);
    if (!owner) return complain("the prekey bundle is refused: " + std::string(describe(owner.error())));
    auto call = account.dial(expected.value_or(*owner), *bundle, conversation->call_settings(), now());
    if (!call) return complain("cannot call: " + std::string(describe(call.error())));
    // The number takes a while to compute: better while it rings than between the answer and the first packet.
    conversation->log().event(
        {{"event", "calling"}, {"peer", to_hex(call->peer().key)}, {"safety_number", call->safety_number()}});
    return finish(conversation->run(account, std::move(*call), *carrier));
}

Expected<CallPolicy> policy_of(const CallOptions& options) {
    const auto expected = parse_peer(options.peer);
    if (!expected) return std::unexpected(expected.error());
    CallPolicy policy{.who = *expected ? WhoMayRing::nobody : WhoMayRing::everyone,
                      .silence_strangers = options.silence_strangers};
    if (*expected) policy.exceptions[**expected] = Exception::allow;
    for (const std::string& hex : options.blocked) {
        const auto blocked = parse_identity("--block", hex);
        if (!blocked) return std::unexpected(blocked.error());
        policy.exceptions[*blocked] = Exception::block;
    }
    return policy;
}

int answer_by_stream(CallOptions options) {
    auto ready = get_ready(options);
    if (!ready) return complain(ready.error());
    auto& [expected, account, conversation] = *ready;
    const auto policy = policy_of(options);
    if (!policy) return complain(policy.error());
    const auto agreed = account.set_policy(*policy);
    if (!agreed) return complain(std::string(describe(agreed.error())));
    conversation->log().event({{"event", "waiting"}, {"identity", to_hex(account.identity().key)}});
    auto carrier = Carrier::accept_one(options.carrier);
    if (!carrier) return complain(carrier.error());
    const auto published = carrier->send(*account.bundle());
    if (!published) return complain(published.error());

    auto call = wait_for_ring(account, *carrier, conversation->log());
    if (!call) return complain(call.error());
    const auto rings = options.yes ? Expected<void>{} : tell_signals(*call, *carrier);
    if (!rings) return complain(rings.error());
    // The number takes a while to compute: the caller need not wait for it.
    conversation->log().event(
        {{"event", "ringing"}, {"peer", to_hex(call->peer().key)}, {"safety_number", call->safety_number()}});
    if (!options.yes && !user_accepts(*call)) {
        call->hang_up(now());
        return finish(conversation->run(account, std::move(*call), *carrier));
    }
    const auto accepted = call->accept(conversation->call_settings(), now());
    if (!accepted) call->hang_up(now());  // the caller is told, whatever failed here
    const auto ended = conversation->run(account, std::move(*call), *carrier);
    return accepted ? finish(ended) : complain("cannot answer: " + std::string(describe(accepted.error())));
}

}  // namespace sotto::app
