#include "apps/sotto/conversation.h"

#include "apps/sotto/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "call/packet_cipher.h"

namespace sotto::app {
namespace {

constexpr Duration report_interval = std::chrono::milliseconds(500);
constexpr std::size_t pictures_ahead = 3;
constexpr int datagrams_a_turn = 64;

// At most a second.
timespec until(Instant deadline) {
    const Instant from = now();
    const auto left = deadline > from ? std::min<std::int64_t>((deadline - from).count(), 1'000'000'000) : 0;
    return {.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
}

bool on_terminal() { return isatty(STDERR_FILENO) != 0; }

}  // namespace

Instant now() {
    return Instant(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

Conversation::Conversation(const ConversationSettings& settings, MediaPath&& path, EventLog&& log)
    : settings_(settings),
      path_(std::move(path)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      log_(std::move(log)),
      keys_(settings.json, !settings.video.empty() && !settings.sound_only) {}

Expected<std::unique_ptr<Conversation>> Conversation::prepare(const ConversationSettings& settings) {
    auto path = MediaPath::prepare(settings.path);
    if (!path) return std::unexpected(path.error());
    // What media are protected by tries itself out first, for tens of milliseconds: not between an answer and its path.
    static_cast<void>(call::choose_packet_cipher());
    auto log = EventLog::open(settings.log, settings.json);
    if (!log) return std::unexpected(log.error());
    std::unique_ptr<Conversation> made(new Conversation(settings, std::move(*path), std::move(*log)));
    const auto opened = made->open_sources();
    if (!opened) return std::unexpected(opened.error());
    if (!settings.record.empty()) {
        auto recorder = Recorder::open(settings.record, settings.call.video_width, settings.call.video_height,
                                       settings.call.audio_channels);
        if (!recorder) return std::unexpected(recorder.error());
        made->recorder_ = std::make_unique<Recorder>(std::move(*recorder));
    }
    return made;
}

void Conversation::allow_direct(bool allowed) {
    settings_.call.allow_direct = allowed;
    path_.allow_direct(allowed);
}

Expected<void> Conversation::open_sources() {
    CallSettings& call = settings_.call;
    call.trace_clock = now;
    call.allow_direct = settings_.path.direct;
    call.video = !settings_.video.empty() && !settings_.sound_only;
    call.audio = !settings_.audio.empty();
    if (!settings_.video.empty()) {
        auto source =
            VideoSource::open(settings_.video, call.video_width, call.video_height, call.video_frame_rate, true);
        if (!source) return std::unexpected(source.error());
        call.video_frame_rate = static_cast<int>(std::lround(source->frame_rate()));
        video_source_ = std::make_unique<VideoSource>(std::move(*source));
    }
    if (call.audio) {
        auto source = AudioSource::open(settings_.audio, call.audio_channels, true);
        if (!source) return std::unexpected(source.error());
        audio_source_ = std::make_unique<AudioSource>(std::move(*source));
    }
    const auto wake = [fd = wake_.get()] { static_cast<void>(eventfd_write(fd, 1)); };
    if (video_source_) {
        const auto produce = [source = video_source_.get()]() -> Expected<std::optional<codec::I420Buffer>> {
            const auto picture = source->next();
            if (!picture) return std::unexpected(picture.error());
            if (*picture == nullptr) return std::nullopt;
            return **picture;
        };
        const std::size_t ahead = is_device(settings_.video) ? 1 : pictures_ahead;
        pictures_ = std::make_unique<Feed<codec::I420Buffer>>(produce, ahead, wake);
    }
    if (audio_source_) {
        const auto block = static_cast<std::size_t>(call.audio_block_ms * 48 * call.audio_channels);
        const auto produce = [source = audio_source_.get(),
                              block]() -> Expected<std::optional<std::vector<std::int16_t>>> {
            std::vector<std::int16_t> samples(block);
            const auto count = source->read(samples);
            if (!count) return std::unexpected(count.error());
            if (*count == 0) return std::nullopt;
            return samples;
        };
        sounds_ = std::make_unique<Feed<std::vector<std::int16_t>>>(produce, 3, wake);
    }
    return {};
}

Expected<EndReason> Conversation::run(Account& account, Call call, SignalPath& carrier) {
    if (auto kept = account.kept_for_client()) path_.offer_sessions(std::move(*kept));
    auto done = run_until_ended(account, call, carrier);
    if (!done) {
        // Whatever failed on our side, the peer must not wait for us.
        call.hang_up(now());
        static_cast<void>(take_outputs(call, carrier));
    }
    // An account that is kept nowhere keeps no relay's session either; the next call does without.
    static_cast<void>(account.keep_for_client(path_.take_sessions()));
    log_.event(
        {{"event", "ended"}, {"reason", name(ended_.value_or(EndReason::lost))}, {"stats", to_json(call.stats())}});
    if (on_terminal() && !settings_.json) std::fputc('\n', stderr);
    if (recorder_ && done) done = recorder_->close();
    if (!done) return std::unexpected(done.error());
    return *ended_;
}

Expected<void> Conversation::run_until_ended(Account& account, Call& call, SignalPath& carrier) {
    bool hanging_up = false;
    keys_.listen();
    for (;;) {
        const auto taken = take_outputs(call, carrier);
        if (!taken || ended_) return taken;
        const bool time_is_up = settings_.seconds > 0 && active_since_ != never &&
                                now() - active_since_ >= std::chrono::seconds(settings_.seconds);
        if ((interrupted() || time_is_up || keys_.hangs_up()) && !hanging_up) {
            hanging_up = true;
            call.hang_up(now());
            continue;
        }
        send_media(call);
        report(call);
        wait(call, carrier, hanging_up);
        keys_.read(call, log_);
        const auto read = read_network(account, call, carrier);
        if (!read) return read;
    }
}

Expected<void> Conversation::take_outputs(Call& call, SignalPath& carrier) {
    while (const auto output = call.poll(now())) {
        const auto taken = take(*output, call, carrier);
        if (!taken) return taken;
        while (const auto trace = call.trace()) log_.trace(*trace);
    }
    while (const auto trace = call.trace()) log_.trace(*trace);
    return {};
}

Expected<void> Conversation::take(const Output& output, Call& call, SignalPath& carrier) {
    if (const auto* datagram = std::get_if<Datagram>(&output)) {
        return path_.send(datagram->bytes);
    } else if (const auto* signal = std::get_if<Signal>(&output)) {
        if (!carrier_gone_ && !carrier_fails_) carrier_fails_ = !carrier.send(*signal);
        return {};
    } else if (const auto* frame = std::get_if<ShownFrame>(&output)) {
        return show(*frame);
    } else if (const auto* block = std::get_if<PlayedBlock>(&output)) {
        return play(*block);
    } else if (const auto* route = std::get_if<RemoteRoute>(&output)) {
        return path_.hear(route->route);
    } else if (const auto* activated = std::get_if<Activated>(&output)) {
        return begin(call, *activated);
    } else if (const auto* ready = std::get_if<ShortAuthReady>(&output)) {
        tell_short_auth(ready->symbols);
    } else if (std::holds_alternative<PeerRings>(output)) {
        tell("rings", "It rings");
        path_.open_ahead();
    } else if (std::holds_alternative<Reconnecting>(output)) {
        tell("reconnecting", "Nothing comes any more: looking for another way");
    } else if (std::holds_alternative<Reconnected>(output)) {
        tell("reconnected", "The call goes on");
    } else if (const auto* end = std::get_if<Ended>(&output)) {
        ended_ = end->reason;
    } else if (const auto words = keys_.hear(output, log_)) {
        say(*words);
    }
    return {};
}

// To programs by its name, to people in words.
void Conversation::tell(const std::string& event, const std::string& words) {
    log_.event({{"event", event}});
    say(words);
}

void Conversation::say(const std::string& words) const {
    if (on_terminal() && !settings_.json) std::fprintf(stderr, "\r%s\n", words.c_str());
}

// Media need it no more; before there are any, nobody can be reached.
void Conversation::lose_carrier(Call& call) {
    carrier_gone_ = true;
    const bool talks = call.state() == CallState::active || call.state() == CallState::reconnecting;
    if (!talks) call.hang_up(now());
    if (talks) tell("carrier_gone", "Signals have no way any more; the call goes on");
}

// Only now, with both sides' consent, is a path to the peer sought.
Expected<void> Conversation::begin(Call& call, const Activated& activated) {
    active_since_ = now();
    next_report_ = active_since_ + report_interval;
    live_ = std::make_unique<LiveLine>(active_since_);
    log_.event({{"event", "active"},
                {"call", to_hex(call.id().bytes)},
                {"peer", to_hex(call.peer().key)},
                {"safety_number", activated.safety_number}});
    return path_.open(call, settings_.caller, active_since_);
}

// People compare them while they talk.
void Conversation::tell_short_auth(const ShortAuth& symbols) {
    log_.event({{"event", "short_auth"}, {"short_auth", to_json(symbols)}});
    if (on_terminal() && !settings_.json) std::fprintf(stderr, "\rBoth sides show  %s\n", to_text(symbols).c_str());
}

Expected<void> Conversation::show(const ShownFrame& frame) {
    const Instant at = now();
    if (frame.captured) live_->shown(*frame.captured, at);
    return recorder_ ? recorder_->video(frame.encoded.bytes, frame.encoded.key, at - active_since_) : Expected<void>{};
}

Expected<void> Conversation::play(const PlayedBlock& block) {
    if (!heard_ && !block.concealed) {
        heard_ = true;
        log_.event({{"event", "heard"}, {"seconds", std::chrono::duration<double>(now() - active_since_).count()}});
    }
    return recorder_ ? recorder_->audio(block.block.samples, now() - active_since_) : Expected<void>{};
}

void Conversation::send_media(Call& call) {
    if (call.state() != CallState::active && call.state() != CallState::reconnecting) return;
    if (media_since_ == never && path_.connected()) media_since_ = now();
    if (media_since_ == never) return;
    send_sound(call);
    send_picture(call);
    if (sounds_ && sounds_->ended()) tell_failure("sound", sounds_->take_failure());
    if (pictures_ && pictures_->ended()) tell_failure("pictures", pictures_->take_failure());
}

// A source that fails half-way ends its own medium; the call goes on.
void Conversation::tell_failure(const std::string& what, const std::string& why) {
    if (why.empty()) return;
    log_.event({{"event", "failed"}, {"what", what}, {"why", why}});
    std::fprintf(stderr, "%ssotto: no more %s: %s\n", on_terminal() ? "\n" : "", what.c_str(), why.c_str());
}

// Files keep their own pace from when there is a path; devices send what they have.
void Conversation::send_picture(Call& call) {
    if (!pictures_ || pictures_->ended()) return;
    const bool device = is_device(settings_.video);
    const auto elapsed = static_cast<double>(pictures_sent_) / video_source_->frame_rate();
    const Instant due = media_since_ + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(elapsed));
    if (!device && now() < due) return;
    const auto ready = pictures_->take();
    if (!ready || (device && ready->made < media_since_)) return;
    ++pictures_sent_;
    if (!keys_.shows()) return;  // the source keeps its pace
    const Instant at = now();
    const auto sent = call.send(ready->item.view(device ? ready->made : at), at);
    if (!sent) log_.event({{"event", "refused"}, {"what", "picture"}, {"why", name(sent.error())}});
}

void Conversation::send_sound(Call& call) {
    const bool device = is_device(settings_.audio);
    while (sounds_ && !sounds_->ended()) {
        const Duration block = std::chrono::milliseconds(settings_.call.audio_block_ms);
        if (!device && now() < media_since_ + static_cast<std::int64_t>(sounds_sent_) * block) return;
        const auto ready = sounds_->take();
        if (!ready) return;
        if (device && ready->made < media_since_) continue;
        ++sounds_sent_;
        const Instant at = now();
        const AudioBlock samples{
            .samples = ready->item, .channels = settings_.call.audio_channels, .captured = device ? ready->made : at};
        const auto sent = call.send(samples, at);
        if (!sent) log_.event({{"event", "refused"}, {"what", "sound"}, {"why", name(sent.error())}});
    }
}

void Conversation::report(Call& call) {
    const Instant at = now();
    if (at < next_report_ || !live_) return;
    next_report_ = at + report_interval;
    const LiveFigures figures = live_->update(call.stats(), at);
    log_.event({{"event", "live"},
                {"seconds", figures.seconds},
                {"video_out_kbps", figures.video_out_kbps},
                {"video_in_kbps", figures.video_in_kbps},
                {"audio_out_kbps", figures.audio_out_kbps},
                {"audio_in_kbps", figures.audio_in_kbps},
                {"loss", figures.loss},
                {"latency_p50_ms", figures.latency_p50_ms},
                {"latency_p95_ms", figures.latency_p95_ms},
                {"epoch", figures.epoch}});
    if (on_terminal() && !settings_.json) {
        const std::string line = to_line(figures, call.safety_number(), call.short_auth()) + keys_.to_text();
        std::fprintf(stderr, "\r%s \033[K", line.c_str());  // what stood there may have been longer
    }
}

void Conversation::wait(const Call& call, const SignalPath& carrier, bool hanging_up) {
    Instant wake_at = std::min(call.deadline(), next_report_);
    if (media_since_ != never) {
        const Duration block = std::chrono::milliseconds(settings_.call.audio_block_ms);
        const auto picture = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
            static_cast<double>(pictures_sent_) / (video_source_ ? video_source_->frame_rate() : 1)));
        // What is not ready yet wakes us by itself.
        if (sounds_ && sounds_->ready() && !is_device(settings_.audio)) {
            wake_at = std::min(wake_at, media_since_ + static_cast<std::int64_t>(sounds_sent_) * block);
        }
        if (pictures_ && pictures_->ready() && !is_device(settings_.video)) {
            wake_at = std::min(wake_at, media_since_ + picture);
        }
    }
    if (active_since_ != never && settings_.seconds > 0) {
        wake_at = std::min(wake_at, active_since_ + std::chrono::seconds(settings_.seconds));
    }
    // An interrupt stays readable, so it counts until it has been acted on, and no longer.
    descriptors_.clear();
    const auto readable = [this](int fd) { descriptors_.push_back({.fd = fd, .events = POLLIN, .revents = 0}); };
    readable(carrier_gone_ ? -1 : carrier.descriptor());
    readable(wake_.get());
    readable(hanging_up ? -1 : interrupt_descriptor());
    readable(hanging_up ? -1 : keys_.descriptor());
    wake_at = std::min(wake_at, path_.wait_for(descriptors_, now()));
    if (carrier_fails_ && !carrier_gone_) wake_at = now();
    const timespec timeout = until(wake_at);
    ppoll(descriptors_.data(), descriptors_.size(), &timeout, nullptr);
    eventfd_t ignored = 0;
    static_cast<void>(eventfd_read(wake_.get(), &ignored));
}

void Conversation::take_signal(Account& account, const Buffer& signal, SignalPath& carrier) {
    auto received = account.receive(signal, now(), carrier.age());
    if (!received) log_.event({{"event", "refused"}, {"what", "signal"}, {"why", name(received.error())}});
    if (!received || !*received) return;
    Call& other = **received;
    log_.event({{"event", "busy"}, {"peer", to_hex(other.peer().key)}});
    static_cast<void>(other.busy(now()));
    while (const auto output = other.poll(now())) {
        // Whether it learns that we talk to somebody else is nothing that this call hangs on.
        if (const auto* told = std::get_if<Signal>(&*output)) static_cast<void>(carrier.send(*told));
    }
}

Expected<void> Conversation::read_network(Account& account, Call& call, SignalPath& carrier) {
    const auto worked = path_.work(call, log_, now());
    if (!worked) return worked;
    // Only so many at a turn: a flood must not keep the call from its other work.
    for (int taken = 0; taken < datagrams_a_turn; ++taken) {
        const auto datagram = path_.receive(now());
        if (!datagram) break;
        // Refusals are counted in the call's statistics.
        static_cast<void>(call.receive(*datagram, now()));
    }
    for (;;) {
        if (carrier_gone_) return {};
        auto signal = carrier.receive();
        // What came before nothing more could be sent still counts: the peer may have hung up.
        if (!signal || (!*signal && carrier_fails_)) {
            lose_carrier(call);
            return {};
        }
        if (!*signal) return {};
        take_signal(account, **signal, carrier);
    }
}

}  // namespace sotto::app
