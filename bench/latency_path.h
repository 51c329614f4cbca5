// What lies between the two calls of a latency run.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "bench/link_words.h"
#include "sotto/bytes.h"
#include "sotto/time.h"

namespace sotto::bench {

enum class CallEnd : std::size_t { sender = 0, receiver = 1 };
inline CallEnd other(CallEnd end) { return end == CallEnd::sender ? CallEnd::receiver : CallEnd::sender; }

class Path {
  public:
    virtual ~Path() = default;
    virtual void send(CallEnd from, Bytes datagram, Instant now) = 0;
    // The next that has come, valid until the next call.
    virtual std::optional<Bytes> receive(CallEnd at, Instant now) = 0;
    // When something will come, as far as that is known.
    virtual Instant next() const { return never; }
    // Sleeps; until something comes, where that is not known before.
    virtual void wait(Instant until);
};

// Both in memory: what is sent has come.
std::unique_ptr<Path> process_path();
// Two UDP sockets on 127.0.0.1.
std::expected<std::unique_ptr<Path>, std::string> loopback_path();
// tests/sim's link, on real time, from `start` on.
std::unique_ptr<Path> link_path(const LinkPlan& plan, Instant start);

}  // namespace sotto::bench
