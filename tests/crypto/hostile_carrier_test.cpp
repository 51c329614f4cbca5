// Two sessions, from PQXDH on, over a carrier that keeps every message and does with it what it likes.
#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "crypto/header.h"
#include "crypto/session.h"
#include "support/mutate.h"

using namespace sotto;
using namespace sotto::crypto;
using namespace sotto::test;

namespace {

using Block = std::array<std::byte, 32>;

struct Letter {
    std::size_t to = 0;
    Buffer message;
    Buffer plaintext;
    Block exported{};
    std::size_t chain = 0;  // of its sender's, in order
    bool opened = false;
    bool lost = false;
};

Block block_of(Bytes bytes) {
    Block block;
    std::ranges::copy(bytes.first(block.size()), block.begin());
    return block;
}

// The model: a genuine message opens, to its plaintext and export secret, if it has not opened before and its chain is
// not more than four before the present one, however late it comes; nothing else opens. Either side is now and then
// restored from its record. The walk stays below Session's limits on skipped keys, which tests of their own reach.
class Walk {
  public:
    enum class Forgeries { tried, spared };

    Walk(std::uint64_t seed, Forgeries forgeries)
        : forgeries_(forgeries), random_(seed), forger_(seed + 1000), parties_(seed + 2000) {
        sessions_[alice] = Session::initiate(devices_[alice], prekeys_.publish(devices_[bob]), parties_);
        REQUIRE(sessions_[alice]);
        // Bob answers at once: before that he keeps too few keys for this model.
        send(alice);
        arrive(letters_.back());
        send(bob);
    }

    void run(int steps) {
        for (int step = 0; step < steps; ++step) {
            CAPTURE(step);
            if (step % 64 == 0) weather();
            const std::size_t to = random_.below(2);
            if (random_.chance(sending_[1 - to])) send(1 - to);
            if (random_.chance(0.02)) restore(to);
            if (random_.chance(0.3)) forge();
            if (random_.chance(delivering_[to])) deliver(to);
            if (random_.chance(0.2)) replay(to);
        }
        // What was late arrives in the end; what was lost does not.
        for (Letter& letter : letters_) {
            if (!letter.opened && !letter.lost) arrive(letter);
        }
        CHECK(chains_[alice] + chains_[bob] > 10);
        CHECK(restored_ > 5);
    }

    // Every byte that either side said.
    const std::vector<Letter>& letters() const { return letters_; }
    std::size_t forged() const { return forged_; }
    std::size_t replayed() const { return replayed_; }
    std::size_t opened() const { return static_cast<std::size_t>(std::ranges::count(letters_, true, &Letter::opened)); }

  private:
    static constexpr std::size_t alice = 0;
    static constexpr std::size_t bob = 1;

    // One-sided floods, outages and quiet alternate.
    void weather() {
        for (const std::size_t side : {alice, bob}) {
            sending_[side] = random_.chance(0.2) ? 0.9 : 0.4;
            delivering_[side] = random_.chance(0.2) ? 0.02 : 0.6;
        }
    }

    void send(std::size_t from) {
        // What the peer could not skip any more, and what a restored session can't seal, stays unsaid.
        if (sessions_[from]->sealed_unanswered() >= Session::max_skip_new_chain || !sessions_[from]->can_seal()) return;
        Letter letter{.to = 1 - from, .message = {}, .plaintext = Buffer(32 + random_.below(8))};
        random_.fill(letter.plaintext);
        letter.lost = random_.chance(0.1);
        const auto sealed = sessions_[from]->seal(letter.plaintext, random_.chance(0.3) ? Step::fresh : Step::keep);
        REQUIRE(sealed);
        if (sealed->stepped) ++chains_[from];
        letter.chain = chains_[from];
        letter.message = sealed->message;
        letter.exported = block_of(sealed->exported.reveal());
        // Under the one nonce there is, equal message keys would show as equal key streams.
        Block stream = block_of(Bytes(letter.message).last(letter.plaintext.size() + 16));
        for (std::size_t i = 0; i < stream.size(); ++i) stream[i] ^= letter.plaintext[i];
        CHECK(secrets_.insert(letter.exported).second);
        CHECK(secrets_.insert(stream).second);
        letters_.push_back(std::move(letter));
    }

    // A letter to `to` that has or has not opened, mostly a recent one; null if there is none.
    Letter* pick(std::size_t to, bool opened) {
        std::vector<Letter*> fitting;
        for (Letter& letter : letters_) {
            if (letter.to == to && letter.opened == opened && !letter.lost) fitting.push_back(&letter);
        }
        if (fitting.empty()) return nullptr;
        const std::size_t reach = random_.chance(0.9) ? std::min<std::size_t>(fitting.size(), 8) : fitting.size();
        return fitting[fitting.size() - 1 - random_.below(reach)];
    }

    void deliver(std::size_t to) {
        Letter* const letter = pick(to, false);
        if (letter != nullptr) arrive(*letter);
    }

    void arrive(Letter& letter) {
        std::size_t& present = heard_[letter.to];
        if (letter.chain + kept_chains < present) {
            refuse(letter.to, letter.message);
            letter.lost = true;
            return;
        }
        const auto opened = open(letter.to, letter.message);
        REQUIRE(opened);
        CHECK(opened->plaintext == letter.plaintext);
        CHECK(block_of(opened->exported.reveal()) == letter.exported);
        letter.opened = true;
        present = std::max(present, letter.chain);
    }

