#include "transport/rtcp.h"

#include <doctest/doctest.h>

#include "sotto/identity.h"
#include "support/mutate.h"
#include "support/random.h"

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

const CongestionFeedback& arrivals() {
    static const CongestionFeedback feedback = [] {
        CongestionFeedback made;
        made.timestamp = 0xcafe0001;
        made.begin(ours, SequenceNumber{65535});
        for (const PacketMetric metric : {arrived_before(2), not_received, arrived_before(0)}) made.add(metric);
        made.begin(Ssrc{0x33333333}, SequenceNumber{7});
        made.add(arrived_before(offset_unavailable));
        made.add(arrived_before(1023));
        return made;
    }();
    return feedback;
}

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
            .bye = true,
            .congestion = &arrivals(),
            .decode_load = 812};
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
    CHECK(parsed->decode_load == 812);
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

// RFC 8888 §3.1, figure 1.
constexpr std::string_view arrivals_hex =
    "8bcd0009"
    "22222222"
    "11111111"
    "ffff0003"
    "80020000"
    "80000000"
    "33333333"
    "00070002"
    "9fff83ff"
    "cafe0001";

TEST_CASE("congestion feedback is laid out as RFC 8888 says, and may go without a report before it") {
    const Buffer bytes = written({.sender = theirs, .congestion = &arrivals(), .reduced = true});
    CHECK(to_hex(bytes) == arrivals_hex);
    const auto parsed = parse_rtcp(bytes, ours);
    REQUIRE(parsed);
    CHECK(parsed->sender == theirs);
    REQUIRE(parsed->congestion);
    const CongestionFeedback& feedback = *parsed->congestion;
    CHECK(feedback.timestamp == 0xcafe0001);
    REQUIRE(feedback.streams().size() == 2);
    CHECK(feedback.streams()[0].ssrc == ours);
    CHECK(feedback.streams()[0].first.value == 65535);
    const auto metrics = feedback.metrics(feedback.streams()[0]);
    REQUIRE(metrics.size() == 3);
    CHECK(metrics[0].received());
    CHECK(metrics[0].offset() == 2);
    CHECK_FALSE(metrics[1].received());
    CHECK(metrics[2].received());
    CHECK(feedback.streams()[1].first.value == 7);
    CHECK(feedback.metrics(feedback.streams()[1])[0].offset() == offset_unavailable);
    CHECK(feedback.left_out == 0);
}

TEST_CASE("congestion feedback whose counts contradict its length is refused") {
    const Buffer bytes = *from_hex(arrivals_hex);
    const auto changed = [&](std::size_t at, int value) {
        Buffer copy = bytes;
        copy[at] = static_cast<std::byte>(value);
        return parse_rtcp(copy, ours);
    };
    CHECK(changed(15, 3));  // as it was
    CHECK(changed(15, 8).error() == Error::malformed);
    CHECK(changed(15, 200).error() == Error::malformed);
    CHECK(changed(14, 0x41).error() == Error::malformed);  // more than 16384
    CHECK(changed(31, 4).error() == Error::malformed);     // would take the time stamp
    CHECK(parse_rtcp(*from_hex("8bcd000122222222"), ours).error() == Error::malformed);
    const auto nothing = parse_rtcp(*from_hex("8bcd000222222222cafe0001"), ours);
    REQUIRE(nothing);
    CHECK(nothing->congestion->streams().empty());
}

TEST_CASE("of a giant congestion feedback as much is kept as it may hold, and the rest counted") {
    std::string hex =
        "8bcd01fe"
        "22222222"
        "11111111"
        "000003f4";  // 1012 metrics
    for (int i = 0; i < 506; ++i) hex += "80018002";
    hex += "00000009";
    const auto parsed = parse_rtcp(*from_hex(hex), ours);
    REQUIRE(parsed);
    CHECK(parsed->congestion->metric_count == max_packet_metrics);
    CHECK(parsed->congestion->left_out == 1012 - max_packet_metrics);
    CHECK(parsed->congestion->timestamp == 9);
    const auto four_streams = parse_rtcp(*from_hex("8bcd000e"
                                                   "22222222"
                                                   "000000010001000180000000"
                                                   "000000020001000180000000"
                                                   "000000030001000180000000"
                                                   "000000040001000180000000"
                                                   "00000009"),
                                         ours);
    REQUIRE(four_streams);
    CHECK(four_streams->congestion->streams().size() == 3);
    CHECK(four_streams->congestion->left_out == 1);
    const auto twice = parse_rtcp(*from_hex(std::string(arrivals_hex) + std::string(arrivals_hex)), ours);
    REQUIRE(twice);
    CHECK(twice->congestion->streams().size() == 2);
    CHECK(twice->congestion->left_out == 5);
}

