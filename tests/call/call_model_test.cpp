// Two clients, each of which may dial the other, between them a carrier that loses, repeats and reorders what they say,
// and users who do whatever they can: every state that these can reach, explored by breadth. The clients are the call's
// own table (call/state.h); this file adds only what a signal carries and who decides what.
#include <doctest/doctest.h>

#include <array>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "call/state.h"

using namespace sotto;
using namespace sotto::call;

namespace {

enum class Word : std::uint8_t { offer, ringing, answer, hang_up };

// The id of a call is the number of who began it; Alice's, 0, is the smaller.
struct Message {
    int to = 0;
    int call = 0;
    Word word{};
    bool withdraws = false;  // an answer, by which the sender's own call is off
    auto operator<=>(const Message&) const = default;
};

// One client's side of one call.
struct Leg {
    bool exists = false;
    int call = 0;
    CallState state = CallState::ended;
    bool agreed = false;  // its user has dialled or accepted
    bool media = false;   // it has begun to send
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
    std::array<Client, 2> clients{};
    std::set<Message> carried{};  // said so far: each may arrive any number of times, at any time, or never
    auto operator<=>(const World&) const = default;
};

// What the clients do; a mutation of the table shows whether the exploration notices.
using Table = Result<Transition> (*)(CallState, CallEvent);

class Explorer {
  public:
    explicit Explorer(Table table) : table_(table) { add({}); }

    void run() {
        for (std::size_t next = 0; next < found_.size(); ++next) {
            const World world = found_[next];
            for (const int who : {0, 1}) users_act(world, who);
            for (const Message& message : world.carried) deliver(world, message);
        }
    }

    const std::vector<World>& found() const { return found_; }
    int without_consent = 0;  // states in which a side sends media and one of the users never agreed
    int two_calls = 0;        // states in which a client talks in two calls at once
    int said_too_much = 0;    // a client that its user has not spoken for said more than that it rings

  private:
    void users_act(const World& world, int who) {
        const Client& client = world.clients.at(static_cast<std::size_t>(who));
        if (!client.own.exists && client.incoming.state == CallState::ended) {  // see Account::dial()
            World next = world;
            next.clients.at(static_cast<std::size_t>(who)).own = {
                .exists = true, .call = who, .state = CallState::calling, .agreed = true};
            next.carried.insert({1 - who, who, Word::offer});
            add(next);
        }
        for (const bool own : {true, false}) {
            for (const CallEvent event :
                 {CallEvent::accept, CallEvent::hang_up, CallEvent::busy, CallEvent::ring_timed_out,
                  CallEvent::media_stopped, CallEvent::media_came, CallEvent::media_timed_out}) {
                happen(world, who, own, event);
            }
        }
    }

    void deliver(const World& world, const Message& message) {
        const Client& client = world.clients.at(static_cast<std::size_t>(message.to));
        for (const bool own : {true, false}) {
            const Leg& leg = own ? client.own : client.incoming;
            if (!leg.exists || leg.call != message.call) continue;
            switch (message.word) {
                case Word::offer: return;  // replayed
                case Word::ringing: return happen(world, message.to, own, CallEvent::peer_rings);
                case Word::answer: return happen(world, message.to, own, CallEvent::peer_answered, message.withdraws);
                case Word::hang_up: return happen(world, message.to, own, CallEvent::peer_hung_up);
            }
        }
        if (message.word == Word::hang_up) {
            World next = world;
            next.clients.at(static_cast<std::size_t>(message.to)).forgone = true;
            add(next);
        }
        if (message.word == Word::offer && !client.forgone) offer(world, message);
    }

