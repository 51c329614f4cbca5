#include "sotto/call.h"

#include "call/call_core.h"

namespace sotto {

Call::Call(std::shared_ptr<detail::CallCore> core) : core_(std::move(core)) {}
Call::Call(Call&&) noexcept = default;
Call& Call::operator=(Call&&) noexcept = default;
Call::~Call() = default;

Result<void> Call::accept(const CallSettings& ours, Instant now) { return core_->accept(ours, core_->time().at(now)); }
void Call::hang_up(Instant now) { core_->hang_up(core_->time().at(now)); }
Result<void> Call::busy(Instant now) { return core_->busy(core_->time().at(now)); }
Result<void> Call::set_media(const MediaStatus& status) { return core_->set_media(status); }
Result<void> Call::ask_video() { return core_->ask_video(); }
Result<void> Call::answer_video(bool agreed) { return core_->answer_video(agreed); }
Result<void> Call::set_route(Bytes route) { return core_->set_route(route); }

Result<void> Call::send(const VideoFrame& frame, Instant now) {
    const Instant ours = core_->time().at(now);
    VideoFrame timed = frame;
    timed.captured = core_->time().captured(frame.captured);
    return core_->send(timed, ours);
}

Result<void> Call::send(const AudioBlock& block, Instant now) {
    const Instant ours = core_->time().at(now);
    AudioBlock timed = block;
    timed.captured = core_->time().captured(block.captured);
    return core_->send(timed, ours);
}

Result<void> Call::receive(Bytes datagram, Instant now) { return core_->receive(datagram, core_->time().at(now)); }

std::optional<Output> Call::poll(Instant now) {
    auto output = core_->poll(core_->time().at(now));
    if (!output) return output;
    const auto retime = [&](Instant& frame, std::optional<Instant>& known) {
        frame = core_->time().clients(frame);
        if (known) known = core_->time().clients(*known);
    };
    if (auto* const frame = std::get_if<ShownFrame>(&*output)) retime(frame->picture.captured, frame->captured);
    if (auto* const block = std::get_if<PlayedBlock>(&*output)) retime(block->block.captured, block->captured);
    return output;
}

Instant Call::deadline() const { return core_->time().clients(core_->deadline()); }
std::optional<FrameTrace> Call::trace() { return core_->trace(); }
void Call::shown(Medium medium, std::uint32_t timestamp, Instant at) { core_->shown(medium, timestamp, at); }

Result<void> Call::rekey() { return core_->rekey(); }
Result<void> Call::set_video_bitrate(int bits_per_second) { return core_->set_video_bitrate(bits_per_second); }
void Call::request_key_frame() { core_->request_key_frame(); }

CallState Call::state() const { return core_->state(); }
const CallId& Call::id() const { return core_->id(); }
const PublicIdentity& Call::peer() const { return core_->peer(); }
std::optional<std::string> Call::peer_name() const { return core_->peer_name(); }
std::optional<std::string> Call::changed_contact() const { return core_->changed_contact(); }
const SafetyNumber& Call::safety_number() const { return core_->safety_number(); }
const std::optional<ShortAuth>& Call::short_auth() const { return core_->short_auth(); }
const MediaStatus& Call::peer_media() const { return core_->peer_media(); }
bool Call::direct() const { return core_->direct(); }
bool Call::offers_video() const { return core_->offers_video(); }
CallStats Call::stats() const { return core_->stats(); }

}  // namespace sotto