TEST_CASE("NACK and PLI may go alone, too, but never nothing") {
    const auto parsed =
        parse_rtcp(written({.sender = theirs, .media_source = ours, .nacks = nacks, .reduced = true}), ours);
    REQUIRE(parsed);
    CHECK(parsed->sender == theirs);
    CHECK(parsed->nack_count == nacks.size());
    CHECK(parse_rtcp(written({.media_source = ours, .picture_loss = true, .reduced = true}), ours)->picture_loss);
    std::array<std::byte, 100> room{};
    CHECK(write_rtcp({.sender = theirs, .reduced = true}, room).error() == Error::invalid_argument);
}

TEST_CASE("a full intra request is for the stream that its entry names") {
    const Buffer bytes = *from_hex(
        "84ce0006"
        "22222222"
        "00000000"
        "3333333301000000"
        "1111111102000000");
    CHECK(parse_rtcp(bytes, ours)->full_intra_request);
    CHECK_FALSE(parse_rtcp(bytes, ours)->picture_loss);
    CHECK_FALSE(parse_rtcp(bytes, Ssrc{0x44444444})->full_intra_request);
    CHECK(parse_rtcp(*from_hex("84ce0003"
                               "22222222"
                               "00000000"
                               "33333333"),
                     ours)
              .error() == Error::malformed);
}

TEST_CASE("a reference picture selection names the golden frame as RFC 4585 lays it out, beside other feedback") {
    const Buffer bytes = written({.sender = theirs,
                                  .media_source = ours,
                                  .picture_loss = true,
                                  .golden = std::uint16_t{0x4321},
                                  .golden_type = PayloadType{96},
                                  .reduced = true});
    const Buffer expected = *from_hex(
        "81ce0002"
        "22222222"
        "11111111"
        "83ce0003"
        "22222222"
        "11111111"
        "00604321");
    CHECK(bytes == expected);
    CHECK(parse_rtcp(bytes, ours)->golden == 0x4321);
    CHECK(parse_rtcp(bytes, ours)->picture_loss);
    CHECK_FALSE(parse_rtcp(bytes, Ssrc{0x44444444})->golden);
    // Another codec's number of bits says nothing, and a message without any is no message.
    CHECK_FALSE(parse_rtcp(*from_hex("83ce0003222222221111111108604300"), ours)->golden);
    CHECK_FALSE(parse_rtcp(*from_hex("83ce000422222222111111110060432112345678"), ours)->golden);
    CHECK(parse_rtcp(*from_hex("83ce00022222222211111111"), ours).error() == Error::malformed);
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

TEST_CASE("a packet must begin with a report or feedback, and unknown types are skipped") {
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

TEST_CASE("what the decoder takes is an application's packet, its own sender's and of its name alone") {
    const auto load = [](std::string_view application) {
        return parse_rtcp(*from_hex("80c9000122222222" + std::string(application)), ours);
    };
    const auto said = load("80cc0003222222224c4f414400000320");
    REQUIRE(said);
    CHECK(said->decode_load == 800);
    for (const std::string_view another : {"80cc0003333333334c4f414400000320", "80cc0003222222224c4f415400000320",
                                           "81cc0003222222224c4f414400000320", "80cc0002222222224c4f4154"}) {
        CAPTURE(another);
        const auto skipped = load(another);
        REQUIRE(skipped);
        CHECK(!skipped->decode_load);
    }
    for (const std::string_view wrong : {"80cc0002222222224c4f4144", "80cc0003222222224c4f414400010000",
                                         "80cc0004222222224c4f41440000032000000000", "80cc000122222222"}) {
        CAPTURE(wrong);
        CHECK(load(wrong).error() == Error::malformed);
    }
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
        if (!parsed) continue;
        CHECK(parsed->nack_count <= max_nacks);
        if (parsed->congestion) CHECK(parsed->congestion->metric_count <= max_packet_metrics);
    }
    CHECK(refused > 1000);
}

TEST_CASE("a report that does not fit is refused") {
    std::array<std::byte, 40> room{};
    CHECK(write_rtcp(everything(), room).error() == Error::too_large);
}
