// Which media keys a call's streams use and when: epochs, generations, and the end of old keys.
// docs/protocol.md, "Media keys".
#pragma once

#include <optional>
#include <vector>

#include "call/receive_stream.h"
#include "call/send_stream.h"
#include "crypto/locked.h"
#include "crypto/media_keys.h"
#include "sotto/identity.h"
#include "sotto/stats.h"

namespace sotto::call {

struct EpochSettings {
    Duration period = std::chrono::seconds(60);           // of a sending epoch
    std::uint64_t packets = transport::SrtpLimits{}.rtp;  // of a stream in an epoch
    Duration grace = std::chrono::seconds(2);             // for packets of earlier epochs
};

// The streams that the keys are for.
struct MediaStreams {
    SendStream &audio_out, &video_out, &repair_out;
    ReceiveStream &audio_in, &video_in, &repair_in;
};
struct StreamSsrcs {
    Ssrc audio, video, repair;
};

// Keys are made and dropped in poll(), off the media's path; only a client that does not poll gets them elsewhere.
class MediaEpochs {
  public:
    MediaEpochs(crypto::Generation&& first, const CallId& call, const EpochSettings& settings, Instant now);

    // What the streams begin with, once. The SSRCs are for the developer's key log.
    Result<crypto::EpochKeys<Sending>> first_to_send(const StreamSsrcs& streams);
    Result<crypto::EpochKeys<Receiving>> first_to_receive(const StreamSsrcs& streams);

    // A generation was agreed. The streams receive under it from now on. Who asked sends under it at once, who answered
    // when a packet of the peer's has come under it.
    enum class Side : std::uint8_t { asked, answered };
    Result<void> agree(crypto::Generation&& generation, Side side, const MediaStreams& streams, Instant now);

    // A packet may have been authentic. Nothing is derived here.
    void received(const MediaStreams& streams, Instant now);
    // Whether poll() would make keys that a packet may want at once.
    bool lacks_next() const { return !next_held_; }
    // Of the present receiving epoch.
    std::uint16_t receiving_generation() const { return receiving_epoch_.generation; }
    // A packet leaves. False while the last look at the streams tells that none of them can have spent its key.
    bool may_be_spent() {
        if (unspent_ == 0) return true;
        --unspent_;
        return false;
    }
    // Whether the streams can't send another frame under their keys.
    bool spent(const MediaStreams& streams);
    Result<void> begin_epoch(const MediaStreams& streams, Instant now);

    // Does what is due. Errors: key_exhausted, unavailable; the rest is done all the same.
    Result<void> poll(const MediaStreams& streams, Instant now);
    Result<void> hold_next(const MediaStreams& streams);
    Instant deadline() const;

    void add_to(CallStats& stats) const;

  private:
    // Agreed, and no packet has come under it yet.
    struct Agreed {
        std::optional<crypto::EpochChain<Sending>> sending;  // nothing if we send under it already
        crypto::EpochChain<Receiving> receiving;
    };
    struct Retired {
        MediaEpoch epoch;
        Instant expires;
    };
    static constexpr std::size_t max_agreed = 4;
    static constexpr std::size_t max_retired = 8;

    Result<void> hold(crypto::EpochKeys<Receiving>&& keys, const MediaStreams& streams) const;
    void retire(MediaEpoch epoch, const MediaStreams& streams, Instant now);
    void retire_before(MediaEpoch latest, const MediaStreams& streams, Instant now);
    void enter_generation(std::uint16_t generation);
    void drop_expired(const MediaStreams& streams, Instant now);
    void drop_oldest(const MediaStreams& streams);

    CallId call_;
    EpochSettings settings_;
    crypto::EpochChain<Sending> sending_;
    crypto::EpochChain<Receiving> receiving_;  // yields what the streams do not hold yet
    MediaEpoch sending_epoch_;
    MediaEpoch receiving_epoch_;
    Instant began_;           // our sending epoch
    bool begin_due_ = false;  // the peer sends under a generation that we do not send under yet
    bool next_held_ = false;  // the keys after receiving_epoch_'s
    std::vector<Agreed, crypto::LockedAllocator<Agreed>> agreed_;  // ascending
    std::vector<Retired> retired_;                                 // in order of expiry
    std::uint64_t unspent_ = 0;  // packets that may leave before spent() must look again
    std::uint64_t epochs_begun_ = 1;
    std::uint64_t generations_ = 1;
};

}  // namespace sotto::call
