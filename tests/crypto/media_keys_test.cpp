#include "crypto/media_keys.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

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

MediaKeySchedule schedule(const CallBinding& bound, Role role, int offer = 1, int answer = 2) {
    return MediaKeySchedule(derive_call_secret(secret(offer), secret(answer), bound), bound, role);
}

template <class Key>
std::string hex(const Key& key) {
    return to_hex(key.reveal());
}

}  // namespace

TEST_CASE("what one side sends with the other receives with, epoch by epoch") {
    const CallBinding bound = binding(1, 2, 3);
    MediaKeySchedule caller = schedule(bound, Role::caller);
    MediaKeySchedule callee = schedule(bound, Role::callee);
    for (std::uint32_t epoch = 0; epoch < 5; ++epoch) {
        const auto ours = caller.next();
        const auto theirs = callee.next();
        REQUIRE(ours);
        REQUIRE(theirs);
        CHECK(ours->epoch == epoch);
        CHECK(hex(ours->send_audio) == hex(theirs->receive_audio));
        CHECK(hex(ours->send_video) == hex(theirs->receive_video));
        CHECK(hex(ours->receive_audio) == hex(theirs->send_audio));
        CHECK(hex(ours->receive_video) == hex(theirs->send_video));
    }
}

TEST_CASE("no key serves two directions, media, epochs, calls, identities or exchanges") {
    std::set<std::string> seen;
    std::size_t made = 0;
    const auto add = [&](MediaKeySchedule keys) {
        for (int epoch = 0; epoch < 3; ++epoch) {
            const auto next = keys.next();
            for (const auto& key :
                 {hex(next->send_audio), hex(next->send_video), hex(next->receive_audio), hex(next->receive_video)}) {
                seen.insert(key);
                ++made;
            }
        }
    };
    add(schedule(binding(1, 2, 3), Role::caller));
    add(schedule(binding(9, 2, 3), Role::caller));
    add(schedule(binding(1, 9, 3), Role::caller));
    add(schedule(binding(1, 2, 9), Role::caller));
    add(schedule(binding(1, 3, 2), Role::caller));
    add(schedule(binding(1, 2, 3), Role::caller, 9, 2));
    add(schedule(binding(1, 2, 3), Role::caller, 1, 9));
    add(schedule(binding(1, 2, 3), Role::caller, 2, 1));
    CHECK(seen.size() == made);
}

TEST_CASE("keys are consumed by what they make") {
    ExportSecret offer = secret(1);
    ExportSecret answer = secret(2);
    CallSecret call = derive_call_secret(std::move(offer), std::move(answer), binding(1, 2, 3));
    const auto zero = [](std::byte b) { return b == std::byte{0}; };
    CHECK(std::ranges::all_of(offer.reveal(), zero));
    CHECK(std::ranges::all_of(answer.reveal(), zero));
    const MediaKeySchedule keys(std::move(call), binding(1, 2, 3), Role::caller);
    CHECK(std::ranges::all_of(call.reveal(), zero));
    static_assert(!std::is_copy_constructible_v<MediaKeySchedule>);
}

TEST_CASE("a safety number is 60 digits, the same from both sides, and another for any other identity") {
    const SafetyNumber number = safety_number(identity(1), identity(2));
    CHECK(number.size() == 71);
    CHECK(std::ranges::count_if(number, [](char c) { return c >= '0' && c <= '9'; }) == 60);
    CHECK(number == safety_number(identity(2), identity(1)));
    CHECK(number != safety_number(identity(1), identity(3)));
    CHECK(number != safety_number(identity(3), identity(2)));
}
