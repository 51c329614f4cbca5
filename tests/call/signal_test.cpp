#include "call/signal.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/mutate.h"

using namespace sotto;
using namespace sotto::call;

namespace {

constexpr StreamOffer streams{.audio = true,
                              .video = true,
                              .audio_channels = 2,
                              .audio_block_ms = 10,
                              .audio_ssrc = Ssrc{0x11223344},
                              .video_ssrc = Ssrc{0x55667788},
                              .repair_ssrc = Ssrc{0x99aabbcc}};

CallSignal signal(decltype(CallSignal::body) body) {
    CallSignal made{.call = {}, .body = body};
    for (std::size_t i = 0; i < made.call.bytes.size(); ++i) made.call.bytes[i] = static_cast<std::byte>(i);
    return made;
}

constexpr SasBytes sas{std::byte{1}, std::byte{2}};

const std::array<CallSignal, 7> all{
    signal(Offer{streams, sas}),         signal(Answer{streams, sas}), signal(Route{as_bytes("127.0.0.1 5000")}),
    signal(HangUp{EndReason::declined}), signal(Reveal{sas}),          signal(Rekey{3}),
    signal(Rekeyed{0xffffffff})};

}  // namespace

TEST_CASE("every signal survives its encoding, and all are of one size") {
    for (const CallSignal& sent : all) {
        const auto bytes = encode(sent);
        REQUIRE(bytes);
        CHECK(bytes->size() == signal_size);
        const auto parsed = parse_signal(*bytes);
        REQUIRE(parsed);
        CHECK(parsed->call == sent.call);
        CHECK(parsed->body.index() == sent.body.index());
        CHECK(encode(*parsed) == bytes);
    }
    const auto offer = parse_signal(*encode(all[0]));
    CHECK(std::get<Offer>(offer->body).streams.video_ssrc == Ssrc{0x55667788});
    CHECK(std::get<Offer>(offer->body).streams.repair_ssrc == Ssrc{0x99aabbcc});
    const auto bytes = encode(all[2]);
    const auto route = parse_signal(*bytes);
    CHECK(to_buffer(std::get<Route>(route->body).route) == to_buffer(as_bytes("127.0.0.1 5000")));
}

TEST_CASE("a route over the limit is refused before anything is sealed") {
    const Buffer route(Route::max_size + 1);
    CHECK(encode(signal(Route{route})).error() == Error::too_large);
}

TEST_CASE("signals cut short, lengthened or of another version are refused by name") {
    for (const CallSignal& sent : all) {
        const auto bytes = *encode(sent);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            CHECK(parse_signal(Bytes(bytes).first(size)).error() == Error::truncated);
        }
        Buffer longer = to_buffer(bytes);
        longer.push_back(std::byte{0});
        CHECK(parse_signal(longer).error() == Error::malformed);
        Buffer other = to_buffer(bytes);
        other[0] = std::byte{9};
        CHECK(parse_signal(other).error() == Error::unsupported_version);
    }
}

TEST_CASE("an offer tells whether its sender allows a direct path, and flags that nobody knows are malformed") {
    for (const bool direct : {false, true}) {
        StreamOffer offered = streams;
        offered.direct = direct;
        const auto bytes = encode(signal(Offer{offered, sas}));
        REQUIRE(bytes);
        CHECK((*bytes)[20] == std::byte(direct ? 7 : 3));
        const auto parsed = parse_signal(*bytes);
        REQUIRE(parsed);
        CHECK(std::get<Offer>(parsed->body).streams.direct == direct);
        auto unknown = *bytes;
        unknown[20] |= std::byte{8};
        CHECK(parse_signal(unknown).error() == Error::malformed);
    }
}

TEST_CASE("streams with equal SSRCs are malformed, whichever two they are") {
    StreamOffer equal = streams;
    SUBCASE("sound and pictures") { equal.video_ssrc = equal.audio_ssrc; }
    SUBCASE("sound and repair") { equal.repair_ssrc = equal.audio_ssrc; }
    SUBCASE("pictures and repair") { equal.repair_ssrc = equal.video_ssrc; }
    CHECK(parse_signal(*encode(signal(Offer{equal, sas}))).error() == Error::malformed);
}

TEST_CASE("a changed signal is refused or reads as exactly the bytes it has") {
    test::SeededRandom random(1);
    for (int i = 0; i < 20000; ++i) {
        const Buffer changed = test::flipped(*encode(all[random.below(all.size())]), random);
        const auto parsed = parse_signal(changed);
        if (!parsed) continue;
        const auto again = encode(*parsed);
        REQUIRE(again);
        CHECK(std::ranges::equal(*again, changed));
    }
}
