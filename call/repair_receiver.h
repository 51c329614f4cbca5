// The repair stream coming in: each packet gives back a video packet that was lost. docs/protocol.md, "Repair".
#pragma once

#include "call/receive_stream.h"

namespace sotto::call {

class RepairReceiver {
  public:
    static Result<RepairReceiver> create(SrtpKey<Receiving>&& key, Ssrc ssrc);

    // A retransmitted video packet, as it would have come. Views the datagram, which is decrypted in place.
    // Errors: those of ReceiveStream::open_rtp(), truncated.
    Result<transport::RtpPacket> receive(MutableBytes datagram, Instant now);

    ReceiveStream stream;

  private:
    explicit RepairReceiver(ReceiveStream&& in) : stream(std::move(in)) {}
};

}  // namespace sotto::call
