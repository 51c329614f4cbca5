#include "call/signal.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

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
constexpr std::array<std::byte, 32> capability{std::byte{7}, std::byte{8}};

const std::array<CallSignal, 13> all{signal(Offer{streams, sas}),
                                     signal(Answer{streams, sas}),
                                     signal(Route{as_bytes("127.0.0.1 5000")}),
                                     signal(HangUp{EndReason::declined}),
                                     signal(Reveal{sas}),
                                     signal(Rekey{3}),
                                     signal(Rekeyed{0xffffffff}),
                                     signal(Offer{streams, sas, capability}),
                                     CallSignal{.call = {}, .body = Grant{3, capability}},
                                     signal(Ringing{}),
                                     signal(MediaNotice{7, {.muted = true, .held = true}}),
                                     signal(Pictures{Pictures::Say::agree}),
                                     signal(Answer{streams, sas, CallId{{std::byte{9}}}, 5})};

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

TEST_CASE("an offer says 52 bytes without a capability and 84 with one, and nothing between or beyond") {
    const auto body_of = [](const CallSignal& sent) {
        const auto bytes = *encode(sent);
        return std::to_integer<int>(bytes[18]) << 8 | std::to_integer<int>(bytes[19]);
    };
    CHECK(body_of(all[0]) == 52);
    CHECK(body_of(all[7]) == 84);
    const auto bytes = *encode(all[7]);
    const auto offer = parse_signal(bytes);
    REQUIRE(offer);
    REQUIRE(std::get<Offer>(offer->body).capability);
    CHECK(std::ranges::equal(*std::get<Offer>(offer->body).capability, capability));
    const auto without = *encode(all[0]);
    CHECK_FALSE(std::get<Offer>(parse_signal(without)->body).capability);
    int read = 0;
    for (int size = 0; size <= 236; ++size) {
        auto of_size = without;  // the rest is zeros
        of_size[19] = static_cast<std::byte>(size);
        const auto parsed = parse_signal(of_size);
        read += parsed ? 1 : 0;
        if (!parsed) CHECK(parsed.error() == Error::malformed);
    }
    CHECK(read == 2);
}

TEST_CASE(
    "ringing, media, pictures and an answer that withdraws a call have one size each, and say what they were given") {
    const auto sizes_of = [](const CallSignal& sent) {
        auto bytes = *encode(sent);
        std::vector<int> read;
        for (int size = 0; size <= 236; ++size) {
            bytes[18] = std::byte{};
            bytes[19] = static_cast<std::byte>(size);
            if (parse_signal(bytes)) read.push_back(size);
        }
        return read;
    };
    auto quiet = all[10];
    quiet.body = MediaNotice{};  // so that only zeros follow, whatever the size
    CHECK(sizes_of(all[9]) == std::vector{0});
    CHECK(sizes_of(quiet) == std::vector{5});
    CHECK(sizes_of(signal(Pictures{})) == std::vector{1});
    CHECK(sizes_of(signal(Answer{streams, {}})) == std::vector{52, 68});

    const auto bytes = *encode(all[10]);
    const auto media = std::get<MediaNotice>(parse_signal(bytes)->body);
    CHECK(media.number == 7);
    CHECK(media.status == MediaStatus{.muted = true, .held = true});
    const auto answer = *encode(all[12]);
    CHECK(std::get<Answer>(parse_signal(answer)->body).withdrawn == CallId{{std::byte{9}}});
    CHECK(std::get<Answer>(parse_signal(answer)->body).number == 5);
    const auto numbered = *encode(signal(Offer{streams, sas, capability, 0x01020304}));
    CHECK(std::get<Offer>(parse_signal(numbered)->body).number == 0x01020304);
    CHECK(parse_signal(*encode(signal(Offer{streams, sas, {}, 0}))).error() == Error::malformed);
    auto unknown = bytes;
    unknown[24] = std::byte{8};  // a flag that nobody knows
    CHECK(parse_signal(unknown).error() == Error::malformed);
    auto pictures = *encode(all[11]);
    pictures[20] = std::byte{3};
    CHECK(parse_signal(pictures).error() == Error::malformed);
}

TEST_CASE("a grant is of no call, has a number that is not 0, and exactly one capability") {
    const auto bytes = *encode(all[8]);
    const auto grant = parse_signal(bytes);
    REQUIRE(grant);
    CHECK(std::get<Grant>(grant->body).number == 3);
    CHECK(std::ranges::equal(std::get<Grant>(grant->body).capability, capability));
    const auto with = [&](std::size_t at, int value) {
        auto other = bytes;
        other[at] = static_cast<std::byte>(value);
        return parse_signal(other).error();
    };
    CHECK(with(2, 1) == Error::malformed);   // the call's id
    CHECK(with(17, 1) == Error::malformed);  // its last byte
    CHECK(with(23, 0) == Error::malformed);  // the number
    for (const int size : {0, 3, 4, 35, 37, 68}) CHECK(with(19, size) == Error::malformed);
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
