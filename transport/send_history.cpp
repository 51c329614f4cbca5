#include "transport/send_history.h"

#include <algorithm>

namespace sotto::transport {

SendHistory::SendHistory(std::size_t capacity, std::size_t max_payload)
    : max_payload_(max_payload), slots_(std::max<std::size_t>(capacity, 1)), bytes_(slots_.size() * max_payload) {}

MutableBytes SendHistory::prepare(SequenceNumber sequence) {
    const std::size_t i = place(sequence);
    slots_[i].used = false;
    return std::span(bytes_).subspan(i * max_payload_, max_payload_);
}

void SendHistory::commit(const RtpHeader& header, std::size_t size) {
    slots_[place(header.sequence)] = {.used = true, .size = static_cast<std::uint16_t>(size), .header = header};
}

std::optional<KeptPacket> SendHistory::find(SequenceNumber sequence) const {
    const std::size_t i = place(sequence);
    const Slot& slot = slots_[i];
    if (!slot.used || slot.header.sequence != sequence) return std::nullopt;
    return KeptPacket{.header = slot.header, .payload = std::span(bytes_).subspan(i * max_payload_, slot.size)};
}

std::optional<KeptPacket> SendHistory::retransmit(SequenceNumber sequence, Instant now, Duration interval) {
    const auto packet = find(sequence);
    if (!packet) return std::nullopt;
    Slot& slot = slots_[place(sequence)];
    if (slot.last_repair != Instant::min() && now - slot.last_repair < interval) return std::nullopt;
    slot.last_repair = now;
    return packet;
}

std::size_t SendHistory::memory() const { return bytes_.size() + slots_.size() * sizeof(Slot); }

}  // namespace sotto::transport
