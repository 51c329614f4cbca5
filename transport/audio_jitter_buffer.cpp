#include "transport/audio_jitter_buffer.h"

#include <algorithm>

#include "base/copy_bytes.h"
#include "transport/opus_payload.h"

namespace sotto::transport {
namespace {

using std::chrono::milliseconds;

constexpr Duration patience = std::chrono::seconds(1);  // how long to conceal before play stops
constexpr Duration clear_gain = milliseconds(2);        // what more delay must be worth
constexpr std::int64_t longest_scale = 720;             // samples: 15 ms, the longest pitch period
constexpr std::int64_t shortest_scale = 120;            // 2.5 ms
constexpr std::int64_t joined = 960;                    // samples in which such periods are found
constexpr Duration between_scales = milliseconds(60);   // what a listener doesn't mind
constexpr Duration far = milliseconds(60);              // from where the delay should be
constexpr double worth_waiting = 0.03;    // chance that a missing block comes in the time that longer sound gains
constexpr double worth_foresight = 0.05;  // the same of one that is not missed yet
constexpr Duration foresight = milliseconds(40);
constexpr Duration far_foresight = milliseconds(80);  // while a queue is known to grow
constexpr Duration grows_on = milliseconds(100);      // for so long after the last packet that told so
constexpr double longer_than_ever = 1e-4;  // share of the blocks that come later by one than any is known to have

// What waits is at most `maximum`, and the block that comes in.
std::size_t slots_for(const AudioJitterBufferSettings& settings) {
    return static_cast<std::size_t>(settings.maximum / settings.block + 2);
}

// RFC 6716 §3.4 [R2]: a frame has 1275 bytes at most, and its TOC one; §2.1.1: 510 kbit/s are the most that is of use,
// which a block of 10 ms reaches with half of that.
std::size_t largest_block(Duration block) { return block > milliseconds(10) ? 1276 : 640; }

// RFC 6716 §4.2.3: a SILK or hybrid frame begins with a VAD flag for each 20 ms and an LBRR flag, for mid, then side.
bool carries_fec(Bytes packet) {
    const auto toc = std::to_integer<unsigned>(packet[0]);
    if (packet.size() < 2 || toc >= 0x80 || (toc & 3) != 0) return false;  // CELT, or several frames
    const auto flags = std::to_integer<unsigned>(packet[1]);
    return (flags & ((toc & 4) != 0 ? 0x50U : 0x40U)) != 0;
}

constexpr Duration duration(std::int64_t samples) { return Duration(std::chrono::seconds(samples)) / 48000; }
constexpr std::int64_t samples(Duration duration) { return duration * 48 / milliseconds(1); }

// The share of the blocks that a queue may hold up for so long though none has shown it: of such queues half grow to
// twice as much.
double unseen(Duration delay, Duration block) {
    const Duration counted = std::max<Duration>(delay, milliseconds(1));
    return longer_than_ever * static_cast<double>(block.count()) / static_cast<double>(counted.count());
}

}  // namespace

AudioJitterBuffer::AudioJitterBuffer(const AudioJitterBufferSettings& settings)
    : settings_(settings),
      block_samples_(samples(settings.block)),
      slot_bytes_(largest_block(settings.block)),
      slots_(slots_for(settings)),
      bytes_(slots_.size() * slot_bytes_),
      delays_(settings.block, settings.maximum) {}

const AudioJitterBuffer::Slot* AudioJitterBuffer::find(std::int64_t number) const {
    const Slot& slot = slots_[place(number)];
    return slot.number == number ? &slot : nullptr;
}

Bytes AudioJitterBuffer::packet(const Slot& slot) const {
    const auto offset = static_cast<std::size_t>(&slot - slots_.data()) * slot_bytes_;
    return std::span(bytes_).subspan(offset, slot.size);
}

RtpTimestamp AudioJitterBuffer::timestamp_of(std::int64_t number) const {
    return origin_timestamp_ + static_cast<std::uint32_t>((number - origin_) * block_samples_);
}

Duration AudioJitterBuffer::target() const {
    return std::clamp(std::max(delays_.cheapest(), least_), settings_.minimum, settings_.maximum);
}

// -- What comes in

Result<int> AudioJitterBuffer::blocks_of(Bytes payload) const {
    const auto opus = parse_opus(payload);
    if (!opus) return Failure(opus.error() == Error::too_large ? Error::malformed : opus.error());
    const std::int64_t blocks = opus->frames / block_samples_;
    const bool whole = blocks > 0 && blocks * block_samples_ == opus->frames;
    if (!whole || blocks * settings_.block > longest_packet) return Failure(Error::malformed);
    if (payload.size() > slot_bytes_) return Failure(Error::too_large);
    return static_cast<int>(blocks);
}

// The block behind `number` has FEC for it. A longer packet's goes for a packet that long (RFC 6716 §4.2.5).
bool AudioJitterBuffer::brings_block_before(std::int64_t number) const {
    const Slot* const slot = find(number);
    return slot != nullptr && slot->part == 0 && carries_fec(packet(*slot)) &&
           parse_opus(packet(*slot))->frames == block_samples_;
}

void AudioJitterBuffer::start(std::int64_t number, RtpTimestamp timestamp, Instant now) {
    delays_.restart();
    next_ = number;
    due_ = now + target();
    origin_ = number;
    origin_timestamp_ = timestamp;
    waiting_ = true;
    waited_ = 0;
}

// Each block counts once, when it could first be played: by a copy or by FEC if these came before it.
void AudioJitterBuffer::note_playable(std::int64_t carrier, std::int64_t back, Instant now) {
    const std::int64_t number = carrier - back;
    delays_.note_copy(carrier, back);
    Slot& slot = slots_[place(number)];
    if (number < origin_ || slot.playable >= number) return;
    slot.playable = number;
    delays_.note(carrier, back, now);
}

// The turns of what is lost have passed while we waited for it: what comes after it keeps its own.
void AudioJitterBuffer::skip_waited(std::int64_t number) {
    for (; waited_ > 0 && next_ < number && find(next_) == nullptr; --waited_) ++next_;
}

// After a stall all that waited comes at once, or turns were not taken: what is older than the maximum is left out.
void AudioJitterBuffer::limit_delay(std::int64_t newest, Instant now) {
    const std::int64_t excess = newest - next_ + 1 - settings_.maximum / settings_.block;
    if (excess <= 0) return;
    next_ += excess;
    dropped_ += static_cast<std::uint64_t>(excess);
    due_ = std::max(due_, std::min(now, due_ + excess * settings_.block));
}

void AudioJitterBuffer::store(Bytes payload, std::int64_t number, int part, Instant now) {
    Slot& slot = slots_[place(number)];
    slot.number = number;
    slot.arrived = now;
    slot.size = static_cast<std::uint16_t>(payload.size());
    slot.part = static_cast<std::uint8_t>(part);
    copy_bytes(payload, std::span(bytes_).subspan(place(number) * slot_bytes_));
    highest_ = std::max(highest_, number);
}

bool AudioJitterBuffer::jumps_to(std::int64_t number) const {
    return (number - next_ - waited_) * settings_.block >= patience;
}

Result<void> AudioJitterBuffer::insert(const RtpPacket& rtp, std::int64_t extended, Instant now) {
    const auto blocks = blocks_of(rtp.payload);
    if (!blocks) return Failure(blocks.error());

    const std::int64_t last = extended + *blocks - 1;
    const bool stopped = due_ == never;
    if (stopped && extended <= highest_) return Failure(Error::too_late);
    if (stopped || jumps_to(extended)) start(extended, rtp.header.timestamp, now);
    if (extended < origin_) return Failure(Error::too_late);  // from before a pause: tells nothing of the present
    // More time has passed than numbers: a stall, or the peer had paused.
    if (waited_ >= 2 && last - next_ + 1 < waited_) delays_.doubt_line();
    // The earlier blocks of a long packet have waited for the last, as copies do.
    for (std::int64_t back = *blocks - 1; back >= 0; --back) note_playable(last, back, now);
    if (*blocks == 1 && carries_fec(rtp.payload)) note_playable(extended, 1, now);
    // Until its turn comes, the first block waits longer or shorter as others show how late it was.
    if (waiting_ && now < due_) due_ = std::max(now, delays_.earliest(next_) + target());
    skip_waited(extended);
    limit_delay(last, now);
    if (last < next_) return Failure(Error::too_late);
    if (find(last) != nullptr) return Failure(Error::replayed);
    for (std::int64_t number = std::max(extended, next_); number <= last; ++number) {
        if (find(number) == nullptr) store(rtp.payload, number, static_cast<int>(number - extended), now);
    }
    return {};
}

Result<void> AudioJitterBuffer::insert_redundant(Bytes block, std::int64_t carrier, std::int64_t back, Instant now) {
    const auto blocks = blocks_of(block);
    if (!blocks) return Failure(blocks.error());
    if (*blocks > 1) return Failure(Error::malformed);
    const std::int64_t extended = carrier - back;
    const bool playing = due_ != never && extended >= origin_ && !jumps_to(extended);
    if (playing) {
        note_playable(carrier, back, now);
        skip_waited(extended);
    }
    const bool in_reach = extended >= next_ && extended - next_ < settings_.maximum / settings_.block;
    if (!playing || !in_reach || find(extended) != nullptr) {
        ++redundant_unused_;
        return {};
    }
    store(block, extended, 0, now);
    ++redundant_used_;
    return {};
}

// -- What is played

Instant AudioJitterBuffer::free() const { return due_ + duration(held_); }

Duration AudioJitterBuffer::least() const {
    return std::min(std::max(settings_.minimum, least_), settings_.maximum - settings_.block);
}

bool AudioJitterBuffer::should_grow(Duration margin) const {
    return margin + settings_.block <= settings_.maximum && target() > margin &&
           delays_.cost(margin) > delays_.cost(target()) + clear_gain;
}

bool AudioJitterBuffer::should_shrink(Duration margin) const {
    const Duration excess = std::min(margin - target(), duration(longest_scale));
    // What comes later than the target allows for now: its queue may still grow.
    if (excess < duration(shortest_scale) || delays_.newest() > target()) return false;
    return delays_.late_recently(margin - excess) <= 1;
}

// A queue may hold up what comes next longer than any that was seen: is it likely to end in the time that longer sound
// gains? The newest packet has told of one, or the next one's absence does, if that isn't lost.
bool AudioJitterBuffer::should_outlast(Duration known, Duration needed, Duration longer) const {
    const auto likely = [&](Duration so_far, double so_late) {
        if (so_far < duration(shortest_scale)) return false;
        const double gained =
            unseen(std::max(needed, so_far), settings_.block) - unseen(std::max(longer, so_far), settings_.block);
        return gained > worth_foresight * (so_late + unseen(so_far, settings_.block));
    };
    const Duration newest = delays_.newest();
    return likely(newest, delays_.held_up(newest)) || likely(known, delays_.late(known));
}

// A block is missing. If it isn't lost for good, a pause of play now may save it (Steinbach et al., 2001).
bool AudioJitterBuffer::should_wait() const {
    std::int64_t missing = next_;
    while (find(missing) != nullptr && missing <= highest_) ++missing;
    if (brings_block_before(missing + 1)) return false;
    const Duration before = duration(held_) + (missing - next_) * settings_.block;
    const Duration passed = due_ - delays_.earliest(missing);
    const Duration needed = passed + before, longer = needed + duration(longest_scale);
    if (longer > settings_.maximum) return false;
    const bool grows = due_ < queue_grew_ + grows_on && passed > Duration::zero();
    if (missing > highest_ && before <= far_foresight && grows) return true;
    const bool soon = missing > highest_ && before <= foresight;  // all that is in the buffer will have been played
    if (soon && should_outlast(passed, needed, longer)) return true;
    if (missing == next_) {
        const double so_late = passed > Duration::zero() ? delays_.late(passed) : 1;
        return delays_.late(needed) - delays_.late(longer) > worth_waiting * so_late;
    }
    // It is late, for nothing behind it has come either.
    if (!soon || passed <= Duration::zero()) return false;
    return delays_.held_up(needed) - delays_.held_up(longer) > worth_foresight * delays_.held_up(passed);
}

// Sound that became longer or shorter moves the turns of all that comes behind it, and the margin of its packets.
void AudioJitterBuffer::choose_scale(AudioTurn& turn, Duration margin) {
    since_scaled_ += settings_.block;
    if (should_wait()) {
        turn.scale = AudioTurn::Scale::stretch;
        turn.scale_limit = longest_scale;
        turn.needed = true;
        since_scaled_ = {};
        return;
    }
    const Duration excess = margin - target();
    if (since_scaled_ < (excess > far ? settings_.block : between_scales)) return;
    if (should_grow(margin) || margin + duration(shortest_scale) <= least()) {
        turn.scale = AudioTurn::Scale::stretch;
        turn.scale_limit = longest_scale;
        since_scaled_ = {};
    } else if (should_shrink(margin)) {
        shorten(turn, excess);
    }
}

void AudioJitterBuffer::shorten(AudioTurn& turn, Duration excess) {
    joining_ = held_ < joined && find(next_) != nullptr;
    if (joining_) return;
    turn.scale = AudioTurn::Scale::shorten;
    turn.scale_limit = std::min({longest_scale, samples(excess), held_ / 4 * 3});
    since_scaled_ = {};
}

// The block `next_`, from its packet, from its successor's FEC, or not at all.
void AudioJitterBuffer::take(AudioTurn& turn) {
    const std::int64_t number = next_;
    const Slot* const own = find(number);
    const Slot* const after = find(number + 1);
    if (own != nullptr) {
        turn.kind = AudioTurn::Kind::decode;
        turn.packet = packet(*own);
        turn.part = own->part;
        turn.parts = static_cast<int>(parse_opus(turn.packet)->frames / block_samples_);
        turn.arrived = own->arrived;
    } else if (brings_block_before(number + 1)) {
        turn.kind = AudioTurn::Kind::recover;
        turn.packet = packet(*after);
        turn.arrived = after->arrived;
        ++recovered_;
    } else if (highest_ < number) {
        ++waited_;  // late or lost: that shows with what comes next
        return;
    } else if (should_grow(margin(number))) {
        return;  // late rather than lost, so far as the arrivals of late tell
    }
    ++next_;
    waited_ = 0;
}

std::optional<AudioTurn> AudioJitterBuffer::next(Instant now) {
    if (due_ == never || now < due_ || (held_ > 0 && !joining_)) return std::nullopt;
    waiting_ = false;
    joining_ = false;
    AudioTurn turn{.timestamp = timestamp_of(next_)};
    const Duration given = margin(next_);
    take(turn);
    held_ += block_samples_;
    if (turn.kind != AudioTurn::Kind::decode) {
        ++concealed_;
    } else {
        choose_scale(turn, given);
    }
    return turn;
}

bool AudioJitterBuffer::play(Instant now) {
    if (due_ == never || now < due_ || held_ <= 0) return false;
    due_ = free();
    held_ = 0;
    joining_ = false;
    // The peer has stopped: begin anew with its next packet.
    if (waited_ * settings_.block >= patience) due_ = never;
    return true;
}

std::size_t AudioJitterBuffer::memory() const {
    return bytes_.size() + slots_.size() * sizeof(Slot) + delays_.memory();
}

}  // namespace sotto::transport
