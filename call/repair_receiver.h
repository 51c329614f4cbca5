// The repair stream coming in: each packet gives back a video packet that was lost. docs/protocol.md, "Repair".
#pragma once

#include <optional>

#include "call/receive_stream.h"
#include "transport/fec.h"

namespace sotto::call {

class RepairReceiver {
  public:
    static Result<RepairReceiver> create(SrtpKey<Receiving>&& key, Ssrc ssrc);

    // A retransmitted video packet, as it would have come, which views the datagram (decrypted in place); or nothing:
    // what a repair packet gives back comes by next(). `newest_video`: the video's newest number, unwrapped.
    // Errors: those of ReceiveStream::open_rtp(), parse_rtx() and FecDecoder::insert().
    Result<std::optional<transport::RtpPacket>> receive(MutableBytes datagram, std::int64_t newest_video, Instant now);
    // A video packet that was recovered, until nothing comes; each belongs among `video` before the next call.
    std::optional<transport::RtpPacket> next(const transport::FecSources& video);

    // False while next() has nothing to give anything from.
    bool holds() const { return decoder_.held() > 0; }

    // Retransmissions, repair packets and what became of them.
    void add_to(ReceiveStats& video) const;
    const transport::FecCounts& counts() const { return decoder_.counts(); }
    std::size_t memory() const { return decoder_.memory(); }
    ReceiveStream stream;

  private:
    explicit RepairReceiver(ReceiveStream&& in) : stream(std::move(in)) {}
    transport::FecDecoder decoder_;
    ReceiveStats stats_;
};

}  // namespace sotto::call
