// Messages of all three types, changed at random: refused by name, and nothing moves.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "support/message_of_each_type.h"
#include "support/mutate.h"

using namespace sotto;
using namespace sotto::crypto;
using namespace sotto::test;

namespace {

constexpr int mutations = 200'000 / mutations_share;

bool is_named(Error error) {
    constexpr Error all[] = {Error::truncated,       Error::malformed, Error::unsupported_version,
                             Error::unknown_session, Error::forged,    Error::wrong_identity,
                             Error::replayed,        Error::too_large};
    return std::ranges::find(all, error) != std::end(all);
}

}  // namespace

TEST_CASE("of many changed messages of all types each is refused by name, and none changes the record") {
    constexpr std::uint64_t seed = 97;
    CAPTURE(seed);
    MessageOfEachType fixture(seed);
    SeededRandom random(seed + 2);
    std::map<MessageType, Buffer> before;
    for (const auto& [type, flight] : fixture.genuine) before[type] = saved(fixture.receiver(type));
    std::map<Error, int> refused;
    for (int i = 0; i < mutations; ++i) {
        const auto type = static_cast<MessageType>(1 + random.below(3));
        const Buffer& genuine = fixture.genuine[type].message;
        const Buffer& other = fixture.genuine[static_cast<MessageType>(1 + random.below(3))].message;
        Buffer changed = flipped(genuine, random);
        switch (random.below(5)) {
            case 0: changed.resize(random.below(changed.size())); break;
            case 1: changed.resize(changed.size() + 1 + random.below(64)); break;
            case 2:  // one's beginning before another's end
                changed = genuine;
                changed.resize(random.below(genuine.size()));
                changed.insert(changed.end(), other.end() - static_cast<std::ptrdiff_t>(random.below(other.size())),
                               other.end());
                break;
            default: break;
        }
        if (changed == genuine) continue;
        const auto opened = fixture.receiver(type).open(changed);
        REQUIRE_FALSE(opened);
        REQUIRE(is_named(opened.error()));
        ++refused[opened.error()];
        REQUIRE(saved(fixture.receiver(type)) == before[type]);
    }
    CHECK(refused[Error::truncated] > mutations / 100);
    CHECK(refused[Error::unknown_session] > mutations / 100);
    CHECK(refused[Error::forged] > mutations / 100);
    fixture.arrive();
    // What is not in a record, the sending chain, goes on as well.
    arrives(fixture.pair.bob(), send(fixture.pair.alice(), "go on", Step::keep));
}