    // A session that can't go on after it is left alone: whoever has the last word in it waits for an answer.
    void restore(std::size_t side) {
        const bool heard = chains_[side] == heard_[1 - side];
        if (!heard && sessions_[side]->sealed_unanswered() > 0) return;
        const SecretBuffer record = sessions_[side]->save();
        sessions_[side] = Session::restore(record.reveal(), parties_);
        REQUIRE(sessions_[side]);
        CHECK(std::ranges::equal(sessions_[side]->save().reveal(), record.reveal()));
        ++restored_;
    }

    Result<Opened> open(std::size_t at, Bytes message) {
        if (sessions_[at]) return sessions_[at]->open(message);
        auto accepted = Session::accept(devices_[bob], prekeys_, message, parties_);
        if (!accepted) return Failure(accepted.error());
        sessions_[bob] = std::move(accepted->session);
        return std::move(accepted->first);
    }

    void replay(std::size_t to) {
        const Letter* const letter = pick(to, true);
        if (letter == nullptr) return;
        ++replayed_;
        refuse(to, letter->message);
        // Nor does an initial message begin a second session.
        if (to == bob && peek(letter->message)->initial) {
            CHECK(Session::accept(devices_[bob], prekeys_, letter->message, parties_).error() == Error::replayed);
        }
    }

    // A message made from letters of either direction, and sent to where the first of them goes.
    void forge() {
        if (forgeries_ == Forgeries::spared || letters_.empty()) return;
        const Letter& letter = any();
        const Letter& other = any();
        const std::size_t sealed_size = letter.plaintext.size() + 16;
        std::size_t to = letter.to;
        Buffer message = letter.message;
        const MutableBytes front = MutableBytes(message).first(message.size() - sealed_size);
        const Bytes others = Bytes(other.message).first(other.message.size() - other.plaintext.size() - 16);
        switch (forger_.below(7)) {
            case 0: message = flipped(message, forger_); break;
            case 1: message.resize(forger_.below(message.size())); break;
            case 2: message.push_back(std::byte{0}); break;
            case 3: forger_.fill(front.last(80).first(24)); break;  // a nonce, or some of a header
            case 4:                                                 // another's header before one's ciphertext
                message.erase(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(front.size()));
                message.insert(message.begin(), others.begin(), others.end());
                break;
            case 5:  // one's header before another's ciphertext
                message.resize(message.size() - sealed_size);
                std::ranges::copy(Bytes(other.message).last(other.plaintext.size() + 16), std::back_inserter(message));
                break;
            default: to = 1 - to;  // back to its sender
        }
        if (message == letter.message && to == letter.to) return;
        ++forged_;
        refuse(to, message);
    }
    const Letter& any() {
        const std::size_t reach = forger_.chance(0.8) ? std::min<std::size_t>(letters_.size(), 12) : letters_.size();
        return letters_[letters_.size() - 1 - forger_.below(reach)];
    }

    void refuse(std::size_t at, Bytes message) {
        if (!sessions_[at]) {
            CHECK_FALSE(open(at, message));
            return;
        }
        const SecretBuffer before = sessions_[at]->save();
        CHECK_FALSE(open(at, message));
        CHECK(std::ranges::equal(sessions_[at]->save().reveal(), before.reveal()));
    }

    static constexpr std::size_t kept_chains = 4;

    Forgeries forgeries_;
    SeededRandom random_;   // the carrier's
    SeededRandom forger_;   // only forge() draws from it
    SeededRandom parties_;  // both sessions'
    Device devices_[2] = {Device::generate(Identity::generate(parties_), parties_),
                          Device::generate(Identity::generate(parties_), parties_)};
    PrekeyStore prekeys_ = PrekeyStore::generate(1, parties_);
    Result<Session> sessions_[2] = {Failure(Error::unknown_session), Failure(Error::unknown_session)};
    std::vector<Letter> letters_;
    std::set<Block> secrets_;
    double sending_[2] = {};
    double delivering_[2] = {};
    std::size_t chains_[2] = {};  // that each side has begun
    std::size_t heard_[2] = {};   // the newest chain of the other's that each side has opened a letter of
    std::size_t restored_ = 0;
    std::size_t forged_ = 0;
    std::size_t replayed_ = 0;
};

}  // namespace

TEST_CASE(
    "a hostile carrier opens nothing twice, forges nothing, and no key or export secret of a session "
    "repeats") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        CAPTURE(seed);
        Walk hostile(seed, Walk::Forgeries::tried);
        hostile.run(3000);
        CHECK(hostile.opened() > 500);
        CHECK(hostile.opened() < hostile.letters().size());
        CHECK(hostile.forged() > 500);
        CHECK(hostile.replayed() > 400);
    }
}

TEST_CASE("forged messages change nothing: with or without them both sides say the same bytes to the end") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CAPTURE(seed);
        Walk hostile(seed, Walk::Forgeries::tried);
        Walk honest(seed, Walk::Forgeries::spared);
        hostile.run(1500);
        honest.run(1500);
        CHECK(hostile.forged() > 250);
        CHECK(honest.forged() == 0);
        REQUIRE(hostile.letters().size() == honest.letters().size());
        for (std::size_t i = 0; i < honest.letters().size(); ++i) {
            REQUIRE(hostile.letters()[i].message == honest.letters()[i].message);
            REQUIRE(hostile.letters()[i].opened == honest.letters()[i].opened);
        }
    }
}
