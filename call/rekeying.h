// Agreeing on new media keys by signals: who asks when, which number counts. docs/protocol.md, "Generations".
#pragma once

#include <cstdint>
#include <optional>

#include "crypto/keys.h"
#include "crypto/media_keys.h"
#include "sotto/error.h"
#include "sotto/time.h"

namespace sotto::call {

inline constexpr Duration caller_generation = std::chrono::minutes(4);
inline constexpr Duration callee_generation = std::chrono::seconds(270);  // later: the two seldom ask at once
inline constexpr Duration first_retry = std::chrono::seconds(10);
inline constexpr Duration longest_retry = std::chrono::minutes(4);
inline constexpr std::uint32_t generations_ahead = 256;  // an MKI has one byte of the number

class Rekeying {
  public:
    // The first generation begins now.
    Rekeying(crypto::Role ours, Instant now);

    // -- We ask.

    // Our client wants new keys now: a request is due at once.
    void want();
    // The number of the request to send now; nothing while none is due. Error::key_exhausted after the last, and while
    // it is generations_ahead over the one that we receive under.
    std::optional<Result<std::uint16_t>> due(std::uint16_t receiving, Instant now);
    // It was sent. `stepped`: whether its message took a step of the ratchet.
    void asked(std::uint16_t number, crypto::ExportSecret&& request, bool stepped, Instant now);
    // It could not be sent: due again after the wait for an answer.
    void failed(Instant now);
    // The peer's response; gives the secret of our request. Error::wrong_state: it answers none that still counts.
    Result<crypto::ExportSecret> answered(std::uint32_t number, Instant now);

    // -- The peer asks.

    // Whether to answer. Errors: replayed, key_exhausted, malformed (generations_ahead over the one that we receive
    // under), wrong_state (both asked, and the caller's counts).
    Result<std::uint16_t> may_answer(std::uint32_t number, std::uint16_t receiving, Instant now);
    // We did.
    void agreed(std::uint16_t number, Instant now);

    Instant deadline() const { return due_; }

  private:
    struct Request {
        std::uint16_t number;
        crypto::ExportSecret secret;
        Instant sent;
        bool again;  // what the client wanted is still to come
    };

    crypto::Role ours_;
    std::uint16_t sent_ = 0;    // the highest number that we asked by
    std::uint16_t theirs_ = 0;  // the highest that the peer asked by
    std::uint16_t agreed_ = 0;
    std::optional<Request> request_;
    std::optional<std::uint16_t> crossed_;  // theirs, for which we gave up ours; not in use yet
    Instant began_;                         // the generation agreed last
    bool wanted_ = false;                   // by our client, and not asked for yet
    Duration retry_ = first_retry;
    Instant due_;
};

}  // namespace sotto::call
