// GStreamer receives what Sotto sends, with nothing to go by but the datagrams and the developer's key log.
#include <doctest/doctest.h>

#include <algorithm>

#include "base/byte_reader.h"
#include "call/audio_sender.h"
#include "call/video_sender.h"
#include "interop/gstreamer.h"
#include "interop/logged_key.h"
#include "interop/tapped_call.h"

using namespace sotto;
using namespace sotto::test;

namespace {

constexpr int pictures = 60;
constexpr double faithful = 30;  // dB

bool ready(std::initializer_list<const char*> elements) {
    if (key_log_is_built_in) return gstreamer_has(elements);
    MESSAGE("skipped: built without SOTTO_KEYLOG");
    return false;
}

std::string video_caps(Ssrc ssrc, Bytes key) {
    return srtp_caps("srtp", ssrc.value, key) + ",media=video,encoding-name=VP8,clock-rate=90000,payload=96";
}

std::string audio_caps(Ssrc ssrc, Bytes key) {
    return srtp_caps("srtp", ssrc.value, key) + ",media=audio,encoding-name=OPUS,clock-rate=48000,payload=111";
}

// What a listener with the log knows of one stream.
struct Stream {
    std::vector<Buffer> datagrams;
    Ssrc ssrc;
    Buffer key;
};

Stream stream_of(const TappedCall& call, PayloadType type) {
    Stream stream{.datagrams = rtp_of(call, type), .ssrc = {}, .key = {}};
    stream.ssrc = transport::parse_rtp(stream.datagrams.front())->header.ssrc;
    const auto key = logged_key(call.keys, stream.ssrc.value);
    REQUIRE(key);
    stream.key = *key;
    return stream;
}

std::string heard_by_gstreamer(const Stream& stream) {
    const TemporaryFolder folder;
    send_to_gstreamer(stream.datagrams, audio_caps(stream.ssrc, stream.key),
                      "srtpdec ! rtpopusdepay ! opusdec plc=false ! audio/x-raw,format=S16LE,rate=48000,channels=1 ! "
                      "filesink location=" +
                          folder.file("sound"));
    return contents(folder.file("sound"));
}

}  // namespace

TEST_CASE("GStreamer shows every picture of a call, in order, by the key in the log") {
    if (!ready({"udpsrc", "srtpdec", "rtpvp8depay", "vp8dec", "filesink"})) return;
    const TappedCall call = tapped_call(1, pictures);
    const Stream stream = stream_of(call, call::vp8_payload_type);
    const TemporaryFolder folder;
    send_to_gstreamer(
        stream.datagrams, video_caps(stream.ssrc, stream.key),
        "srtpdec ! rtpvp8depay ! vp8dec ! video/x-raw,format=I420 ! filesink location=" + folder.file("pictures"));

    const auto shown =
        raw_pictures(contents(folder.file("pictures")), tapped_settings.video_width, tapped_settings.video_height);
    REQUIRE(shown.size() == call.pictures.size());
    for (std::size_t n = 0; n < shown.size(); ++n) {
        CAPTURE(n);
        CHECK(*codec::luma_psnr(call.pictures[n].view({}), shown[n].view({})) >= faithful);
        // Neighbours differ, so a picture left out or shown twice would be seen.
        if (n > 0) CHECK(*codec::luma_psnr(call.pictures[n - 1].view({}), shown[n].view({})) < faithful - 5);
    }
}

TEST_CASE("GStreamer plays every block of a call's sound by the key in the log") {
    if (!ready({"udpsrc", "srtpdec", "rtpopusdepay", "opusdec", "filesink"})) return;
    const TappedCall call = tapped_call(2, pictures);
    const Stream stream = stream_of(call, call::opus_payload_type);
    const std::vector<std::int16_t> heard = raw_samples(heard_by_gstreamer(stream));
    CHECK(heard.size() == call.sound.size());
    CHECK(best_correlation(call.sound, heard, 960) > 0.9);
}

TEST_CASE("one wrong bit in the key or in each packet, and GStreamer plays nothing") {
    if (!ready({"udpsrc", "srtpdec", "rtpopusdepay", "opusdec", "filesink"})) return;
    const TappedCall call = tapped_call(3, 5);
    const Stream stream = stream_of(call, call::opus_payload_type);
    REQUIRE_FALSE(heard_by_gstreamer(stream).empty());
    Stream wrong = stream;
    SUBCASE("in the master key") { wrong.key[31] ^= std::byte{1}; }
    SUBCASE("in the salt") { wrong.key[43] ^= std::byte{1}; }
    SUBCASE("in the sound") {
        for (Buffer& datagram : wrong.datagrams) datagram[20] ^= std::byte{1};
    }
    CHECK(heard_by_gstreamer(wrong).empty());
}

TEST_CASE("GStreamer opens our sender reports, and they count what was sent before them") {
    if (!ready({"udpsrc", "srtpdec", "filesink"})) return;
    const TappedCall call = tapped_call(4, pictures);
    const Stream video = stream_of(call, call::vp8_payload_type);
    std::vector<Buffer> reports;
    std::vector<std::uint32_t> packets_before;
    std::uint32_t packets = 0;
    for (const Buffer& datagram : call.datagrams) {
        const bool control = transport::is_rtcp(datagram);
        const auto ssrc = ByteReader(Bytes(datagram).subspan(control ? 4 : 8)).u32();
        if (ssrc != video.ssrc.value) continue;
        if (control) reports.push_back(datagram), packets_before.push_back(packets);
        if (!control) ++packets;
    }
    REQUIRE(reports.size() >= 2);

    const TemporaryFolder folder;
    send_to_gstreamer(
        reports, srtp_caps("srtcp", video.ssrc.value, video.key),
        "srtpdec.rtcp_sink srtpdec name=srtpdec srtpdec.rtcp_src ! filesink location=" + folder.file("reports"));
    const std::string opened = contents(folder.file("reports"));
    // RFC 3550 §6.4: each compound begins with its report, type 200; the packet count is its sixth word.
    std::vector<std::uint32_t> counts;
    for (Bytes rest = as_bytes(opened); rest.size() >= 8;) {
        const std::size_t size = (*ByteReader(rest.subspan(2)).u16() + std::size_t{1}) * 4;
        REQUIRE(size <= rest.size());
        if (rest[1] == std::byte{200}) {
            CHECK(ByteReader(rest.subspan(4)).u32() == video.ssrc.value);
            counts.push_back(*ByteReader(rest.subspan(20)).u32());
        }
        rest = rest.subspan(size);
    }
    CHECK(counts == packets_before);
}