    void offer(World next, const Message& message) {
        Client& client = next.clients.at(static_cast<std::size_t>(message.to));
        if (client.own.exists && dialling(client.own.state)) {
            const bool before = message.call < client.own.call;
            return happen(next, message.to, true, before ? CallEvent::offer_before_ours : CallEvent::offer_after_ours);
        }
        if (client.heard) return;  // replayed
        client.heard = true;
        if (client.own.exists && talking(client.own.state)) {
            client.own.state = table_(client.own.state, CallEvent::peer_redialled)->next;
        }
        client.incoming = {.exists = true, .call = message.call, .state = CallState::ringing};
        say(next, message.to, client.incoming, Word::ringing);
        add(next);
    }

    void say(World& world, int who, const Leg& leg, Word word, bool withdraws = false) {
        if (!leg.agreed && word == Word::answer) ++said_too_much;
        world.carried.insert({1 - who, leg.call, word, withdraws});
    }

    void happen(const World& world, int who, bool own, CallEvent event, bool withdraws = false) {
        World next = world;
        Client& client = next.clients.at(static_cast<std::size_t>(who));
        Leg& leg = own ? client.own : client.incoming;
        if (!leg.exists) return;
        const auto step = table_(leg.state, event);
        if (!step) return;
        if (event == CallEvent::accept) leg.agreed = true;
        if (event == CallEvent::offer_before_ours || event == CallEvent::offer_after_ours) {
            if (client.heard) return;
            client.heard = true;
        }
        if (withdraws) client.forgone = true;
        leg.state = step->next;
        switch (step->action) {
            case CallAction::yield:
            case CallAction::send_answer:
                if (step->action == CallAction::yield) leg.call = 1 - who;
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
        if (!known_.insert(world).second) return;
        check(world);
        found_.push_back(world);
    }

    // Whoever dials the other agrees to the other's call, too.
    static bool user_agreed(const World& world, std::size_t who, int call) {
        const Client& client = world.clients.at(who);
        return client.own.agreed || (client.incoming.call == call && client.incoming.agreed);
    }

    void check(const World& world) {
        for (std::size_t who = 0; who < 2; ++who) {
            int talks = 0;
            for (const Leg* const leg : {&world.clients.at(who).own, &world.clients.at(who).incoming}) {
                if (!leg->exists || !leg->media) continue;
                const bool both = user_agreed(world, who, leg->call) && user_agreed(world, 1 - who, leg->call);
                if (!both) ++without_consent;
                talks += talking(leg->state) ? 1 : 0;
            }
            if (talks > 1) ++two_calls;
        }
    }

    Table table_;
    std::set<World> known_;
    std::vector<World> found_;
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

Explorer explore(Table table) {
    Explorer explorer(table);
    explorer.run();
    return explorer;
}

// How often both are in the call they dialled or yielded to, in the same one and in different ones.
struct Glare {
    int met = 0, apart = 0;
};
Glare glare(const Explorer& explored) {
    Glare glare;
    for (const World& world : explored.found()) {
        const Leg& alice = world.clients[0].own;
        const Leg& bob = world.clients[1].own;
        if (alice.state != CallState::active || bob.state != CallState::active) continue;
        ++(alice.call == bob.call ? glare.met : glare.apart);
    }
    return glare;
}

}  // namespace

TEST_CASE("whatever two clients, their users and the carrier do, nobody sends media before both users have agreed") {
    const Explorer explored = explore(transition);
    MESSAGE(explored.found().size() << " states");
    CHECK(explored.found().size() > 1000);
    CHECK(explored.without_consent == 0);
    CHECK(explored.said_too_much == 0);
    CHECK(explored.two_calls == 0);
}

TEST_CASE("an exploration of tables with a mistake finds it") {
    CHECK(explore(media_while_it_rings).without_consent > 0);
    CHECK(explore(answers_by_itself).without_consent > 0);
    CHECK(explore(answers_by_itself).said_too_much > 0);
    CHECK(explore(keeps_what_the_peer_lost).two_calls > 0);
    CHECK(glare(explore(both_yield)).apart > 0);
}

TEST_CASE("of two users who dial each other at once, one call results, and both find themselves in it") {
    const Glare met = glare(explore(transition));
    CHECK(met.met > 0);
    CHECK(met.apart == 0);
}
