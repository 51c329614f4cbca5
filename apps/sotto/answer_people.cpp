// sotto answer: letters in, a ring where the policy lets one through, and in the end what did not ring.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/sotto/explain_contact.h"
#include "apps/sotto/interrupt.h"
#include "apps/sotto/outcome.h"
#include "apps/sotto/people_call.h"
#include "apps/sotto/post.h"

namespace sotto::app {
namespace {

// A machine's sleep is no time to poll(): without this prekeys would be renewed that much later.
constexpr std::chrono::seconds look_at_clock = std::chrono::minutes(10);

struct Missed {
    std::string who, why;
};

// A call that the policy lets ring, and how the carrier brought it.
struct Ring {
    Call call;
    std::string from;
    Duration age{};
};

enum class Decided { yes, no, gone, interrupted };

class Answering {
  public:
    Answering(Profile& profile, Conversation& conversation, Post& post, const CallOptions& options)
        : profile_(profile), conversation_(conversation), post_(post), options_(options) {}

    int run();
    void tell_what_did_not_ring();

  private:
    Expected<bool> take_letter(std::optional<Ring>& begun);
    Expected<std::optional<Ring>> wait_for_ring();
    Expected<void> renew_prekeys();
    std::optional<std::string> in_vain(const Ring& ring);
    Expected<Decided> decide_on(Ring& ring);
    Expected<std::optional<EndReason>> listen(Call& call);
    Expected<std::optional<EndReason>> tell_peer(Call& call);
    void ask(const Ring& ring);
    Decided wait_for_user(const Call& call);
    int talk(Call call);
    void miss(const Call& call, const std::string& why);

