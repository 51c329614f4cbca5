// Carries opaque signals between two command lines over a local Unix or TCP stream: a stand-in for a client's server.
// Frames: u32 big-endian length, then that many bytes. docs/protocol.md, "The command line's carrier".
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "apps/sotto/expected.h"
#include "apps/sotto/signal_path.h"
#include "sotto/bytes.h"
#include "transport/net/udp_socket.h"

namespace sotto::app {

class Carrier final : public SignalPath {
  public:
    // `spec`: "unix:PATH", "tcp:HOST:PORT" or "via:HOST:PORT". connect() retries for two seconds; accept_one() waits
    // for one peer, or connects to the host between the two.
    static Expected<Carrier> connect(const std::string& spec);
    static Expected<Carrier> accept_one(const std::string& spec);

    // Never waits: what the other side does not take yet goes with a later send() or receive(). An error when the other
    // side is gone, or when too much waits for it.
    Expected<void> send(Bytes frame);
    Expected<void> send(const Signal& signal) override { return send(signal.bytes); }
    // The next whole signal; nothing when none is complete. An error when the other side is gone.
    Expected<std::optional<Buffer>> receive() override;
    // Waits for one, at most `seconds`.
    Expected<Buffer> wait(int seconds);

    int descriptor() const override { return fd_.get(); }
    // Whether a host stands between, so that callers come and go unseen; else the other end is the caller itself.
    bool via_host() const { return via_host_; }

  private:
    Carrier(transport::net::Descriptor&& fd, bool via_host) : fd_(std::move(fd)), via_host_(via_host) {}
    std::optional<Buffer> take_frame();
    Expected<void> flush();

    static constexpr std::size_t max_frame = 65536;
    static constexpr std::size_t max_unsent = 4 * max_frame;
    transport::net::Descriptor fd_;
    bool via_host_;
    Buffer pending_;  // came, and is no whole frame yet
    Buffer unsent_;
};

}  // namespace sotto::app
