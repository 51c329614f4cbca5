// A peer with a genuine session that seals whatever the program says, to an account that dials, answers and hangs up.
#pragma once

#include <set>

#include "base/byte_writer.h"
#include "call/signal.h"
#include "crypto/session.h"
#include "fuzz/harness.h"
#include "sotto/account.h"
#include "support/policy.h"
#include "support/random.h"

namespace sotto::fuzz {

class HostileSignals {
  public:
    // The account learns of the session by its first message, so that a program may begin with its dialling.
    HostileSignals() {
        static_cast<void>(
            account_.receive(sessions_.back().seal(as_bytes("hello"), crypto::Step::keep)->message, now_));
    }

    // The calls of one program; the sessions outlive it.
    void run(Program program) {
        renew();
        while (!program.done()) step(program);
        calls_.clear();
    }

  private:
    struct Tracked {
        Call call;
        bool ended = false;
    };

    void step(Program& program) {
        switch (program.u8() % 8) {
            case 0: dial(); break;
            case 1: now_ += program.milliseconds() * 256; break;
            case 2: accept(program); break;
            case 3: hang_up(program); break;
            default: say(program);
        }
        for (Tracked& tracked : calls_) poll(tracked);
    }

    void dial() {
        if (calls_.size() == 4) return;
        auto call = account_.dial(peer_.identity(), bundle_, {.video = false}, now_);
        // Not while the peer rings here, or talks.
        const bool theirs = std::ranges::any_of(calls_, [](const Tracked& tracked) {
            const CallState state = tracked.call.state();
            return state != CallState::calling && state != CallState::alerting && state != CallState::ended;
        });
        check(call.has_value() == !theirs);
        if (!call) return check(call.error() == Error::wrong_state);
        calls_.push_back({std::move(*call)});
    }

    void accept(Program& program) {
        Call* const call = find(program.u8());
        if (call == nullptr) return;
        const bool ringing = call->state() == CallState::ringing;
        check(call->accept({.video = false}, now_).has_value() == ringing);
        check((call->state() == CallState::active) || !ringing);
    }

    void hang_up(Program& program) {
        Call* const call = find(program.u8());
        if (call == nullptr) return;
        call->hang_up(now_);
        check(call->state() == CallState::ended);
    }

    Call* find(std::size_t index) { return index < calls_.size() ? &calls_[index].call : nullptr; }

    // Kind, which call it is about (or one that nobody knows, or 255: none), length, body; the padding is as it should
    // be.
    void say(Program& program) {
        std::array<std::byte, call::signal_size> plaintext{};
        ByteWriter out(plaintext);
        const std::uint8_t kind = program.u8();
        const std::uint8_t about = program.u8();
        const Call* const known = find(about);
        const Bytes body = program.bytes(program.u8() % 240U);
        const CallId unknown = about == 255 ? CallId{} : CallId{{std::byte{about}}};
        out.u8(1).u8(kind).bytes(known != nullptr ? known->id().bytes : unknown.bytes);
        out.u16(static_cast<std::uint16_t>(body.size())).bytes(body);

        const std::uint64_t refused = account_.refused().total();
        auto received = account_.receive(sessions_.back().seal(plaintext, crypto::Step::fresh)->message, now_);
        check(account_.refused().total() == refused + (received ? 0 : 1));
        const auto held = [&] { return account_.holds_capability(peer_.identity(), peer_.key()); };
        if (received && kind == grant_kind) check(held() && !*received);
        if (!received || !*received) return;
        check(known == nullptr && (*received)->state() == CallState::ringing);
        if (calls_.size() < 4) calls_.push_back({std::move(**received)});
    }

    // Calls stay in the session they began in; the account's first dial begins one of its own, by which we go on.
    bool open(Bytes message) {
        if (std::ranges::any_of(sessions_, [&](auto& session) { return session.open(message).has_value(); }))
            return true;
        auto accepted = crypto::Session::accept(peer_, prekeys_, message, random_);
        if (accepted) sessions_.push_back(std::move(accepted->session));
        accepted_ += accepted ? 1 : 0;
        return accepted.has_value();
    }

    // Only the account's first session lives on into the next program; prekeys last for 65,536 of them.
    void renew() {
        said_.clear();
        sessions_.erase(sessions_.begin(), sessions_.end() - 1);
        if (accepted_ < crypto::PrekeyStore::max_sessions / 2) return;
        accepted_ = 0;
        prekeys_.renew(0, random_);
        bundle_ = encode(prekeys_.publish(peer_));
    }

    // Each call ends at most once, and says nothing after that.
    void poll(Tracked& tracked) {
        for (int outputs = 0; const auto output = tracked.call.poll(now_); ++outputs) {
            check(outputs < 256);
            check(!tracked.ended);
            tracked.ended = std::holds_alternative<Ended>(*output);
            const auto* signal = std::get_if<Signal>(&*output);
            // An offer that may have been lost is said again as it was; anything else is said once.
            if (signal != nullptr && !said_.insert(to_buffer(signal->bytes)).second) continue;
            if (signal != nullptr) check(open(signal->bytes));
        }
        check(tracked.ended == (tracked.call.state() == CallState::ended));
        check(tracked.call.deadline() > now_);
    }

    std::vector<crypto::Session> begin() {
        std::vector<crypto::Session> sessions;
        sessions.push_back(
            std::move(*crypto::Session::initiate(peer_, *crypto::parse_bundle(*account_.bundle()), random_)));
        return sessions;
    }

    static constexpr std::uint8_t grant_kind = 8;

    test::SeededRandom random_{1};
    Account account_ = test::open_to_everyone(random_);
    crypto::Device peer_ = crypto::Device::generate(crypto::Identity::generate(random_), random_);
    crypto::PrekeyStore prekeys_ = crypto::PrekeyStore::generate(0, random_);
    Buffer bundle_ = encode(prekeys_.publish(peer_));
    std::vector<crypto::Session> sessions_ = begin();
    std::size_t accepted_ = 0;
    std::vector<Tracked> calls_;
    std::set<Buffer> said_;  // in this program
    Instant now_{std::chrono::seconds(1000)};
};

}  // namespace sotto::fuzz
