#include "crypto/media_keys.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "crypto/primitives.h"
#include "crypto/safety_number.h"
#include "support/random.h"

using namespace sotto;
using namespace sotto::crypto;

namespace {

PublicIdentity identity(int n) {
    PublicIdentity made;
    made.key.fill(static_cast<std::byte>(n));
    return made;
}

CallBinding binding(int call, int caller, int callee) {
    CallBinding made{.call = {}, .caller = identity(caller), .callee = identity(callee)};
    made.call.bytes.fill(static_cast<std::byte>(call));
    return made;
}

ExportSecret secret(int n) {
    ExportSecret made;
    std::ranges::fill(made.fill(), static_cast<std::byte>(n));
    return made;
}

Generation first(const CallBinding& bound, Role role, int offer = 1, int answer = 2) {
    return {derive_call_secret(secret(offer), secret(answer), bound), 0, bound, role};
}

RekeySalt salt(int n) {
    RekeySalt made;
    std::ranges::fill(made.fill(), static_cast<std::byte>(n));
    return made;
}

Generation later(std::uint16_t number, const CallBinding& bound, Role role, int request = 1, int response = 2,
                 int salted = 1) {
    return {derive_generation_secret(salt(salted), secret(request), secret(response), number, bound), number, bound,
            role};
}

template <class Key>
std::string hex(const Key& key) {
    return to_hex(key.reveal());
}

}  // namespace

TEST_CASE("what one side sends with the other receives with, epoch by epoch and in every generation") {
    const CallBinding bound = binding(1, 2, 3);
    for (const std::uint16_t number : std::initializer_list<std::uint16_t>{0, 1, 65535}) {
        CAPTURE(number);
        Generation caller = number == 0 ? first(bound, Role::caller) : later(number, bound, Role::caller);
        Generation callee = number == 0 ? first(bound, Role::callee) : later(number, bound, Role::callee);
        const auto agree = [&](EpochChain<Sending>& from, EpochChain<Receiving>& to, std::uint16_t epoch) {
            const auto sent = from.next();
            const auto received = to.next();
            REQUIRE(sent);
            REQUIRE(received);
            CHECK(sent->epoch == MediaEpoch{.generation = number, .epoch = epoch});
            CHECK(received->epoch == sent->epoch);
            CHECK(hex(sent->audio) == hex(received->audio));
            CHECK(hex(sent->video) == hex(received->video));
            CHECK(hex(sent->repair) == hex(received->repair));
        };
        // The directions turn by themselves: one is ahead of the other.
        for (std::uint16_t epoch = 0; epoch < 7; ++epoch) agree(caller.sending, callee.receiving, epoch);
        for (std::uint16_t epoch = 0; epoch < 3; ++epoch) agree(callee.sending, caller.receiving, epoch);
    }
}

TEST_CASE("no key serves two directions, streams, epochs, generations, calls, identities, exchanges or first secrets") {
    std::set<std::string> seen;
    std::size_t made = 0;
    const auto add_chain = [&](auto& chain) {
        for (int epoch = 0; epoch < 3; ++epoch) {
            const auto next = chain.next();
            for (const auto& key : {hex(next->audio), hex(next->video), hex(next->repair)}) {
                seen.insert(key);
                ++made;
            }
        }
    };
    const auto add = [&](Generation keys) {
        add_chain(keys.sending);
        add_chain(keys.receiving);
    };
    add(first(binding(1, 2, 3), Role::caller));
    add(first(binding(9, 2, 3), Role::caller));
    add(first(binding(1, 9, 3), Role::caller));
    add(first(binding(1, 2, 9), Role::caller));
    add(first(binding(1, 3, 2), Role::caller));
    add(first(binding(1, 2, 3), Role::caller, 9, 2));
    add(first(binding(1, 2, 3), Role::caller, 1, 9));
    add(first(binding(1, 2, 3), Role::caller, 2, 1));
    add(later(1, binding(1, 2, 3), Role::caller));
    add(later(2, binding(1, 2, 3), Role::caller));
    add(later(256, binding(1, 2, 3), Role::caller));
    add(later(1, binding(9, 2, 3), Role::caller));
    add(later(1, binding(1, 2, 3), Role::caller, 2, 1));
    add(later(1, binding(1, 2, 3), Role::caller, 1, 2, 9));
    // One exchange under two numbers, or one secret under two, is no way round.
    add(later(0, binding(1, 2, 3), Role::caller));
    const auto same = [] { return derive_call_secret(secret(7), secret(8), binding(1, 2, 3)); };
    add({same(), 3, binding(1, 2, 3), Role::caller});
    add({same(), 4, binding(1, 2, 3), Role::caller});
    CHECK(seen.size() == made);
}

