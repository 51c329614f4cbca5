#include "transport/video_jitter_buffer.h"

#include <algorithm>
#include <bit>

namespace sotto::transport {
namespace {

// Bytes of an assembled frame for which there is room from the start, a packet that is held: 32 KiB in a call at 360p,
// whose pictures take a tenth of that. Larger ones make room once, when they come.
constexpr std::size_t usual_frame = 256;

// A gap as far as every picture in it has left a packet that says that no other refers to it (RFC 7741 §4.2: N).
struct Gap {
    std::optional<std::uint16_t> picture_id;  // the last such picture's, or the one's before the gap

    bool ends_before(const Vp8Descriptor& frame) const {
        return picture_id && frame.picture_id == ((*picture_id + 1) & 0x7fff);
    }
    void add(const Vp8Descriptor& packet) {
        if (!picture_id || packet.picture_id == picture_id) return;
        picture_id = packet.non_reference && ends_before(packet) ? packet.picture_id : std::nullopt;
    }
};

}  // namespace

VideoJitterBuffer::VideoJitterBuffer(const VideoJitterBufferSettings& settings)
    : settings_(settings),
      slots_(std::bit_ceil(std::max<std::size_t>(settings.packets, 1))),
      packets_(slots_.size() * max_media_payload),
      frame_(std::min(settings.max_frame, usual_frame * slots_.size())) {}

VideoJitterBuffer::Slot& VideoJitterBuffer::slot(std::int64_t number) {
    return slots_[static_cast<std::size_t>(number) & (slots_.size() - 1)];
}

const VideoJitterBuffer::Slot* VideoJitterBuffer::find(std::int64_t number) const {
    const Slot& slot = slots_[static_cast<std::size_t>(number) & (slots_.size() - 1)];
    return slot.number == number ? &slot : nullptr;
}

Bytes VideoJitterBuffer::payload(const Slot& slot) const {
    const auto index = static_cast<std::size_t>(&slot - slots_.data());
    return Bytes(packets_).subspan(index * max_media_payload, slot.size);
}

const VideoJitterBuffer::Slot& VideoJitterBuffer::store(const RtpPacket& packet, const Vp8Payload& parsed,
                                                        std::int64_t extended, Instant now) {
    Slot& target = slot(extended);
    const bool first = parsed.descriptor.starts_frame();
    target = {.number = extended,
              .timestamp = packet.header.timestamp,
              .arrived = now,
              .size = static_cast<std::uint16_t>(packet.payload.size()),
              .descriptor_size = static_cast<std::uint8_t>(packet.payload.size() - parsed.data.size()),
              .first = first,
              .last = packet.header.marker,
              .key = first && parsed.key_frame(),
              .descriptor = parsed.descriptor};
    const auto offset = static_cast<std::size_t>(&target - slots_.data()) * max_media_payload;
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
    if (packet.payload.size() > max_media_payload) return Failure(Error::too_large);
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
    if (is_entry(target) && extended >= key_from_) {
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
        const Bytes data = payload(packet).subspan(packet.descriptor_size);
        // Once for the largest so far.
        if (size + data.size() > frame_.size() && frame_.size() < settings_.max_frame) {
            frame_.resize(std::min(settings_.max_frame, std::max(2 * frame_.size(), size + data.size())));
        }
        if (size + data.size() > frame_.size()) {
            size = 0;  // larger than we hold: given as empty, which next() skips
            break;
        }
        std::copy_n(data.data(), data.size(), frame_.data() + size);
        size += data.size();
    }
    frame.bytes = std::span(frame_).first(size);
    references_.note(first);
    next_ = end;
    started_ = true;
    return frame;
}

std::optional<AssembledFrame> VideoJitterBuffer::next(Instant now) {
    blocked_until_ = never;
    if (next_ < 0) return std::nullopt;
    while (!waiting_for_key_) {
        const Run ahead = run(next_);
        if (ahead.state == Run::State::broken) {
            waiting_for_key_ = true;
        } else if (ahead.state == Run::State::incomplete) {
            if (const auto behind = next_past_gap()) return behind;
            if (!waiting_for_key_) wait_for_packet(ahead.end, now);
            break;
        } else if (lacks_layer_1(slot(next_))) {
            references_.picture_id = slot(next_).descriptor.picture_id;
            skip_to(ahead.end);
        } else {
            const AssembledFrame frame = assemble(next_, ahead.end);
            if (!frame.bytes.empty()) return frame;
            ++frames_skipped_;
            waiting_for_key_ = true;
        }
    }
    return waiting_for_key_ ? next_entry() : std::nullopt;
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

std::optional<AssembledFrame> VideoJitterBuffer::next_entry() {
    for (std::int64_t number = next_; number <= highest_; ++number) {
        const Slot* const packet = find(number);
        if (packet == nullptr || !is_entry(*packet)) continue;
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

// The first complete frame behind a gap that needs nothing of what is missing.
std::optional<AssembledFrame> VideoJitterBuffer::next_past_gap() {
    Gap gap{references_.picture_id};
    for (std::int64_t number = next_; number <= highest_; ++number) {
        const Slot* const packet = find(number);
        if (packet == nullptr) continue;
        const bool unreferenced = gap.ends_before(packet->descriptor);
        gap.add(packet->descriptor);
        if (!packet->first || depends_on_gap(*packet, unreferenced)) continue;
        const Run ahead = run(number);
        if (ahead.state != Run::State::complete) continue;
        references_.layer_1 = references_.layer_1 && unreferenced;
        skip_to(number);
        const AssembledFrame frame = assemble(number, ahead.end);
        if (!frame.bytes.empty()) return frame;
        ++frames_skipped_;
        waiting_for_key_ = true;
        return std::nullopt;
    }
    return std::nullopt;
}

// A frame that can be decoded whatever was lost before it.
bool VideoJitterBuffer::is_entry(const Slot& packet) const {
    const auto& index = packet.descriptor.key_index;
    return packet.key || (packet.first && index && index == references_.golden);
}

// Whether the frame may refer to one of those between what was given last and itself.
bool VideoJitterBuffer::depends_on_gap(const Slot& first, bool unreferenced) const {
    const Vp8Descriptor& frame = first.descriptor;
    if (is_entry(first)) return !frame.temporal_layer && !frame.key_index;
    if (unreferenced) return lacks_layer_1(first);
    if (!frame.temporal_layer || !frame.tl0_pic_idx || !references_.tl0_pic_idx) return true;
    const int bases = (*frame.tl0_pic_idx - *references_.tl0_pic_idx) & 0xff;
    if (*frame.temporal_layer == 0) return bases != 1;
    return bases != 0 || !frame.layer_sync;
}

bool VideoJitterBuffer::lacks_layer_1(const Slot& first) const {
    const bool needed = first.descriptor.temporal_layer.value_or(0) > 0 && !first.descriptor.layer_sync;
    return needed && !references_.layer_1;
}

void VideoJitterBuffer::References::note(const Slot& first) {
    const Vp8Descriptor& frame = first.descriptor;
    const std::uint8_t layer = frame.temporal_layer.value_or(0);
    picture_id = frame.picture_id;
    if (layer == 0) tl0_pic_idx = frame.tl0_pic_idx;
    if (layer < 2) layer_1 = true;
    if (first.key || (frame.key_index && frame.key_index != golden)) golden_id = frame.picture_id;
    if (first.key || frame.key_index) golden = frame.key_index;
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

void VideoJitterBuffer::require_key_frame() {
    references_ = {};
    wait_for_key();
}

Instant VideoJitterBuffer::key_frame_wanted() const {
    if (!waiting_for_key_) return never;
    if (key_started_ == Instant::min()) return Instant::min();
    return key_started_ + settings_.give_up;
}

std::size_t VideoJitterBuffer::memory() const { return packets_.size() + frame_.size() + slots_.size() * sizeof(Slot); }

}  // namespace sotto::transport
