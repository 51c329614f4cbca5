#include "transport/audio_jitter_buffer.h"

#include <algorithm>

#include "transport/opus_payload.h"

namespace sotto::transport {
namespace {

constexpr Duration patience = std::chrono::seconds(1);      // how long to conceal, or to keep excess delay
constexpr Duration loss_memory = std::chrono::seconds(10);  // how long a loss keeps room for the next packet's FEC
constexpr Duration jitter_memory = std::chrono::milliseconds(10240);  // in which jitter is forgotten to 1/e

// What waits is at most `maximum` and less than a block old (see limit_delay()).
std::size_t slots_for(const AudioJitterBufferSettings& settings) {
    return static_cast<std::size_t>((settings.maximum + settings.block) / settings.block + 1);
}

std::uint32_t samples_in(Duration block) {
    return static_cast<std::uint32_t>(block / std::chrono::milliseconds(1)) * 48;
}

}  // namespace

AudioJitterBuffer::AudioJitterBuffer(const AudioJitterBufferSettings& settings)
    : settings_(settings), slots_(slots_for(settings)), bytes_(slots_.size() * slot_bytes), target_(settings.minimum) {}

const AudioJitterBuffer::Slot* AudioJitterBuffer::find(std::int64_t number) const {
    const Slot& slot = slots_[place(number)];
    return slot.number == number ? &slot : nullptr;
}

Bytes AudioJitterBuffer::packet(const Slot& slot) const {
    const auto offset = static_cast<std::size_t>(&slot - slots_.data()) * slot_bytes;
    return std::span(bytes_).subspan(offset, slot.size);
}

RtpTimestamp AudioJitterBuffer::timestamp_of(std::int64_t number) const {
    const std::int64_t ticks = (number - origin_) * samples_in(settings_.block);
    return origin_timestamp_ + static_cast<std::uint32_t>(ticks);
}

Instant AudioJitterBuffer::earliest(std::int64_t number) const {
    return origin_time_ + (number - origin_) * settings_.block;
}

// A new arrival line. What the last one told of the jitter still sets the target.
void AudioJitterBuffer::start(std::int64_t number, RtpTimestamp timestamp, Instant now) {
    next_ = number;
    due_ = now + target_;
    origin_ = number;
    origin_time_ = now;
    origin_timestamp_ = timestamp;
    earlier_jitter_ = std::max(jitter_, earlier_jitter_);
    jitter_ = Duration::zero();
    waiting_ = true;
    excess_turns_ = 0;
    empty_turns_ = 0;
}

// The target is the largest recent delay over the earliest arrival line, forgotten by half in about seven seconds.
void AudioJitterBuffer::measure(std::int64_t number, Instant now) {
    const Duration over = now - earliest(number);
    if (over < Duration::zero()) {
        origin_time_ += over;
        // The line moved: what was measured against it is that much later now.
        jitter_ = std::min(jitter_ - over, settings_.maximum);
    } else if (!waiting_) {
        // A clock of the sender's that runs slow shows as ever later packets: let the line follow, 0.02 % at most.
        origin_time_ += std::min<Duration>(over, settings_.block / 5000);
    }
    const std::int64_t packets = jitter_memory / settings_.block;
    jitter_ = std::max(std::max(over, Duration::zero()), jitter_ - jitter_ / packets);
    earlier_jitter_ -= earlier_jitter_ / packets;
    // In-band FEC travels one block later: waiting for it pays only where packets are lost.
    const Duration for_fec = loss_turns_ > 0 ? settings_.block + settings_.block / 8 : Duration::zero();
    target_ = std::clamp(std::max(jitter_, earlier_jitter_) + for_fec, settings_.minimum, settings_.maximum);
    // Until its turn comes, the line's first block waits longer or shorter as line and target move.
    if (waiting_ && now < due_) due_ = std::max(now, earliest(next_) + target_);
}

// After a stall all that waited comes at once, or turns were not taken: what is older than the maximum is left out.
void AudioJitterBuffer::limit_delay(Instant now) {
    const Duration oldest = std::max(due_, now) - earliest(next_);
    const std::int64_t excess = (oldest - settings_.maximum) / settings_.block;
    if (excess <= 0) return;
    next_ += excess;
    dropped_ += static_cast<std::uint64_t>(excess);
    due_ = std::max(due_, std::min(now, due_ + excess * settings_.block));
}

Result<void> AudioJitterBuffer::insert(const RtpPacket& rtp, std::int64_t extended, Instant now) {
    const auto payload = parse_opus(rtp.payload);
    if (!payload) return Failure(payload.error() == Error::too_large ? Error::malformed : payload.error());
    if (payload->frames != samples_in(settings_.block)) return Failure(Error::malformed);
    if (rtp.payload.size() > slot_bytes) return Failure(Error::too_large);

    const bool stopped = due_ == never;
    if (stopped && extended <= highest_) return Failure(Error::too_late);
    // Turns passed empty, yet the numbers go on where they were: the peer had paused.
    const bool paused = extended > highest_ && extended < next_;
    const bool jumped = (extended - next_) * settings_.block >= patience;
    if (stopped || paused || jumped) start(extended, rtp.header.timestamp, now);
    if (extended < origin_) return Failure(Error::too_late);  // from before a pause: tells nothing of this line
    measure(extended, now);
    limit_delay(now);
    if (extended < next_) return Failure(Error::too_late);
    if (find(extended) != nullptr) return Failure(Error::replayed);

    Slot& slot = slots_[place(extended)];
    slot = {
        .number = extended, .timestamp = rtp.header.timestamp, .size = static_cast<std::uint16_t>(rtp.payload.size())};
    const auto offset = static_cast<std::size_t>(&slot - slots_.data()) * slot_bytes;
    std::copy_n(rtp.payload.data(), rtp.payload.size(), bytes_.data() + offset);
    if (highest_ >= origin_ && extended > highest_ + 1) loss_turns_ = static_cast<int>(loss_memory / settings_.block);
    highest_ = std::max(highest_, extended);
    return {};
}

AudioJitterBuffer::Step AudioJitterBuffer::choose_step(bool present, bool successor) {
    if (!present) {
        excess_turns_ = 0;
        // Late rather than lost: wait a block longer, once the measured jitter asks for it.
        return delay() + settings_.block / 8 < target_ ? Step::stretch : Step::consume;
    }
    const bool excess = successor && delay() > target_ + settings_.block;
    excess_turns_ = excess ? excess_turns_ + 1 : 0;
    if (excess_turns_ * settings_.block < patience) return Step::consume;
    excess_turns_ = 0;
    return Step::drop;
}

std::optional<AudioTurn> AudioJitterBuffer::next(Instant now) {
    if (due_ == never || now < due_) return std::nullopt;
    waiting_ = false;
    const Step step = choose_step(find(next_) != nullptr, find(next_ + 1) != nullptr);
    if (step == Step::drop) {
        ++next_;
        ++dropped_;
    }
    due_ += settings_.block;
    AudioTurn turn{.timestamp = timestamp_of(next_)};
    if (step == Step::stretch) {
        ++concealed_;
        return turn;
    }

    const std::int64_t number = next_++;
    if (loss_turns_ > 0) --loss_turns_;
    empty_turns_ = highest_ < number ? empty_turns_ + 1 : 0;
    if (const Slot* const own = find(number)) {
        turn.kind = AudioTurn::Kind::decode;
        turn.packet = packet(*own);
        turn.timestamp = own->timestamp;
        return turn;
    }
    ++concealed_;
    if (const Slot* const after = find(number + 1)) {
        turn.kind = AudioTurn::Kind::recover;
        turn.packet = packet(*after);
        ++recovered_;
    } else if (empty_turns_ * settings_.block >= patience) {
        due_ = never;  // the peer has stopped: begin anew with its next packet
    }
    return turn;
}

std::size_t AudioJitterBuffer::memory() const { return bytes_.size() + slots_.size() * sizeof(Slot); }

}  // namespace sotto::transport
