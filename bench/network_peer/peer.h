// One end of a call in real time: media out of files, signals over a Unix socket, datagrams over UDP.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "apps/sotto/carrier.h"
#include "bench/network_peer/media.h"
#include "bench/network_peer/reception.h"
#include "sotto/account.h"
#include "transport/net/udp_socket.h"

namespace sotto::bench {

struct PeerSettings {
    bool dials = false;
    std::string carrier;  // as apps/sotto/carrier.h takes it
    std::string bind;
    std::string video;
    std::string audio;
    int seconds = 25;               // that count
    int start_up = 10;              // before them
    int video_bitrate = 3'500'000;  // Chromium's pictures with their repair have taken 3.3 Mbit/s over 50 ms
};

class Peer {
  public:
    explicit Peer(const PeerSettings& settings);

    // Makes the call; gives how it was at this end. Throws if it ended too early.
    nlohmann::ordered_json run();

  private:
    Call dial();
    Call answer();
    CallSettings call_settings() const;

    // The loop's parts, in the order in which they run.
    void take_outputs(Call& call);
    void take(const Output& output);
    void take_trace(const FrameTrace& trace);
    void begin(Instant now);
    void send_sound(Call& call);
    void send_picture(Call& call);
    void keep_time(Call& call);
    void wait(const Call& call) const;
    void read_network(Call& call);
    void read_carrier(Call& call);
    void tell_sent(const FrameTrace& trace);

    Instant picture_due(std::uint64_t index) const;
    Instant block_due(std::uint64_t index) const;

    PeerSettings settings_;
    Pictures pictures_;
    Speech speech_;
    transport::net::UdpSocket socket_;
    app::Carrier carrier_;
    Account account_;
    bool activated_ = false;
    bool carrier_gone_ = false;
    Instant started_ = never;  // media
    Window window_;
    Reception reception_;
    std::uint64_t next_picture_ = 0;
    std::uint64_t next_block_ = 0;
    std::optional<EndReason> ended_;
};

}  // namespace sotto::bench
