// Decides when the way to the peer is sought anew: an ICE restart (RFC 8445 §9). ICE itself would notice by consent,
// which takes up to 30 s to be lost (RFC 7675 §5.1); media tell sooner.
#pragma once

#include <cstdint>

#include "sotto/time.h"

namespace sotto::transport {

class PathWatch {
  public:
    // A path that was busy is silent for so long.
    static constexpr Duration silence = std::chrono::seconds(1);
    // Changes of a network come in bursts: addresses, then routes.
    static constexpr Duration settling = std::chrono::milliseconds(100);
    // How long the first attempt may take, doubled by each that fails, up to the last.
    static constexpr Duration first_patience = std::chrono::seconds(3);
    static constexpr Duration last_patience = std::chrono::seconds(10);
    // Between an attempt that found no relay and the next: one that is back is found before the call is given up.
    static constexpr Duration pause = std::chrono::seconds(1);

    // We, or the peer, began to look for a path.
    void began(Instant now);
    void connected(Instant now);
    // A datagram came by any path.
    void received(Instant now);
    // Consent was lost, or no pair of addresses works.
    void failed(Instant now);
    // No relay gave an address: nothing more can come of this attempt.
    void unreachable(Instant now);
    // This device's addresses or routes are others now.
    void network_changed(Instant now);

    bool restart_due(Instant now) const { return now >= deadline(); }
    // When a restart becomes due if nothing else happens; `never` for a path that is not expected to be busy.
    Instant deadline() const;

  private:
    static constexpr std::uint64_t busy = 10;  // datagrams within `silence`: less may be silent by itself

    Duration patience_ = first_patience;
    Instant give_up_ = never;    // on what began and is not connected
    Instant asked_ = never;      // a restart for another reason than silence
    Instant window_ = never;     // where counting began
    Instant last_ = never;       // datagram
    std::uint64_t counted_ = 0;  // in this window
    bool expected_ = false;      // the window before was busy: more should come
};

}  // namespace sotto::transport
