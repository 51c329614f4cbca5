// GStreamer's tools: pipelines are run by gst-launch-1.0, and spell keys and streams as libgstsrtp does.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <sstream>
#include <string>

#include "interop/child_process.h"
#include "interop/udp_port.h"
#include "sotto/identity.h"
#include "transport/net/udp_socket.h"

namespace sotto::test {

inline constexpr std::chrono::seconds gstreamer_deadline{60};

// Whether all these elements are there; says so if not.
inline bool gstreamer_has(std::initializer_list<const char*> elements) {
    for (const char* const element : elements) {
        auto inspect = ChildProcess::start({"gst-inspect-1.0", "--exists", element});
        if (inspect && inspect->wait(Deadline(gstreamer_deadline)) == 0) continue;
        MESSAGE("skipped: GStreamer's " << std::string(element) << " is not installed (./dev setup test)");
        return false;
    }
    return true;
}

// `pipeline` as on a command line, without quotes.
inline ChildProcess launch(const std::string& pipeline) {
    std::vector<std::string> words{"gst-launch-1.0"};
    std::istringstream in(pipeline);
    for (std::string word; in >> word;) words.push_back(word);
    auto started = ChildProcess::start(std::move(words));
    REQUIRE(started);
    return std::move(*started);
}

// Runs a pipeline to its end.
inline void play(const std::string& pipeline) {
    ChildProcess gstreamer = launch(pipeline);
    const auto status = gstreamer.wait(Deadline(gstreamer_deadline));
    INFO(gstreamer.output());
    REQUIRE(status == 0);
}

// The MKI of a call's first keys: generation 0, epoch 0.
inline constexpr const char* first_mki = "0000";

// AEAD_AES_256_GCM for RTP and RTCP. The cipher brings its own tag, so libgstsrtp wants no other: "null".
inline std::string srtp_caps(const std::string& type, std::uint32_t ssrc, Bytes key) {
    return "application/x-" + type + ",ssrc=(uint)" + std::to_string(ssrc) + ",srtp-key=(buffer)" + to_hex(key) +
           ",mki=(buffer)" + first_mki +
           ",srtp-cipher=aes-256-gcm,srtp-auth=null,srtcp-cipher=aes-256-gcm,srtcp-auth=null";
}

// Sends the datagrams over UDP to a pipeline that takes them in as `caps` and goes on as `rest`, and waits
// for its end: it ends by itself after the last datagram. No datagram is sent before there is room for it.
inline void send_to_gstreamer(std::span<const Buffer> datagrams, const std::string& caps, const std::string& rest) {
    constexpr std::size_t room = 64 * 1024;  // of the 208 KiB that Linux gives a socket
    const Deadline deadline(gstreamer_deadline);
    ChildProcess gstreamer = launch("udpsrc address=127.0.0.1 port=0 num-buffers=" + std::to_string(datagrams.size()) +
                                    " caps=" + caps + " ! " + rest);
    const auto port = [&] { return udp_port_of(gstreamer.pid()); };
    while (gstreamer.running() && !port() && !deadline.passed()) {
        gstreamer.listen(std::chrono::milliseconds(5));
    }
    std::size_t dropped = 0;
    CAPTURE(gstreamer.output());
    CAPTURE(dropped);
    const auto bound = port();
    REQUIRE(bound);
    auto socket = transport::net::UdpSocket::bind("127.0.0.1");
    REQUIRE(socket);
    REQUIRE(socket->connect("127.0.0.1 " + std::to_string(bound->number)));
    for (const Buffer& datagram : datagrams) {
        for (auto state = port(); state && !deadline.passed(); state = port()) {
            dropped = state->dropped;
            if (state->queued < room) break;
            gstreamer.listen(std::chrono::milliseconds(1));
        }
        REQUIRE(socket->send(datagram));
    }
    const auto status = gstreamer.wait(deadline);
    CHECK(socket->send_drops() == 0);
    REQUIRE(status == 0);
}

}  // namespace sotto::test
