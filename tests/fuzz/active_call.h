// Two accounts in an active voice call, in virtual time, and somebody between them.
#pragma once

#include "fuzz/harness.h"
#include "sim/two_party.h"
#include "support/policy.h"

namespace sotto::fuzz {

class ActiveCall {
  public:
    ActiveCall() {
        world_.connect({.video = false});
        test::let_everyone_ring(world_.callee.account);  // so that a stranger's offer is opened
        check(world_.caller.active && world_.callee.active);
    }

    // The callee's account refuses, counts and forgets what was made of a signal, of a session it has or of a new one.
    void signal(Bytes plan) {
        refuse_signal(tampered(unseen_offer_, plan), unseen_offer_);
        check(world_.caller.call->set_route(as_bytes("127.0.0.1 5000")).has_value());
        const auto output = world_.caller.call->poll(world_.now);
        const Buffer genuine = to_buffer(std::get<Signal>(*output).bytes);
        refuse_signal(tampered(genuine, plan), genuine);
        check(world_.callee.account.receive(genuine, world_.now).has_value());
        check(std::holds_alternative<RemoteRoute>(*world_.callee.call->poll(world_.now)));
    }

    // The next block of sound passes, after what was made of each of its datagrams was refused and counted.
    void datagrams(Program& program) {
        const Bytes plan = program.bytes(program.u16());
        world_.now += std::chrono::milliseconds(10);
        static constexpr std::array<std::int16_t, 480> silence{};
        for (auto [from, to] : {std::pair(&world_.caller, &world_.callee), std::pair(&world_.callee, &world_.caller)}) {
            check(from->call->send(AudioBlock{.samples = silence, .captured = world_.now}, world_.now).has_value());
            deliver(*from->call, *to->call, plan);
        }
    }

  private:
    void refuse_signal(const Buffer& foreign, const Buffer& genuine) {
        if (foreign == genuine) return;
        Account& account = world_.callee.account;
        const std::uint64_t refused = account.refused().total();
        check(!account.receive(foreign, world_.now));
        check(account.refused().total() == refused + 1);
    }

    void deliver(Call& from, Call& to, Bytes plan) {
        while (const auto output = from.poll(world_.now)) {
            const auto* datagram = std::get_if<Datagram>(&*output);
            if (datagram == nullptr) continue;
            const Buffer foreign = tampered(datagram->bytes, plan);
            const std::uint64_t refused = to.stats().refused.total();
            const bool genuine = std::ranges::equal(foreign, datagram->bytes);
            check(to.receive(foreign, world_.now).has_value() == genuine);
            check(genuine || to.receive(datagram->bytes, world_.now).has_value());
            check(to.stats().refused.total() == refused + (genuine ? 0 : 1));
        }
        check(from.deadline() > world_.now);
        check(from.state() == CallState::active);
    }

    Buffer offer_of_stranger() {
        Account& callee = world_.callee.account;
        auto call = stranger_.account.dial(callee.identity(), *callee.bundle(), {}, world_.now);
        const auto output = call->poll(world_.now);
        return to_buffer(std::get<Signal>(*output).bytes);
    }

    test::TwoParty world_{1};
    test::Side stranger_{2};
    Buffer unseen_offer_ = offer_of_stranger();
};

}  // namespace sotto::fuzz
