#include "apps/sotto/people_call.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/sotto/explain_contact.h"
#include "apps/sotto/outcome.h"
#include "apps/sotto/post.h"

namespace sotto::app {
namespace {

std::string line_of(const std::string& what, Error error) { return what + ": " + std::string(describe(error)); }

// Who that is, if it is not somebody else than it was.
Expected<Person> callee(Profile& profile, Post& post, const std::string& name) {
    auto person = post.find(name);
    if (!person) return std::unexpected(person.error());
    if (!*person) return std::unexpected("the broker knows nobody of the name " + name);
    Contacts& contacts = profile.account.contacts();
    if (!contacts.find(name)) return std::move(**person);
    const auto met = contacts.meet(name, (*person)->identity);
    const auto saved = save_account(profile);
    if (!saved) return std::unexpected(saved.error());
    if (met) return std::move(**person);
    return std::unexpected(name + " stands for somebody else than before: sotto contacts verify " + name);
}

// They call us just now, which comes to the same as our call.
std::optional<Call> call_from(const std::optional<Contact>& contact, std::vector<Call> calls, Post& post) {
    std::optional<Call> theirs;
    for (Call& call : calls) {
        if (!theirs && contact && call.peer() == contact->identity) {
            theirs = std::move(call);
        } else {
            post.miss(call);
        }
    }
    return theirs;
}

Expected<Call> dial(Account& account, const Person& person, const CallSettings& settings) {
    std::vector<Bytes> bundles;
    for (const Reachable& device : person.devices) bundles.push_back(device.bundle);
    auto call = account.dial(person.identity, bundles, settings, now());
    if (!call) return std::unexpected(line_of("cannot call", call.error()));
    return std::move(*call);
}

Expected<Call> begin(Profile& profile, Post& post, Conversation& conversation, const std::string& name,
                     std::optional<Call> theirs) {
    if (theirs) {
        conversation.is_callee();
        const auto accepted = theirs->accept(conversation.call_settings(), now());
        if (!accepted) return std::unexpected(line_of("cannot answer " + name, accepted.error()));
        conversation.log().event({{"event", "answering"}, {"name", name}, {"peer", to_hex(theirs->peer().key)}});
        return std::move(*theirs);
    }
    const auto person = callee(profile, post, name);
    if (!person) return std::unexpected(person.error());
    auto call = dial(profile.account, *person, conversation.call_settings());
    if (!call) return call;
    conversation.log().event({{"event", "calling"},
                              {"name", name},
                              {"peer", to_hex(call->peer().key)},
                              {"safety_number", call->safety_number()}});
    return call;
}

}  // namespace

Expected<void> check_for_people(const CallOptions& options) {
    if (!options.identity.empty()) return std::unexpected("--identity goes with --signal");
    if (!options.peer.empty()) return std::unexpected("--peer goes with --signal");
    if (!options.blocked.empty()) return std::unexpected("--block goes with --signal: sotto contacts block NAME");
    if (options.silence_strangers) {
        return std::unexpected("--silence-strangers goes with --signal: sotto policy --silence-strangers on");
    }
    return {};
}

void take_relay(CallOptions& options, const Settings& settings) {
    PathSettings& path = options.conversation.path;
    if (!path.relay.empty()) return;
    const bool direct = path.direct;
    const std::string bind = path.bind;
    path = settings.relay;
    path.direct = direct;
    path.bind = bind;
}

int call_by_name(CallOptions options) {
    options.conversation.caller = true;
    if (!options.carrier.empty()) return complain("a NAME, or --signal: not both");
    auto usable = apply(options);
    if (usable) usable = check_for_people(options);
    if (!usable) return complain(usable.error());
    auto profile = open_profile(options.profile);
    if (!profile) return complain(profile.error());
    take_relay(options, profile->settings);
    const auto contact = profile->account.contacts().find(options.name);
    if (contact && chose_direct(*profile, contact->identity)) options.conversation.path.direct = true;
    auto conversation = Conversation::prepare(options.conversation);
    if (!conversation) return complain(conversation.error());
    const auto tell = [&](const nlohmann::json& event, const std::string& words) {
        (*conversation)->log().event(event);
        if (!options.conversation.json) std::fprintf(stderr, "%s\n", words.c_str());
    };
    auto post = Post::open(*profile, tell);
    if (!post) return complain(post.error(), exit_of(*profile));
    // A capability that lets us ring may have come since, or their own call.
    auto calls = post->take_in();
    if (!calls) return complain(calls.error());
    auto call = begin(*profile, *post, **conversation, options.name, call_from(contact, std::move(*calls), *post));
    if (!call) return complain(call.error());
    const auto ended = (*conversation)->run(profile->account, std::move(*call), *post);
    const auto settled = post->settle();
    return settled || !ended ? finish(ended) : complain(settled.error());
}

}  // namespace sotto::app
