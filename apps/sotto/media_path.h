// The way that a call's media take at the command line: relays or a direct path, found once both sides accepted.
#pragma once

#include <poll.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "apps/sotto/event_log.h"
#include "apps/sotto/expected.h"
#include "sotto/call.h"
#include "transport/net/ice_agent.h"
#include "transport/net/network_watch.h"
#include "transport/path_watch.h"

namespace sotto::app {

struct PathSettings {
    std::string relay;  // "turn:HOST:PORT[?transport=udp|tcp]" or "turns:HOST:PORT"; empty: none
    std::string relay_user;
    std::string relay_password;
    std::string relay_secret;         // makes user and password, for an hour's call; the relay's operator has it
    std::string relay_password_file;  // read_relay_files() puts its first line in relay_password
    std::string relay_secret_file;    // and this one's in relay_secret
    std::string relay_ca;             // a file of certificates that vouch for it, for turns:; empty: the system's
    bool direct = false;              // without a relay, if the other side allows it too
    std::string bind;                 // numeric address, the only one to use; empty: whatever the system has
};

class MediaPath {
  public:
    // Checks the settings; touches no network.
    static Expected<MediaPath> prepare(const PathSettings& settings);

    // In place of what the settings say, before open().
    void allow_direct(bool allowed) { direct_ = allowed; }
    bool has_relay() const { return !ice_.relays.empty(); }

    // Before open(): what an earlier call left of its relays, a secret, and what this one leaves.
    void offer_sessions(SecretBuffer&& kept) { sessions_ = std::move(kept); }
    SecretBuffer take_sessions();

    // It rings at the other side: our relay is asked for an address, and nobody else hears of us. No more than a head
    // start: what fails is tried again by open().
    void open_ahead();
    // Both accepted: from here on packets leave.
    Expected<void> open(Call& call, bool caller, Instant now);
    // The peer's route came.
    Expected<void> hear(Bytes route);
    // What is due: gives the call our route, and the log what happened.
    Expected<void> work(Call& call, EventLog& log, Instant now);

    // Lost without a word before there is a path.
    Expected<void> send(Bytes datagram);
    std::optional<Bytes> receive(Instant now);

    bool connected() const { return agent_ && agent_->connected(); }
    // Adds what to wait for; gives until when.
    Instant wait_for(std::vector<pollfd>& descriptors, Instant now) const;

  private:
    MediaPath() = default;
    Expected<void> open_agent();
    void work_ahead(Call& call);
    Expected<void> take(const transport::net::IceEvent& event, Call& call, EventLog& log, Instant now);

    transport::net::IceSettings ice_;
    SecretBuffer sessions_;
    bool direct_ = false;
    bool ahead_ = false;  // not accepted yet
    bool found_ = false;  // there was a path
    Instant opened_{};
    std::optional<transport::net::IceAgent> agent_;
    std::optional<transport::net::NetworkWatch> network_;
    transport::PathWatch watch_;
};

}  // namespace sotto::app
