#include "transport/send_history.h"

#include <bit>

namespace sotto::transport {
namespace {

std::size_t index(SequenceNumber sequence, std::size_t capacity) { return sequence.value & (capacity - 1); }

}  // namespace

SendHistory::SendHistory(std::size_t capacity)
    : slots_(std::bit_ceil(capacity == 0 ? std::size_t{1} : capacity)), bytes_(slots_.size() * max_datagram) {}

MutableBytes SendHistory::prepare(SequenceNumber sequence) {
    const std::size_t i = index(sequence, slots_.size());
    slots_[i].used = false;
    return std::span(bytes_).subspan(i * max_datagram, max_datagram);
}

void SendHistory::commit(SequenceNumber sequence, std::size_t length) {
    slots_[index(sequence, slots_.size())] = {
        .used = true, .sequence = sequence, .length = static_cast<std::uint16_t>(length)};
}

Bytes SendHistory::find(SequenceNumber sequence) const {
    const std::size_t i = index(sequence, slots_.size());
    const Slot& slot = slots_[i];
    if (!slot.used || slot.sequence != sequence) return {};
    return std::span(bytes_).subspan(i * max_datagram, slot.length);
}

Bytes SendHistory::retransmit(SequenceNumber sequence, Instant now, Duration interval) {
    const Bytes packet = find(sequence);
    if (packet.empty()) return {};
    Slot& slot = slots_[index(sequence, slots_.size())];
    if (slot.last_resend != Instant::min() && now - slot.last_resend < interval) return {};
    slot.last_resend = now;
    return packet;
}

std::size_t SendHistory::memory() const { return bytes_.size() + slots_.size() * sizeof(Slot); }

}  // namespace sotto::transport
