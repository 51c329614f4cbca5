// The repair stream going out: retransmissions of video packets and parity over them, made at the moment they leave.
// docs/protocol.md, "Repair".
#pragma once

#include "call/send_stream.h"

namespace sotto::call {

inline constexpr PayloadType rtx_payload_type{97};  // RFC 4588
inline constexpr PayloadType fec_payload_type{98};

class RepairSender {
  public:
    static Result<RepairSender> create(SrtpKey<Sending>&& key, Ssrc ssrc, Random& random);

    // The video packet with this number again, as a datagram in `room` (max_datagram bytes, aligned as for SrtpSender).
    // Errors: unavailable (forgotten), those of SrtpSender.
    Result<SendStream::Numbered> retransmit(SequenceNumber video, const transport::SendHistory& packets,
                                            MutableBytes room);

    // A repair packet over the newest video packets up to this number: those of its frame and of about two before it.
    // Errors: unavailable (forgotten), those of SrtpSender.
    Result<SendStream::Numbered> protect_window(SequenceNumber newest, std::size_t packets,
                                                const transport::SendHistory& video, MutableBytes room);

    SendStream stream;

  private:
    explicit RepairSender(SendStream&& out) : stream(std::move(out)) {}
};

}  // namespace sotto::call
