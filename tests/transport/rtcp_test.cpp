#include "transport/rtcp.h"

#include <doctest/doctest.h>

#include "sotto/identity.h"
#include "support/mutate.h"

using namespace sotto;
using namespace sotto::transport;

namespace {

constexpr Ssrc ours{0x11111111};
constexpr Ssrc theirs{0x22222222};

Buffer written(const RtcpOutgoing& report) {
    Buffer room(1000);
    const auto size = write_rtcp(report, room);
    REQUIRE(size);
    room.resize(*size);
    return room;
}

constexpr std::array<SequenceNumber, 5> nacks{SequenceNumber{65534}, SequenceNumber{65535}, SequenceNumber{3},
                                              SequenceNumber{15}, SequenceNumber{100}};

RtcpOutgoing everything() {
    return {.sender = theirs,
            .sender_info =
                SenderInfo{.ntp = NtpTime{0x0123456789abcdef}, .rtp = RtpTimestamp{77}, .packets = 5, .octets = 600},
            .report = ReportBlock{.source = ours,
                                  .fraction_lost = 12,
                                  .cumulative_lost = -3,
                                  .highest_sequence = 0x1ffff,
                                  .jitter = 9,
                                  .last_sr = 0xabcd,
                                  .delay_since_last_sr = 65536},
            .cname = "a-name",
            .media_source = ours,
            .nacks = nacks,
            .picture_loss = true,
            .bye = true};
}

}  // namespace

TEST_CASE("a compound report survives writing and parsing") {
    const auto parsed = parse_rtcp(written(everything()), ours);
    REQUIRE(parsed);
    CHECK(parsed->sender == theirs);
    CHECK(parsed->sender_info->ntp == NtpTime{0x0123456789abcdef});
    CHECK(parsed->sender_info->rtp.value == 77);
    CHECK(parsed->sender_info->packets == 5);
    CHECK(parsed->sender_info->octets == 600);
    CHECK(parsed->report->fraction_lost == 12);
    CHECK(parsed->report->cumulative_lost == -3);
    CHECK(parsed->report->highest_sequence == 0x1ffff);
    CHECK(parsed->report->jitter == 9);
    CHECK(parsed->report->last_sr == 0xabcd);
    CHECK(parsed->report->delay_since_last_sr == 65536);
    CHECK(parsed->picture_loss);
    CHECK(parsed->bye);
    REQUIRE(parsed->nack_count == nacks.size());
    for (std::size_t i = 0; i < nacks.size(); ++i) CHECK(parsed->nacks[i] == nacks[i]);
}

TEST_CASE("NACKs within sixteen of the first share one pair") {
    // RFC 4585 §6.2.1: PID 65534 with BLP bits for 65535 (+1), 3 (+5); 15 (+17) needs its own; 100 too.
    const Buffer bytes = written({.sender = theirs, .media_source = ours, .nacks = nacks});
    CHECK(to_hex(bytes).ends_with("81cd00051111"
                                  "1111"
                                  "fffe0011"
                                  "000f0000"
                                  "00640000") == false);
    CHECK(
        to_hex(bytes).ends_with("81cd0005"
                                "22222222"
                                "11111111"
                                "fffe0011"
                                "000f0000"
                                "00640000"));
}

TEST_CASE("what is about another stream is not taken for ours") {
    const auto parsed = parse_rtcp(written(everything()), Ssrc{0x33333333});
    REQUIRE(parsed);
    CHECK_FALSE(parsed->report);
    CHECK_FALSE(parsed->picture_loss);
    CHECK(parsed->nack_count == 0);
    CHECK(parsed->sender_info);
}

TEST_CASE("an SDES name of any length keeps the compound packet aligned") {
    for (std::size_t length = 0; length < 40; ++length) {
        const std::string cname(length, 'x');
        const Buffer bytes = written({.sender = theirs, .cname = cname, .media_source = ours, .bye = true});
        CHECK(bytes.size() % 4 == 0);
        CHECK(parse_rtcp(bytes, ours)->bye);
    }
}

TEST_CASE("a compound packet cut short is refused unless the cut falls between packets") {
    const Buffer bytes = written(everything());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto parsed = parse_rtcp(Bytes(bytes).first(size), ours);
        if (parsed) CHECK_FALSE(parsed->bye);
        if (size % 4 != 0) CHECK_FALSE(parsed);
    }
    CHECK(parse_rtcp({}, ours).error() == Error::truncated);
}

TEST_CASE("a packet must begin with a report, and unknown types are skipped") {
    const Buffer bye = *from_hex("81cb000122222222");
    CHECK(parse_rtcp(bye, ours).error() == Error::malformed);
    const Buffer report_unknown_bye = *from_hex(
        "80c9000122222222"
        "80cf000122222222"
        "81cb000122222222");
    const auto parsed = parse_rtcp(report_unknown_bye, ours);
    REQUIRE(parsed);
    CHECK(parsed->bye);
}

TEST_CASE("wrong versions, padding in the middle and lying lengths are refused") {
    CHECK(parse_rtcp(*from_hex("40c9000122222222"), ours).error() == Error::unsupported_version);
    CHECK(parse_rtcp(*from_hex("a0c900022222222200000004"
                               "80c9000122222222"),
                     ours)
              .error() == Error::malformed);
    CHECK(parse_rtcp(*from_hex("81c9000122222222"), ours).error() == Error::malformed);
    CHECK(parse_rtcp(*from_hex("80c9000222222222"), ours).error() == Error::truncated);
}

TEST_CASE("mutated reports never do more than be refused or parsed within bounds") {
    test::SeededRandom random(2);
    const Buffer bytes = written(everything());
    int refused = 0;
    for (int i = 0; i < 20000; ++i) {
        const auto parsed = parse_rtcp(test::flipped(Bytes(bytes).first(random.below(bytes.size() + 1)), random), ours);
        if (!parsed) ++refused;
        if (parsed) CHECK(parsed->nack_count <= max_nacks);
    }
    CHECK(refused > 1000);
}

TEST_CASE("a report that does not fit is refused") {
    std::array<std::byte, 40> room{};
    CHECK(write_rtcp(everything(), room).error() == Error::too_large);
}
