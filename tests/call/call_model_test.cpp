// Two clients, each of which may dial the other, perhaps a second device of one's person, between them a carrier that
// loses, repeats and reorders what they say, and users who do whatever they can: every state that these can reach,
// explored by breadth. The clients are the call's own table (call/state.h); this file adds only what a signal carries
// and who decides what.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "call/state.h"

using namespace sotto;
using namespace sotto::call;

namespace {

enum class Word : std::uint8_t { offer, ringing, answer, hang_up };

// The id of a call is the number of who began it; Alice's, 0, is the smaller. Bob has a phone, 1, and perhaps a tablet,
// 2, which Alice rings too and by which he dials nobody.
constexpr std::size_t alice = 0, phone = 1, tablet = 2;

// Between Alice and one device of Bob's.
struct Message {
    std::size_t device = phone;
    bool to_alice = false;
    std::uint8_t call = 0;
    Word word{};
    bool withdraws = false;  // an answer, by which the sender's own call is off
};
constexpr std::size_t message_count = std::size_t{2} * 2 * 2 * 4 * 2;

constexpr std::size_t index_of(const Message& message) {
    std::size_t index = message.device - 1;
    index = index * 2 + (message.to_alice ? 1 : 0);
    index = index * 2 + message.call;
    index = index * 4 + static_cast<std::size_t>(message.word);
    return index * 2 + (message.withdraws ? 1 : 0);
}
constexpr Message message_at(std::size_t index) {
    return {.device = index / 32 + 1,
            .to_alice = index / 16 % 2 == 1,
            .call = static_cast<std::uint8_t>(index / 8 % 2),
            .word = static_cast<Word>(index / 2 % 4),
            .withdraws = index % 2 == 1};
}

// One client's side of one call.
struct Leg {
    bool exists = false;
    std::uint8_t call = 0;
    CallState state = CallState::ended;
    bool agreed = false;         // its user has dialled or accepted
    bool media = false;          // it has begun to send
    std::array<bool, 3> with{};  // whom it is with: a caller of several devices keeps one in the end
    auto operator<=>(const Leg&) const = default;
};

struct Client {
    Leg own;               // that it dialled; a call that yields goes on here under the other's id
    Leg incoming;          // that rang
    bool heard = false;    // the peer's offer has come
    bool forgone = false;  // the peer's call is over, and its offer has not come
    auto operator<=>(const Client&) const = default;
};

struct World {
    std::uint64_t carried = 0;  // said so far: each may arrive any number of times, at any time, or never
    std::array<Client, 3> clients{};
    auto operator<=>(const World&) const = default;
};

// What the clients do; a mutation of the table shows whether the exploration notices.
using Table = Result<Transition> (*)(CallState, CallEvent);

struct Cast {
    Table table = transition;
    std::size_t bobs_devices = 1;
    bool others_stop = true;  // the caller tells the devices that did not answer
};

class Explorer {
  public:
    explicit Explorer(const Cast& cast) : cast_(cast) { add({}); }

    void run() {
        for (std::size_t next = 0; next < found_.size(); ++next) {
            const World world = *found_[next];
            for (std::size_t who = 0; who <= cast_.bobs_devices; ++who) users_act(world, who);
            for (std::size_t index = 0; index < message_count; ++index) {
                if ((world.carried >> index & 1) != 0) deliver(world, message_at(index));
            }
        }
    }

    const std::vector<const World*>& found() const { return found_; }
    int without_consent = 0;  // states in which a side sends media and one of the users never agreed
    int two_calls = 0;        // states in which a client talks in two calls with one device at once
    int said_too_much = 0;    // a client that its user has not spoken for said more than that it rings
    int left_ringing = 0;     // states in which a device rings for a call that is not for it any more, and isn't told

  private:
    void users_act(const World& world, std::size_t who) {
        const Client& client = world.clients.at(who);
        if (who != tablet && !client.own.exists && client.incoming.state == CallState::ended) {  // see Account::dial()
            World next = world;
            Leg& own = next.clients.at(who).own;
            own = {.exists = true, .call = static_cast<std::uint8_t>(who), .state = CallState::calling, .agreed = true};
            for (std::size_t to = 0; to <= cast_.bobs_devices; ++to) own.with.at(to) = (to == alice) != (who == alice);
            say(next, who, own, Word::offer);
            add(next);
        }
        for (const bool own : {true, false}) {
            for (const CallEvent event :
                 {CallEvent::accept, CallEvent::hang_up, CallEvent::busy, CallEvent::ring_timed_out,
                  CallEvent::media_stopped, CallEvent::media_came, CallEvent::media_timed_out}) {
                happen(world, who, own, event, {});
            }
        }
    }

