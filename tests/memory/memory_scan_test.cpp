// After a call, and after the accounts are gone, the process holds none of the secrets it has used. What a compiler
// spills into registers and frames is searched like the rest; that other compilers spill nothing else is not proven.
#include <doctest/doctest.h>

#include <array>
#include <map>
#include <memory>

#include "apps/sotto/private_file.h"
#include "crypto/session.h"
#include "memory/needles.h"
#include "sim/two_party.h"
#include "support/temporary_folder.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

using Counts = std::map<std::pair<std::string, std::string>, int>;

Counts search() {
    Counts counts;
    for (const auto& [what, where] : Needles::all().search()) ++counts[{what, where}];
    return counts;
}

std::string told(const Counts& counts) {
    std::string text;
    for (const auto& [place, count] : counts) {
        text += "\n  " + std::to_string(count) + " of " + place.first + " in " + place.second;
    }
    return text;
}

int in(const Counts& counts, const std::string& what, const std::string& where) {
    int sum = 0;
    for (const auto& [place, count] : counts) {
        sum += place.first == what && place.second.find(where) != std::string::npos ? count : 0;
    }
    return sum;
}

std::array<std::byte, 64> in_static_data{std::byte{1}};  // initialised, so that its mapping bears the program's name

// Deeper than the search's own frames reach.
[[gnu::noinline]] void leave_on_stack(Bytes secret) {
    std::array<std::byte, 65536> frame;
    std::ranges::copy(secret, frame.begin() + 3);  // at any alignment
    __asm__ __volatile__("" : : "r"(frame.data()) : "memory");
}
[[gnu::noinline]] void wipe_stack() {
    std::array<std::byte, 131072> frame;
    wipe(frame.data(), frame.size());
}

// Runs below a gap in the stack, so that the search afterwards, whose frames end within the gap, finds all that was
// left.
[[gnu::noinline]] Counts deep_down(Counts (*run)(std::uint64_t), std::uint64_t seed) {
    std::array<std::byte, 65536> gap;
    __asm__ __volatile__("" : : "r"(gap.data()) : "memory");
    Counts counts = run(seed);
    __asm__ __volatile__("" : : "r"(gap.data()) : "memory");
    return counts;
}

// A whole life of two accounts: a call, prekeys renewed, the call's end. Gives what was found before the end.
[[gnu::noinline]] Counts live_and_die(std::uint64_t seed) {
    TwoParty world(seed);
    world.connect();
    REQUIRE(world.caller.active);
    REQUIRE(world.callee.active);
    world.talk(2s);
    REQUIRE(world.callee.account.renew_prekeys());
    Counts during = search();
    world.caller.call->hang_up(world.now);
    world.settle();
    REQUIRE(world.callee.ended);
    return during;
}

// What is drawn for a private key or a seed counts from then on: most prekeys never reach libsodium.
class RecordedRandom final : public Random {
  public:
    explicit RecordedRandom(std::uint64_t seed) : inner_(seed) {}
    void fill(MutableBytes out) override {
        inner_.fill(out);
        if (records && out.size() >= 32) Needles::all().add("a private key or seed as drawn", out);
    }
    bool records = true;

  private:
    SeededRandom inner_;
};

// A conversation in which most messages are overtaken, some for ever: so that keys are skipped, kept, moved and given
// up.
[[gnu::noinline]] Counts overtake(std::uint64_t seed) {
    using namespace sotto::crypto;
    RecordedRandom random(seed);
    const Device alice = Device::generate(Identity::generate(random), random);
    const Device bob = Device::generate(Identity::generate(random), random);
    PrekeyStore prekeys = PrekeyStore::generate(50, random);
    Session ours = std::move(*Session::initiate(alice, prekeys.publish(bob), random));
    auto accepted = Session::accept(bob, prekeys, ours.seal(as_bytes("first"), Step::keep)->message, random);
    REQUIRE(accepted);
    Session theirs = std::move(accepted->session);
    for (int turn = 0; turn < 4; ++turn) {
        REQUIRE(ours.open(theirs.seal(as_bytes("go on"), Step::fresh)->message));
        std::vector<Buffer> messages;
        messages.reserve(90);
        for (int i = 0; i < 90; ++i) {
            messages.push_back(ours.seal(as_bytes("word"), i == 0 ? Step::fresh : Step::keep)->message);
        }
        for (std::size_t i = messages.size(); i > 0; i -= 3) REQUIRE(theirs.open(messages[i - 1]));
    }
    CHECK(theirs.skipped_held() > 100);
    Counts during = search();
    prekeys.renew(50, random);
    return during;
}

