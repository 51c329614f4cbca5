// Tells when this device's addresses or routes change: then media need another path.
#pragma once

#include <string>

#include "sotto/error.h"
#include "transport/net/udp_socket.h"

namespace sotto::transport::net {

class NetworkWatch {
  public:
    // Error: unavailable (no netlink).
    static Result<NetworkWatch> open();

    // What the kernel told since the last time; whether that made a difference.
    bool changed();
    int descriptor() const { return fd_.get(); }

  private:
    explicit NetworkWatch(Descriptor&& fd);
    Descriptor fd_;
    std::string known_;
};

}  // namespace sotto::transport::net
