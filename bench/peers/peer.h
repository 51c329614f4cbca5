// Other libraries' double ratchets, both ends in this process, for figures beside ours in the same run.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sotto/bytes.h"

namespace sotto::bench {

enum class End { alice, bob };
constexpr End other(End end) { return end == End::alice ? End::bob : End::alice; }

// Two ends of one session that have answered each other.
class Peer {
  public:
    virtual ~Peer() = default;
    // Encrypts at `from`, decrypts at the other end. One that follows a message of the other end's takes a
    // Diffie-Hellman step at both.
    virtual void send(End from, Bytes plaintext) = 0;
};

// Each is built only where CMake found its library.
std::unique_ptr<Peer> meet_by_olm();
std::unique_ptr<Peer> meet_by_signal();

struct PeerLibrary {
    std::string name;
    std::string version;
    std::unique_ptr<Peer> (*meet)();           // null: not installed when this was built
    std::optional<double> round_trip_at_most;  // the goal for ours / theirs
};
std::vector<PeerLibrary> peer_libraries();

}  // namespace sotto::bench