// A capability given, shown, taken back and given anew. What a grant draws is its session's keys, and the capability.
[[gnu::noinline]] Counts give_and_ring(std::uint64_t seed) {
    RecordedRandom random(seed);
    random.records = false;
    constexpr Instant now{1000s};
    Account alice = Account::create(random), bob = Account::create(random);
    REQUIRE(alice.contacts().meet("Bob", bob.identity()));
    REQUIRE(bob.contacts().meet("Alice", alice.identity()));
    for (int turn = 0; turn < 2; ++turn) {
        const Buffer bundle = *alice.bundle();
        random.records = true;
        const auto grant = bob.grant(alice.identity(), bundle);
        random.records = false;
        REQUIRE(grant);
        REQUIRE(alice.receive(*grant, now));
        auto call = alice.dial(bob.identity(), *bob.bundle(), {.video = false}, now);
        REQUIRE(call);
        const auto offer = call->poll(now);
        REQUIRE(bob.receive(std::get<Signal>(*offer).bytes, now));
        if (turn == 0) REQUIRE(bob.revoke(alice.identity()));
    }
    return search();
}

// A key in its file and back, and as a passphrase; and one in a file that is larger than any of ours.
[[gnu::noinline]] Counts keep_in_files(std::uint64_t seed) {
    const TemporaryFolder folder;
    RecordedRandom random(seed);
    Secret<struct TestKeyRole, 32> key, again;
    random.fill(key.fill());
    const SecretBuffer line = app::to_hex_line(key.reveal());
    Needles::all().add("a key's text", line.reveal());
    REQUIRE(app::write_private_file(folder.file("key"), line.reveal()));
    const auto read = app::read_private_file(folder.file("key"));
    REQUIRE(read);
    REQUIRE(app::read_hex_line((*read)->reveal(), again.fill()));
    CHECK(std::ranges::equal(again.reveal(), key.reveal()));
    const auto passphrase = app::read_first_line(folder.file("key"));
    REQUIRE(passphrase);
    CHECK(app::text_in(*passphrase).size() == 64);
    SecretBuffer large(70000);
    std::ranges::copy(line.reveal(), large.fill().begin());
    REQUIRE(app::write_private_file(folder.file("large"), large.reveal()));
    CHECK_FALSE(app::read_private_file(folder.file("large")));
    return search();
}

}  // namespace

TEST_CASE("a secret left in the heap, freed or not, in static data or in dead stack is found") {
    Needles::all().clear();
    SeededRandom random(1);
    auto on_heap = std::make_unique<std::array<std::byte, 64>>();
    random.fill(*on_heap);
    Needles::all().add("planted", *on_heap);
    CHECK(Needles::all().count() == 4);
    CHECK(in(search(), "planted", "[heap]") == 4);
    CHECK(in(search(), "planted", "memory_scan_tests") == 0);
    in_static_data = *on_heap;
    CHECK(in(search(), "planted", "memory_scan_tests") == 4);
    wipe_stack();
    CHECK(in(search(), "planted", "[stack]") == 0);
    leave_on_stack(*on_heap);
    CHECK(in(search(), "planted", "[stack]") >= 4);
    wipe_stack();
    wipe(in_static_data.data(), in_static_data.size());
    wipe(on_heap->data(), on_heap->size());
    CHECK(told(search()) == "");

    random.fill(*on_heap);
    Needles::all().add("freed", *on_heap);
    on_heap.reset();
    CHECK(in(search(), "freed", "[heap]") == 4);
}

TEST_CASE("when calls and accounts are gone, none of their secrets is left in memory") {
    Needles::all().clear();
    const Counts during = deep_down(live_and_die, 70);
    const Counts after = search();
    MESSAGE(Needles::all().count(), " needles; while the accounts lived:", told(during), "\nafterwards:", told(after));
    // The search knows the secrets of this very call, libsrtp's too.
    CHECK(in(during, "an X25519 private key", "") > 0);
    CHECK(in(during, "an identity's or a device's seed", "") > 0);
    CHECK(in(during, "an SRTP session key", "") > 0);
    CHECK(told(after) == "");
}

TEST_CASE("when a session is gone, none of the keys that it skipped or gave up is left in memory") {
    Needles::all().clear();
    const Counts during = deep_down(overtake, 71);
    const Counts after = search();
    MESSAGE(Needles::all().count(), " needles; while the session lived:", told(during), "\nafterwards:", told(after));
    CHECK(in(during, "a chain step: message key, export secret or chain key", "") > 400);
    CHECK(in(during, "a private key or seed as drawn", "") > 250);
    CHECK(told(after) == "");
}

TEST_CASE("of capabilities that were given, shown and revoked none is left in memory") {
    Needles::all().clear();
    const Counts during = deep_down(give_and_ring, 72);
    const Counts after = search();
    MESSAGE(Needles::all().count(), " needles; while the accounts lived:", told(during), "\nafterwards:", told(after));
    CHECK(in(during, "a private key or seed as drawn", "") >= 2);
    CHECK(told(after) == "");
}

TEST_CASE("of keys and passphrases that were written to files and read none is left in memory") {
    Needles::all().clear();
    const Counts during = deep_down(keep_in_files, 73);
    const Counts after = search();
    MESSAGE(Needles::all().count(), " needles; while they were used:", told(during), "\nafterwards:", told(after));
    CHECK(in(during, "a key's text", "") >= 4);
    CHECK(in(during, "a private key or seed as drawn", "") >= 4);
    CHECK(told(after) == "");
}