    Profile& profile_;
    Conversation& conversation_;
    Post& post_;
    const CallOptions& options_;
    std::vector<Missed> missed_;
};

std::string ago(Duration age) {
    const auto minutes = std::chrono::floor<std::chrono::minutes>(age).count();
    if (minutes < 120) return std::to_string(minutes) + " minutes ago";
    return minutes < 2880 ? std::to_string(minutes / 60) + " hours ago" : std::to_string(minutes / 1440) + " days ago";
}

// The next letter to the account, and the call that it begins; false if there was none.
Expected<bool> Answering::take_letter(std::optional<Ring>& begun) {
    begun.reset();
    auto signal = post_.receive();
    if (!signal) return std::unexpected(signal.error());
    if (!*signal) return false;
    refresh_clock(profile_);
    auto received = profile_.account.receive(**signal, now(), post_.age());
    if (!received) {
        conversation_.log().event({{"event", "refused"}, {"what", "signal"}, {"why", name(received.error())}});
    }
    const auto settled = post_.settle();
    if (!settled) return std::unexpected(settled.error());
    if (received && *received) begun.emplace(std::move(**received), post_.from(), post_.age());
    return true;
}

// Nothing: we were interrupted.
Expected<std::optional<Ring>> Answering::wait_for_ring() {
    std::optional<Ring> ring;
    while (!interrupted()) {
        const auto renewed = renew_prekeys();
        if (!renewed) return std::unexpected(renewed.error());
        const auto taken = take_letter(ring);
        if (!taken) return std::unexpected(taken.error());
        if (ring) return ring;
        if (*taken) continue;
        const std::chrono::milliseconds patience = std::min(post_.until_renewal(), look_at_clock);
        static_cast<void>(wait_readable(post_.descriptor(), static_cast<int>(patience.count())));
    }
    return std::nullopt;
}

// A broker that is away is told when it is back: only a device that was given up has nothing more to wait for.
Expected<void> Answering::renew_prekeys() {
    const auto renewed = post_.renew();
    if (renewed || exit_of(profile_) == exit_given_up) return renewed;
    conversation_.log().event({{"event", "failed"}, {"what", "prekeys"}, {"why", renewed.error()}});
    return {};
}

// Why a call that the policy would let ring does not.
std::optional<std::string> Answering::in_vain(const Ring& ring) {
    if (ring.age > ring_timeout) return "it came " + ago(ring.age) + ", while you were off";
    Contacts& contacts = profile_.account.contacts();
    const PublicIdentity& caller = ring.call.peer();
    if (!contacts.name_of(caller) && contacts.find(ring.from) && !contacts.meet(ring.from, caller)) {
        static_cast<void>(save_account(profile_));
        return std::string(describe(Reason::identity_changed));
    }
    return std::nullopt;
}

void Answering::miss(const Call& call, const std::string& why) {
    missed_.push_back({post_.name_for(call.peer()), why});
}

// Its words so far, to the peer; why it ended, if it did.
Expected<std::optional<EndReason>> Answering::tell_peer(Call& call) {
    while (const auto output = call.poll(now())) {
        if (const auto* signal = std::get_if<Signal>(&*output)) {
            const auto sent = post_.send(*signal);
            if (!sent) return std::unexpected(sent.error());
        } else if (const auto* ended = std::get_if<Ended>(&*output)) {
            return ended->reason;
        }
    }
    return std::nullopt;
}

void Answering::ask(const Ring& ring) {
    const Call& call = ring.call;
    const auto contact = call.peer_name();
    conversation_.log().event({{"event", "ringing"},
                               {"name", contact.value_or("")},
                               {"carrier_name", ring.from},
                               {"peer", to_hex(call.peer().key)},
                               {"safety_number", call.safety_number()}});
    if (options_.conversation.json || options_.yes) return;
    const char* const media = call.offers_video() ? "Video and audio" : "Audio";
    if (contact) {
        const bool verified = profile_.account.contacts().find(*contact)->trust == Trust::verified;
        std::fprintf(stderr, "Call from %s (%s)\n", contact->c_str(), verified ? "verified" : "not verified");
    } else {
        std::fprintf(stderr, "Call from no contact of yours, whom the broker calls %s: %s\n", ring.from.c_str(),
                     to_hex(call.peer().key).c_str());
    }
    std::fprintf(stderr, "Safety number %s\n%s. Accept? [y/N] ", call.safety_number().c_str(), media);
}

Decided Answering::wait_for_user(const Call& call) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(call.deadline() - now()).count();
    std::array<pollfd, 3> all{{{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                               {.fd = post_.descriptor(), .events = POLLIN, .revents = 0},
                               {.fd = interrupt_descriptor(), .events = POLLIN, .revents = 0}}};
    ::poll(all.data(), all.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
    if (interrupted()) return Decided::interrupted;
    if (all[0].revents == 0) return Decided::gone;  // not yet: something else woke us
    std::array<char, 64> line{};
    const ssize_t size = ::read(STDIN_FILENO, line.data(), line.size());
    return size > 0 && (line[0] == 'y' || line[0] == 'Y') ? Decided::yes : Decided::no;
}

// Of the caller: that it gave up. Of others: that we are busy.
Expected<std::optional<EndReason>> Answering::listen(Call& call) {
    std::optional<Ring> other;
    for (;;) {
        const auto taken = take_letter(other);
        if (!taken) return std::unexpected(taken.error());
        if (!*taken) return tell_peer(call);
        if (!other) continue;
        miss(other->call, "another call rang");
        static_cast<void>(other->call.busy(now()));
        const auto told = tell_peer(other->call);
        if (!told) return told;
    }
}

// The caller learns that it rings, and nothing else before our user decided.
Expected<Decided> Answering::decide_on(Ring& ring) {
    Call& call = ring.call;
    for (bool asked = false;; asked = true) {
        const auto ended = listen(call);
        if (!ended) return std::unexpected(ended.error());
        if (*ended) {
            miss(call, std::string(name(**ended)));
            return Decided::gone;
        }
        if (!asked) ask(ring);
        if (options_.yes) return Decided::yes;
        const Decided decided = wait_for_user(call);
        if (decided != Decided::gone) return decided;
    }
}

int Answering::talk(Call call) {
    const auto accepted = call.accept(conversation_.call_settings(), now());
    if (!accepted) call.hang_up(now());  // the caller is told, whatever failed here
    const auto ended = conversation_.run(profile_.account, std::move(call), post_);
    const auto settled = post_.settle();
    if (!accepted) return complain("cannot answer: " + std::string(describe(accepted.error())));
    return settled || !ended ? finish(ended) : complain(settled.error());
}

int Answering::run() {
    for (;;) {
        auto ring = wait_for_ring();
        if (!ring) return complain(ring.error(), exit_of(profile_));
        if (!*ring) return exit_interrupted;
        Call& call = (*ring)->call;
        if (const auto why = in_vain(**ring)) {
            miss(call, *why);
            continue;  // without a word: the caller must not see us
        }
        const bool direct = options_.conversation.path.direct || chose_direct(profile_, call.peer());
        const bool reachable = conversation_.has_relay() || direct;
        conversation_.allow_direct(direct);
        const auto decided = reachable ? decide_on(**ring) : Decided::no;
        if (!decided) return complain(decided.error());
        if (*decided == Decided::yes) return talk(std::move(call));
        if (*decided == Decided::gone) continue;
        if (!reachable) miss(call, "there is no relay, and no direct way was chosen for this person");
        call.hang_up(now());
        const auto told = tell_peer(call);
        if (!told) return complain(told.error());
        if (*decided == Decided::interrupted) return exit_interrupted;
    }
}

void Answering::tell_what_did_not_ring() {
    EventLog& log = conversation_.log();
    const bool words = !options_.conversation.json;
    post_.note_silenced();
    for (const auto& [who, why] : missed_) {
        log.event({{"event", "missed"}, {"who", who}, {"why", why}});
        if (words) std::fprintf(stderr, "Missed: %s (%s)\n", who.c_str(), why.c_str());
    }
    for (const SilencedCall& call : profile_.account.silenced_calls()) {
        const std::string who = post_.name_for(call.caller);
        log.event({{"event", "silenced"}, {"who", who}, {"why", name(call.reason)}, {"times", call.times}});
        if (words) {
            std::fprintf(stderr, "Did not ring: %s, %s (%s)\n", who.c_str(),
                         call.times == 1 ? "once" : (std::to_string(call.times) + " times").c_str(),
                         std::string(describe(call.reason)).c_str());
        }
    }
    if (profile_.account.policy().silence_strangers) return;  // they are listed above
    // Of people who are blocked nothing is listed.
    for (const Reason reason : {Reason::calls_off, Reason::capability_revoked, Reason::not_contact,
                                Reason::not_followed, Reason::not_verified}) {
        const auto times = profile_.account.decisions()[reason];
        if (times == 0) continue;
        log.event({{"event", "refused_calls"}, {"why", name(reason)}, {"times", times}});
        if (words) {
            std::fprintf(stderr, "Refused: %s (%s)\n",
                         times == 1 ? "one call" : (std::to_string(times) + " calls").c_str(),
                         std::string(describe(reason)).c_str());
        }
    }
}

}  // namespace

int answer_people(CallOptions options) {
    auto usable = apply(options);
    if (usable) usable = check_for_people(options);
    if (!usable) return complain(usable.error());
    const auto settings = look_at_settings(options.profile);
    if (!settings) return complain(settings.error());
    if (*settings) take_relay(options, **settings);
    ConversationSettings prepared = options.conversation;
    prepared.path.direct |= *settings && !(*settings)->direct.empty();
    auto conversation = Conversation::prepare(prepared);
    if (!conversation) return complain(conversation.error());
    auto profile = open_profile(options.profile);
    if (!profile) return complain(profile.error());
    const auto tell = [&](const nlohmann::json& event, const std::string& words) {
        (*conversation)->log().event(event);
        if (!options.conversation.json) std::fprintf(stderr, "%s\n", words.c_str());
    };
    auto post = Post::open(*profile, tell);
    if (!post) return complain(post.error(), exit_of(*profile));
    (*conversation)
        ->log()
        .event({{"event", "waiting"},
                {"name", profile->settings.name},
                {"identity", to_hex(profile->account.identity().key)}});
    Answering answering(*profile, **conversation, *post, options);
    const int code = answering.run();
    answering.tell_what_did_not_ring();
    return code;
}

}  // namespace sotto::app