TEST_CASE("keys are consumed by what they make") {
    ExportSecret offer = secret(1);
    ExportSecret answer = secret(2);
    CallSecret call = derive_call_secret(std::move(offer), std::move(answer), binding(1, 2, 3));
    const auto zero = [](std::byte b) { return b == std::byte{0}; };
    CHECK(std::ranges::all_of(offer.reveal(), zero));
    CHECK(std::ranges::all_of(answer.reveal(), zero));
    const Generation keys(std::move(call), 0, binding(1, 2, 3), Role::caller);
    CHECK(std::ranges::all_of(call.reveal(), zero));
    static_assert(!std::is_copy_constructible_v<EpochChain<Sending>>);
    static_assert(!std::is_copy_constructible_v<EpochKeys<Receiving>>);
    static_assert(!std::is_constructible_v<SrtpKey<Sending>, SrtpKey<Receiving>>);
    ExportSecret request = secret(3);
    ExportSecret response = secret(4);
    derive_generation_secret(salt(1), std::move(request), std::move(response), 1, binding(1, 2, 3));
    CHECK(std::ranges::all_of(request.reveal(), zero));
    CHECK(std::ranges::all_of(response.reveal(), zero));
}

TEST_CASE("a later generation takes the first one: who has only the later messages' secrets has none of its keys") {
    const CallBinding bound = binding(1, 2, 3);
    const auto rekeyed = [&](int offer) {
        const RekeySalt made = derive_rekey_salt(derive_call_secret(secret(offer), secret(2), bound));
        return hex(derive_generation_secret(made, secret(5), secret(6), 1, bound));
    };
    CHECK(rekeyed(1) == rekeyed(1));
    CHECK(rekeyed(1) != rekeyed(9));
    // S = Expand(G(0), "Sotto_v1_rekey_salt", 64), by the page's formula; its own secret, not G(0).
    const CallSecret call = derive_call_secret(secret(1), secret(2), bound);
    RekeySalt expected;
    hkdf_expand(call.reveal(), as_bytes("Sotto_v1_rekey_salt"), expected.fill());
    CHECK(hex(derive_rekey_salt(call)) == hex(expected));
    CHECK(hex(derive_rekey_salt(call)) != hex(call));
}

TEST_CASE("a chain holds nothing that it was or yielded: its bytes have no epoch's secret or key but the next's") {
    const CallBinding bound = binding(1, 2, 3);
    Generation keys = first(bound, Role::caller);
    const auto holds = [&](Bytes wanted) {
        const Bytes all = std::as_bytes(std::span(&keys.sending, 1));
        return !std::ranges::search(all, wanted).empty();
    };
    // E(0, 0, 0) by the page's formula, over the library's primitives.
    const CallSecret call = derive_call_secret(secret(1), secret(2), bound);
    Buffer info = to_buffer(as_bytes("Sotto_v1_epoch"));
    info.resize(info.size() + 9);
    EpochSecret begun;
    hkdf_expand(call.reveal(), info, begun.fill());
    REQUIRE(holds(begun.reveal()));  // before it is asked for
    CHECK_FALSE(holds(call.reveal()));
    const auto epoch = keys.sending.next();
    REQUIRE(epoch);
    CHECK_FALSE(holds(begun.reveal()));
    CHECK_FALSE(holds(epoch->audio.reveal()));
    CHECK_FALSE(holds(epoch->video.reveal()));
    CHECK_FALSE(holds(epoch->repair.reveal()));
}

TEST_CASE("a generation ends after 2^16 epochs") {
    Generation keys = first(binding(1, 2, 3), Role::callee);
    for (int epoch = 0; epoch < 1 << 16; ++epoch) {
        const auto next = keys.sending.next();
        REQUIRE(next);
        REQUIRE(next->epoch.number() == static_cast<std::uint32_t>(epoch));
    }
    CHECK(keys.sending.next().error() == Error::key_exhausted);
    CHECK(keys.receiving.next());
}

TEST_CASE("a safety number is 60 digits, the same from both sides, and another for any other identity") {
    const SafetyNumber number = safety_number(identity(1), identity(2));
    CHECK(number.size() == 71);
    CHECK(std::ranges::count_if(number, [](char c) { return c >= '0' && c <= '9'; }) == 60);
    CHECK(number == safety_number(identity(2), identity(1)));
    CHECK(number != safety_number(identity(1), identity(3)));
    CHECK(number != safety_number(identity(3), identity(2)));
}