    void deliver(const World& world, const Message& message) {
        const std::size_t to = message.to_alice ? alice : message.device;
        const std::size_t from = message.to_alice ? message.device : alice;
        const Client& client = world.clients.at(to);
        for (const bool own : {true, false}) {
            const Leg& leg = own ? client.own : client.incoming;
            if (!leg.exists || leg.call != message.call || !leg.with.at(from)) continue;
            switch (message.word) {
                case Word::offer: return;  // replayed
                case Word::ringing: return happen(world, to, own, CallEvent::peer_rings, message);
                case Word::answer: return happen(world, to, own, CallEvent::peer_answered, message);
                case Word::hang_up: return happen(world, to, own, CallEvent::peer_hung_up, message);
            }
        }
        if (message.word == Word::hang_up) {
            World next = world;
            // Of the call that it offers; of another there is no offer to forgo.
            if (message.call == from) next.clients.at(to).forgone = true;
            add(next);
        }
        if (message.word == Word::offer && !client.forgone) offer(world, message, from, to);
    }

    void offer(World next, const Message& message, std::size_t from, std::size_t to) {
        Client& client = next.clients.at(to);
        if (client.own.exists && dialling(client.own.state) && client.own.with.at(from)) {
            const bool before = message.call < client.own.call;
            return happen(next, to, true, before ? CallEvent::offer_before_ours : CallEvent::offer_after_ours, message);
        }
        if (client.heard) return;  // replayed
        client.heard = true;
        if (client.own.exists && talking(client.own.state) && client.own.with.at(from)) {
            client.own.state = cast_.table(client.own.state, CallEvent::peer_redialled)->next;
        }
        client.incoming = {.exists = true, .call = message.call, .state = CallState::ringing};
        client.incoming.with.at(from) = true;
        say(next, to, client.incoming, Word::ringing);
        add(next);
    }

    // To all devices that the call is with.
    void say(World& world, std::size_t who, const Leg& leg, Word word, bool withdraws = false) {
        if (!leg.agreed && word == Word::answer) ++said_too_much;
        for (std::size_t to = 0; to < leg.with.size(); ++to) {
            if (!leg.with.at(to)) continue;
            const Message message{.device = std::max(who, to),
                                  .to_alice = to == alice,
                                  .call = leg.call,
                                  .word = word,
                                  .withdraws = withdraws};
            world.carried |= std::uint64_t{1} << index_of(message);
        }
    }

    // The call goes on with that device alone, and the others are told.
    void keep_only(World& world, std::size_t who, Leg& leg, std::size_t device) {
        Leg others = leg;
        others.with.at(device) = false;
        if (cast_.others_stop) say(world, who, others, Word::hang_up);
        leg.with = {};
        leg.with.at(device) = true;
    }

    void happen(const World& world, std::size_t who, bool own, CallEvent event, const Message& message) {
        World next = world;
        Client& client = next.clients.at(who);
        Leg& leg = own ? client.own : client.incoming;
        if (!leg.exists) return;
        const auto step = cast_.table(leg.state, event);
        if (!step) return;
        if (event == CallEvent::accept) leg.agreed = true;
        if (event == CallEvent::offer_before_ours || event == CallEvent::offer_after_ours) {
            if (client.heard) return;
            client.heard = true;
        }
        if (event == CallEvent::peer_answered && message.withdraws) client.forgone = true;
        const std::size_t from = message.to_alice ? message.device : alice;
        const bool ends = event == CallEvent::peer_hung_up && step->action != CallAction::none;
        if (ends || step->action == CallAction::start_media || step->action == CallAction::yield) {
            keep_only(next, who, leg, from);
        }
        leg.state = step->next;
        switch (step->action) {
            case CallAction::yield:
            case CallAction::send_answer:
                if (step->action == CallAction::yield) leg.call = message.call;
                say(next, who, leg, Word::answer, step->action == CallAction::yield);
                leg.media = true;
                break;
            case CallAction::start_media: leg.media = true; break;
            case CallAction::end_and_tell: say(next, who, leg, Word::hang_up); break;
            case CallAction::none:
            case CallAction::tell_client:
            case CallAction::end: break;
        }
        add(next);
    }

    void add(const World& world) {
        const auto [place, added] = known_.insert(world);
        if (!added) return;
        check(world);
        found_.push_back(&*place);
    }

    // Whoever dials the other agrees to the other's call, too.
    static bool user_agreed(const World& world, std::size_t who, int call) {
        const Client& client = world.clients.at(who);
        return client.own.agreed || (client.incoming.call == call && client.incoming.agreed);
    }

