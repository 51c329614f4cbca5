// A UDP socket at the edge: never blocks, speaks to one peer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sotto/bytes.h"
#include "sotto/error.h"

namespace sotto::transport::net {

// An owned file descriptor, closed once.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor();

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

class UdpSocket {
  public:
    // Binds to a numeric address ("127.0.0.1", "::1") and a port that the system picks.
    // Errors: invalid_argument (not a numeric address), unavailable (not an address of this host).
    static Result<UdpSocket> bind(std::string_view address);

    // "address port", as connect() of the other side takes it.
    std::string local_route() const;
    // Speaks to this peer and hears no other (the kernel drops the rest). Errors: invalid_argument, unavailable.
    Result<void> connect(std::string_view route);
    bool connected() const { return connected_; }

    // Errors: wrong_state (not connected), io_failed. A full send buffer loses the datagram, as a network would, and
    // counts it.
    Result<void> send(Bytes datagram);
    // The next datagram into `room`; nothing when none waits. Errors: io_failed.
    Result<std::optional<Bytes>> receive(MutableBytes room);

    int descriptor() const { return fd_.get(); }
    std::uint64_t send_drops() const { return send_drops_; }

  private:
    explicit UdpSocket(Descriptor&& fd) : fd_(std::move(fd)) {}
    Descriptor fd_;
    bool connected_ = false;
    std::uint64_t send_drops_ = 0;
};

}  // namespace sotto::transport::net
