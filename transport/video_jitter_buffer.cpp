#include "transport/video_jitter_buffer.h"

#include <algorithm>
#include <bit>

namespace sotto::transport {

VideoJitterBuffer::VideoJitterBuffer(const VideoJitterBufferSettings& settings)
    : settings_(settings),
      slots_(std::bit_ceil(std::max<std::size_t>(settings.packets, 1))),
      packets_(slots_.size() * max_datagram),
      frame_(settings.max_frame) {}

VideoJitterBuffer::Slot& VideoJitterBuffer::slot(std::int64_t number) {
    return slots_[static_cast<std::size_t>(number) & (slots_.size() - 1)];
}

const VideoJitterBuffer::Slot* VideoJitterBuffer::find(std::int64_t number) const {
    const Slot& slot = slots_[static_cast<std::size_t>(number) & (slots_.size() - 1)];
    return slot.number == number ? &slot : nullptr;
}

Bytes VideoJitterBuffer::payload(const Slot& slot) const {
    const auto index = static_cast<std::size_t>(&slot - slots_.data());
    return Bytes(packets_).subspan(index * max_datagram, slot.size);
}

const VideoJitterBuffer::Slot& VideoJitterBuffer::store(const RtpPacket& packet, const Vp8Payload& parsed,
                                                        std::int64_t extended, Instant now) {
    Slot& target = slot(extended);
    const bool first = parsed.descriptor.starts_frame();
    target = {.number = extended,
              .timestamp = packet.header.timestamp,
              .arrived = now,
              .size = static_cast<std::uint16_t>(packet.payload.size()),
              .descriptor = static_cast<std::uint8_t>(packet.payload.size() - parsed.data.size()),
              .first = first,
              .last = packet.header.marker,
              .key = first && parsed.key_frame()};
    const auto offset = static_cast<std::size_t>(&target - slots_.data()) * max_datagram;
    // Of pointers, so that it is a memmove: over ranges GCC 12 copies 16 bytes at a time.
    std::copy_n(packet.payload.data(), packet.payload.size(), packets_.data() + offset);
    return target;
}

// Too late to be shown, but windows of repair packets that are yet to come may have it. Only in place of an older one.
bool VideoJitterBuffer::keeps_late(std::int64_t extended) const {
    const Slot& held = slots_[static_cast<std::size_t>(extended) & (slots_.size() - 1)];
    return extended >= 0 && held.number < extended;
}

std::optional<FecSource> VideoJitterBuffer::find_source(std::int64_t extended) const {
    const Slot* const packet = extended < 0 ? nullptr : find(extended);
    if (packet == nullptr) return std::nullopt;
    return FecSource{.sequence = {static_cast<std::uint16_t>(extended)},
                     .timestamp = packet->timestamp,
                     .marker = packet->last,
                     .payload = payload(*packet)};
}

Result<void> VideoJitterBuffer::insert(const RtpPacket& packet, std::int64_t extended, Instant now) {
    const auto payload = parse_vp8(packet.payload);
    if (!payload) return Failure(payload.error());
    if (packet.payload.size() > max_datagram) return Failure(Error::too_large);
    const auto capacity = static_cast<std::int64_t>(slots_.size());
    if (next_ < 0) next_ = extended;
    if (extended < next_) {
        // Before the first frame is given, an earlier packet may still belong to it.
        if (started_ || highest_ - extended >= capacity) {
            if (keeps_late(extended)) store(packet, *payload, extended, now);
            return Failure(Error::too_late);
        }
        next_ = extended;
    }
    if (find(extended) != nullptr) return Failure(Error::replayed);
    if (extended - next_ >= capacity) {
        // The peer is further ahead than we can hold: what lies between is lost.
        skip_to(extended - capacity + 1);
        if (!waiting_for_key_) key_from_ = extended;
        waiting_for_key_ = true;
    }

    const Slot& target = store(packet, *payload, extended, now);
    highest_ = std::max(highest_, extended);
    if (target.key && extended >= key_from_) {
        key_from_ = extended;
        key_started_ = now;
    }
    return {};
}

VideoJitterBuffer::Run VideoJitterBuffer::run(std::int64_t from) const {
    const Slot* const first = find(from);
    if (first == nullptr) return {.state = Run::State::incomplete, .end = from};
    if (!first->first) return {.state = Run::State::broken, .end = from};
    for (std::int64_t number = from; number <= highest_; ++number) {
        const Slot* const packet = find(number);
        if (packet == nullptr) return {.state = Run::State::incomplete, .end = number};
        // RFC 7741 §4.1: one frame, one time stamp; the marker is on its last packet.
        if (packet->timestamp != first->timestamp || (packet->first && number != from)) {
            return {.state = Run::State::broken, .end = number};
        }
        if (packet->last) return {.state = Run::State::complete, .end = number + 1};
    }
    return {.state = Run::State::incomplete, .end = highest_ + 1};
}

AssembledFrame VideoJitterBuffer::assemble(std::int64_t from, std::int64_t end) {
    const Slot& first = slot(from);
    AssembledFrame frame{.key = first.key, .timestamp = first.timestamp};
    std::size_t size = 0;
    for (std::int64_t number = from; number < end; ++number) {
        const Slot& packet = slot(number);
        const Bytes data = payload(packet).subspan(packet.descriptor);
        if (size + data.size() > frame_.size()) {
            size = 0;  // larger than we hold: given as empty, which next() skips
            break;
        }
        std::copy_n(data.data(), data.size(), frame_.data() + size);
        size += data.size();
    }
    frame.bytes = std::span(frame_).first(size);
    next_ = end;
    started_ = true;
    return frame;
}

std::optional<AssembledFrame> VideoJitterBuffer::next(Instant now) {
    blocked_until_ = never;
    if (next_ < 0) return std::nullopt;
    if (!waiting_for_key_) {
        const Run ahead = run(next_);
        switch (ahead.state) {
            case Run::State::complete: {
                const AssembledFrame frame = assemble(next_, ahead.end);
                if (!frame.bytes.empty()) return frame;
                ++frames_skipped_;
                waiting_for_key_ = true;
                break;
            }
            case Run::State::incomplete: wait_for_packet(ahead.end, now); break;
            case Run::State::broken: waiting_for_key_ = true; break;
        }
    }
    return waiting_for_key_ ? next_key_frame() : std::nullopt;
}

// A gap holds up what is complete behind it, but only so long.
void VideoJitterBuffer::wait_for_packet(std::int64_t missing, Instant now) {
    for (std::int64_t number = missing + 1; number <= highest_; ++number) {
        const Slot* const later = find(number);
        if (later == nullptr) continue;
        blocked_until_ = later->arrived + settings_.give_up;
        if (now < blocked_until_) return;
        blocked_until_ = never;
        wait_for_key();
        return;
    }
}

std::optional<AssembledFrame> VideoJitterBuffer::next_key_frame() {
    for (std::int64_t number = next_; number <= highest_; ++number) {
        const Slot* const packet = find(number);
        if (packet == nullptr || !packet->key) continue;
        const Run ahead = run(number);
        if (ahead.state != Run::State::complete) continue;
        skip_to(number);
        const AssembledFrame frame = assemble(number, ahead.end);
        if (frame.bytes.empty()) {
            ++frames_skipped_;
            continue;
        }
        waiting_for_key_ = false;
        return frame;
    }
    return std::nullopt;
}

void VideoJitterBuffer::skip_to(std::int64_t number) {
    const std::int64_t end = std::min(number, highest_ + 1);
    for (std::int64_t past = next_; past < end; ++past) {
        const Slot* const packet = find(past);
        if (packet != nullptr && packet->last) ++frames_skipped_;
    }
    next_ = number;
}

void VideoJitterBuffer::wait_for_key() {
    waiting_for_key_ = true;
    key_started_ = Instant::min();
    if (key_from_ < next_) key_from_ = highest_ + 1;
}

void VideoJitterBuffer::require_key_frame() { wait_for_key(); }

Instant VideoJitterBuffer::key_frame_wanted() const {
    if (!waiting_for_key_) return never;
    if (key_started_ == Instant::min()) return Instant::min();
    return key_started_ + settings_.give_up;
}

std::size_t VideoJitterBuffer::memory() const { return packets_.size() + frame_.size() + slots_.size() * sizeof(Slot); }

}  // namespace sotto::transport