    void check(const World& world) {
        for (std::size_t who = 0; who < world.clients.size(); ++who) {
            std::array<int, 3> talks{};
            for (const Leg* const leg : {&world.clients.at(who).own, &world.clients.at(who).incoming}) {
                if (!leg->exists || !leg->media) continue;
                bool both = user_agreed(world, who, leg->call);
                for (std::size_t peer = 0; peer < leg->with.size(); ++peer) {
                    if (leg->with.at(peer)) both = both && user_agreed(world, peer, leg->call);
                }
                if (!both) ++without_consent;
                for (std::size_t peer = 0; peer < leg->with.size(); ++peer) {
                    talks.at(peer) += leg->with.at(peer) && talking(leg->state) ? 1 : 0;
                }
            }
            if (std::ranges::max(talks) > 1) ++two_calls;
        }
        const Leg& callers = world.clients.at(alice).own;
        for (const std::size_t device : {phone, tablet}) {
            const Leg& rings = world.clients.at(device).incoming;
            const bool waits = callers.with.at(device) && (dialling(callers.state) || talking(callers.state));
            if (rings.state != CallState::ringing || waits) continue;
            const Message told{.device = device, .call = rings.call, .word = Word::hang_up};
            // A caller whose call is lost in the network says nothing, but then it had an answer.
            if ((world.carried >> index_of(told) & 1) == 0) ++left_ringing;
        }
    }

    Cast cast_;
    std::set<World> known_;
    std::vector<const World*> found_;
};

// Tables with a mistake, which the exploration must notice.
Result<Transition> media_while_it_rings(CallState state, CallEvent event) {
    if (state == CallState::calling && event == CallEvent::peer_rings) {
        return Transition{CallState::active, CallAction::start_media};
    }
    return transition(state, event);
}
Result<Transition> answers_by_itself(CallState state, CallEvent event) {
    if (state == CallState::ringing && event == CallEvent::ring_timed_out) {
        return Transition{CallState::active, CallAction::send_answer};
    }
    return transition(state, event);
}
Result<Transition> keeps_what_the_peer_lost(CallState state, CallEvent event) {
    if (event == CallEvent::peer_redialled) return Transition{state, CallAction::none};
    return transition(state, event);
}
Result<Transition> both_yield(CallState state, CallEvent event) {
    if (event == CallEvent::offer_after_ours) event = CallEvent::offer_before_ours;
    return transition(state, event);
}

Explorer explore(const Cast& cast) {
    Explorer explorer(cast);
    explorer.run();
    return explorer;
}

// How often Alice and Bob's phone are both in the call they dialled or yielded to, in the same one and in different
// ones.
struct Glare {
    int met = 0, apart = 0;
};
Glare glare(const Explorer& explored) {
    Glare glare;
    for (const World* const world : explored.found()) {
        const Leg& alices = world->clients[alice].own;
        const Leg& bobs = world->clients[phone].own;
        if (alices.state != CallState::active || bobs.state != CallState::active || !alices.with[phone]) continue;
        ++(alices.call == bobs.call ? glare.met : glare.apart);
    }
    return glare;
}

}  // namespace

TEST_CASE("whatever two clients, their users and the carrier do, nobody sends media before both users have agreed") {
    for (const std::size_t devices : {1U, 2U}) {
        CAPTURE(devices);
        const Explorer explored = explore({.bobs_devices = devices});
        MESSAGE(explored.found().size() << " states with " << devices << " devices of Bob's");
        CHECK(explored.found().size() > (devices == 1 ? 1000 : 10'000));
        CHECK(explored.without_consent == 0);
        CHECK(explored.said_too_much == 0);
        CHECK(explored.two_calls == 0);
        CHECK(explored.left_ringing == 0);
        const Glare met = glare(explored);
        CHECK(met.met > 0);
        CHECK(met.apart == 0);
    }
}

TEST_CASE("an exploration of tables with a mistake finds it") {
    CHECK(explore({.table = media_while_it_rings}).without_consent > 0);
    CHECK(explore({.table = answers_by_itself}).without_consent > 0);
    CHECK(explore({.table = answers_by_itself}).said_too_much > 0);
    CHECK(explore({.table = keeps_what_the_peer_lost}).two_calls > 0);
    CHECK(glare(explore({.table = both_yield})).apart > 0);
}

TEST_CASE("an exploration with a caller that leaves the callee's other device ringing finds it") {
    CHECK(explore({.bobs_devices = 2, .others_stop = false}).left_ringing > 0);
}
