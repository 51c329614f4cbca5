// Sotto receives what GStreamer sends under a given key.
#include <doctest/doctest.h>

#include <sys/socket.h>

#include <array>

#include "call/audio_receiver.h"
#include "call/video_receiver.h"
#include "interop/gstreamer.h"
#include "interop/scene.h"
#include "support/random.h"
#include "support/temporary_folder.h"
#include "transport/rtp.h"

using namespace sotto;
using namespace sotto::test;

namespace {

constexpr int width = 320, height = 240;
constexpr Ssrc ssrc{0x50770001};

SrtpKey<Receiving> random_key(std::uint64_t seed) {
    SeededRandom random(seed);
    SrtpKey<Receiving> key;
    random.fill(key.fill());
    return key;
}

std::string protect(const SrtpKey<Receiving>& key) {
    return "srtpenc key=" + to_hex(key.reveal()) + " mki=" + first_mki +
           " rtp-cipher=aes-256-gcm rtp-auth=null rtcp-cipher=aes-256-gcm rtcp-auth=null";
}

// Sequence numbers and time stamps that wrap on the way, so that both sides' rollover counters move.
std::string wrapping() { return "seqnum-offset=65500 timestamp-offset=4294960000 ssrc=" + std::to_string(ssrc.value); }

// Our end: bound, so that it hears GStreamer whatever port that sends from.
transport::net::UdpSocket listening_socket() {
    auto socket = transport::net::UdpSocket::bind("127.0.0.1");
    REQUIRE(socket);
    const int room = 1 << 20;  // or what the system allows
    ::setsockopt(socket->descriptor(), SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    return std::move(*socket);
}

void take_waiting(transport::net::UdpSocket& socket, std::vector<Buffer>& datagrams) {
    std::array<std::byte, 2048> room;
    for (auto datagram = socket.receive(room); datagram && *datagram; datagram = socket.receive(room)) {
        datagrams.push_back(to_buffer(**datagram));
    }
}

// What the pipeline sends to the end, none lost.
std::vector<Buffer> datagrams_of(const std::string& pipeline) {
    transport::net::UdpSocket socket = listening_socket();
    const std::string route = socket.local_route();
    ChildProcess gstreamer =
        launch(pipeline + " ! udpsink host=127.0.0.1 sync=false port=" + route.substr(route.find(' ') + 1));
    const Deadline deadline(gstreamer_deadline);
    std::vector<Buffer> datagrams;
    while (gstreamer.running() && !deadline.passed()) {
        pollfd wanted{.fd = socket.descriptor(), .events = POLLIN, .revents = 0};
        ::poll(&wanted, 1, 10);
        take_waiting(socket, datagrams);
        gstreamer.listen(std::chrono::milliseconds(0));
    }
    const auto status = gstreamer.wait(deadline);
    INFO(gstreamer.output());
    REQUIRE(status == 0);
    take_waiting(socket, datagrams);
    REQUIRE_FALSE(datagrams.empty());
    for (std::size_t n = 0; n < datagrams.size(); ++n) {
        const auto packet = transport::parse_rtp(datagrams[n]);
        REQUIRE(packet);
        REQUIRE(packet->header.ssrc == ssrc);
        REQUIRE(packet->header.sequence == SequenceNumber{65500} + static_cast<std::uint16_t>(n));
    }
    return datagrams;
}

// As over a network without jitter: a datagram arrives when its time stamp says.
Instant arrival(Bytes datagram, Bytes first, std::int64_t clock_rate) {
    const auto since_first =
        transport::parse_rtp(datagram)->header.timestamp.value - transport::parse_rtp(first)->header.timestamp.value;
    return Instant(std::chrono::seconds(1000) + Duration(since_first * std::int64_t{1'000'000'000} / clock_rate));
}

}  // namespace

TEST_CASE("Sotto shows every picture that GStreamer encodes, packetises and protects") {
    if (!gstreamer_has({"videotestsrc", "vp8enc", "rtpvp8pay", "srtpenc", "udpsink", "filesink"})) return;
    std::string pattern;
    std::size_t packets_at_least = 60;
    SUBCASE("a ball: a packet a picture") { pattern = "ball"; }
    SUBCASE("a zone plate: pictures of several packets") {
        pattern = "zone-plate kx2=12 ky2=12 horizontal-speed=4";
        packets_at_least = 90;
    }
    CAPTURE(pattern);
    const std::string source = "videotestsrc num-buffers=60 pattern=" + pattern +
                               " ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! ";
    const TemporaryFolder folder;
    play(source + "filesink location=" + folder.file("pictures"));
    const auto pictures = raw_pictures(contents(folder.file("pictures")), width, height);
    REQUIRE(pictures.size() == 60);

    auto key = random_key(1);
    const auto datagrams = datagrams_of(source +
                                        "vp8enc deadline=1 target-bitrate=400000 ! rtpvp8pay pt=96 mtu=1200 "
                                        "picture-id-mode=15-bit " +
                                        wrapping() + " ! " + protect(key));
    CHECK(datagrams.size() >= packets_at_least);  // more than the 36 before the wrap
    auto receiver = call::VideoReceiver::create(std::move(key), ssrc, width * height);
    REQUIRE(receiver);
    call::TraceLog traces(nullptr);
    RefusalCounts refused;
    std::size_t shown = 0;
    for (Buffer datagram : datagrams) {
        const Instant now = arrival(datagram, datagrams.front(), 90000);
        REQUIRE(receiver->receive(datagram, now, traces));
        while (const auto frame = receiver->next(now, traces, refused)) {
            CAPTURE(shown);
            REQUIRE(shown < pictures.size());
            const double psnr = *codec::luma_psnr(pictures[shown].view({}), frame->picture);
            CHECK(psnr >= 30);
            // It moves: the picture before is not as near.
            if (shown > 0) CHECK(psnr > *codec::luma_psnr(pictures[shown - 1].view({}), frame->picture));
            ++shown;
        }
    }
    CHECK(shown == pictures.size());
    CHECK(refused.total() == 0);
    CHECK(receiver->stats({}).frames_dropped == 0);
}

TEST_CASE("Sotto plays every block of the tone that GStreamer encodes, packetises and protects") {
    if (!gstreamer_has({"audiotestsrc", "opusenc", "rtpopuspay", "srtpenc", "udpsink"})) return;
    auto key = random_key(2);
    const auto datagrams = datagrams_of(
        "audiotestsrc wave=sine freq=440 samplesperbuffer=960 num-buffers=100 ! "
        "audio/x-raw,format=S16LE,rate=48000,channels=1 ! opusenc bitrate=32000 frame-size=20 ! rtpopuspay "
        "pt=111 " +
        wrapping() + " ! " + protect(key));
    CHECK(datagrams.size() >= 100);
    auto receiver = call::AudioReceiver::create(std::move(key), ssrc, std::chrono::milliseconds(20), 1);
    REQUIRE(receiver);
    call::TraceLog traces(nullptr);
    RefusalCounts refused;
    std::vector<std::int16_t> heard;
    std::size_t played = 0;
    const auto play_due = [&](Instant now) {
        while (const auto block = receiver->next(now, traces, refused)) {
            CHECK_FALSE(block->concealed);
            heard.insert(heard.end(), block->block.samples.begin(), block->block.samples.end());
            ++played;
        }
    };
    for (Buffer datagram : datagrams) {
        const Instant now = arrival(datagram, datagrams.front(), 48000);
        REQUIRE(receiver->receive(datagram, now, traces));
        play_due(now);
    }
    while (played < datagrams.size()) play_due(receiver->deadline());
    CHECK(refused.total() == 0);
    REQUIRE(heard.size() >= 96000);
    // Two seconds less the encoder's start: whole periods of both tones.
    const auto middle = std::span(heard).subspan(4800, 76800);
    CHECK(tone_share(middle, 440) > 0.98);
    CHECK(tone_share(middle, 450) < 0.02);
}

TEST_CASE("under another key Sotto refuses every packet of GStreamer's as forged") {
    if (!gstreamer_has({"audiotestsrc", "opusenc", "rtpopuspay", "srtpenc", "udpsink"})) return;
    const auto datagrams = datagrams_of("audiotestsrc num-buffers=20 ! opusenc ! rtpopuspay pt=111 " + wrapping() +
                                        " ! " + protect(random_key(3)));
    auto wrong = random_key(3);
    wrong.fill()[0] ^= std::byte{1};
    auto receiver = call::AudioReceiver::create(std::move(wrong), ssrc, std::chrono::milliseconds(20), 1);
    REQUIRE(receiver);
    call::TraceLog traces(nullptr);
    for (Buffer datagram : datagrams) {
        CHECK(receiver->receive(datagram, Instant(std::chrono::seconds(1)), traces).error() == Error::forged);
    }
    CHECK(receiver->stats().packets_received == 0);
}
