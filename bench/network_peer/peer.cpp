#include "bench/network_peer/peer.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "bench/measure.h"

namespace sotto::bench {
namespace {

constexpr std::int64_t frame_rate = 30;
constexpr std::size_t block_samples = CallSettings{}.audio_block_ms * audio_rate / 1000;
constexpr Duration second = std::chrono::seconds(1);
constexpr Duration last_words = std::chrono::seconds(1);  // what was sent within the window may still arrive
constexpr int datagrams_a_turn = 64;

// What a carrier's frame holds; bundle and offer, the first of either side, go bare.
constexpr std::uint8_t signal_frame = 0, sent_frame = 1;
constexpr std::size_t sent_frame_size = 1 + 1 + 4 + 8 + 8 + 8;

// The same time line in every process of this machine, whatever its network namespace.
Instant now() {
    return Instant(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

template <class T>
T must_have(app::Expected<T>&& result) {
    if (!result) throw std::runtime_error(result.error());
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

app::Carrier open_carrier(const PeerSettings& settings) {
    return must_have(settings.dials ? app::Carrier::connect(settings.carrier)
                                    : app::Carrier::accept_one(settings.carrier));
}

SentRecord read_record(ByteReader in) {
    const auto number = [&in] { return static_cast<std::int64_t>(must(in.u64(), "a record is cut short")); };
    SentRecord record{.medium = static_cast<Medium>(must(in.u8(), "a record is cut short") & 1U),
                      .timestamp = must(in.u32(), "a record is cut short")};
    record.position = static_cast<std::uint64_t>(number());
    record.captured = Instant(Duration(number()));
    record.encoding = Duration(number());
    return record;
}

timespec until(Instant deadline) {
    const std::int64_t left = std::clamp<std::int64_t>((deadline - now()).count(), 0, second.count());
    return {.tv_sec = left / second.count(), .tv_nsec = left % second.count()};
}

}  // namespace

Peer::Peer(const PeerSettings& settings)
    : settings_(settings),
      pictures_(settings.video),
      speech_(settings.audio),
      socket_(must(transport::net::UdpSocket::bind(settings.bind), "cannot bind")),
      carrier_(open_carrier(settings)),
      account_(Account::create()),
      reception_(pictures_, speech_, window_) {}

CallSettings Peer::call_settings() const {
    return {.audio_block_ms = static_cast<int>(block_samples * 1000 / audio_rate),
            .video_width = pictures_.width(),
            .video_height = pictures_.height(),
            .video_frame_rate = static_cast<int>(frame_rate),
            .video_bitrate = settings_.video_bitrate,
            .trace_clock = now};
}

Call Peer::dial() {
    const Buffer bundle = must_have(carrier_.wait(10));
    const auto owner = must(bundle_owner(bundle), "the bundle is refused");
    return must(account_.dial(owner, bundle, call_settings(), now()), "cannot dial");
}

Call Peer::answer() {
    must(account_.set_policy({.who = WhoMayRing::everyone}), "the policy is refused");  // the carrier brings one caller
    must_have(carrier_.send(must(account_.bundle(), "no bundle")));
    const Buffer offer = must_have(carrier_.wait(10));
    auto call = must(account_.receive(Bytes(offer).subspan(1), now()), "the offer is refused");
    require(call.has_value(), "the other side sent something else than an offer");
    must(call->accept(call_settings(), now()), "cannot accept");
    return std::move(*call);
}

nlohmann::ordered_json Peer::run() {
    Call call = settings_.dials ? dial() : answer();
    must(call.set_route(as_bytes(socket_.local_route())), "the route is refused");
    for (;;) {
        take_outputs(call);
        if (ended_) break;
        if (activated_ && socket_.connected() && started_ == never) begin(now());
        if (started_ != never) {
            send_sound(call);
            send_picture(call);
            keep_time(call);
        }
        wait(call);
        read_network(call);
        read_carrier(call);
    }
    if (!reception_.complete()) throw std::runtime_error("the call ended early: " + std::string(name(*ended_)));
    return reception_.report();
}

void Peer::begin(Instant now) {
    started_ = now;
    window_.from = started_ + std::chrono::seconds(settings_.start_up);
    window_.to = window_.from + std::chrono::seconds(settings_.seconds);
}

void Peer::take_outputs(Call& call) {
    while (const auto output = call.poll(now())) {
        take(*output);
        while (const auto trace = call.trace()) take_trace(*trace);
    }
    while (const auto trace = call.trace()) take_trace(*trace);
}

void Peer::take(const Output& output) {
    if (const auto* datagram = std::get_if<Datagram>(&output)) {
        // A datagram that a full socket refuses is lost, as on any network.
        if (socket_.connected()) static_cast<void>(socket_.send(datagram->bytes));
    } else if (const auto* signal = std::get_if<Signal>(&output)) {
        Buffer frame(1 + signal->bytes.size());
        ByteWriter(frame).u8(signal_frame).bytes(signal->bytes);
        if (!carrier_gone_) must_have(carrier_.send(frame));
    } else if (const auto* frame = std::get_if<ShownFrame>(&output)) {
        reception_.shown(*frame, now());
    } else if (const auto* block = std::get_if<PlayedBlock>(&output)) {
        reception_.played(*block, now());
    } else if (const auto* route = std::get_if<RemoteRoute>(&output)) {
        const std::string text(reinterpret_cast<const char*>(route->route.data()), route->route.size());
        must(socket_.connect(text), "cannot reach the peer");
    } else if (std::holds_alternative<Activated>(output)) {
        activated_ = true;
    } else if (const auto* end = std::get_if<Ended>(&output)) {
        ended_ = end->reason;
    }
}

void Peer::take_trace(const FrameTrace& trace) {
    const bool ours = trace[Stage::captured] != Instant{};
    if (ours) {
        tell_sent(trace);
    } else {
        reception_.received(trace);
    }
}

// Pictures and sound are exactly on a grid from the start on, so the instant tells which they are.
void Peer::tell_sent(const FrameTrace& trace) {
    const Instant captured = trace[Stage::captured];
    const bool video = trace.medium == Medium::video;
    const std::int64_t rate = video ? frame_rate : audio_rate;
    const std::int64_t position = ((captured - started_).count() * rate + second.count() / 2) / second.count();
    Buffer frame(sent_frame_size);
    ByteWriter(frame)
        .u8(sent_frame)
        .u8(static_cast<std::uint8_t>(trace.medium))
        .u32(trace.timestamp)
        .u64(static_cast<std::uint64_t>(position))
        .u64(static_cast<std::uint64_t>(captured.time_since_epoch().count()))
        .u64(static_cast<std::uint64_t>((trace[Stage::encoded] - captured).count()));
    if (!carrier_gone_) must_have(carrier_.send(frame));
}

Instant Peer::picture_due(std::uint64_t index) const {
    return started_ + second * static_cast<std::int64_t>(index) / frame_rate;
}

Instant Peer::block_due(std::uint64_t index) const {
    return started_ + second * static_cast<std::int64_t>(index * block_samples) / audio_rate;
}

// A microphone hands over a block when its last sample is taken.
void Peer::send_sound(Call& call) {
    while (block_due(next_block_ + 1) <= now()) {
        const auto samples = speech_.samples(next_block_ * block_samples, block_samples);
        // What is refused is missing at the other end, where it is counted.
        static_cast<void>(call.send(AudioBlock{.samples = samples, .captured = block_due(next_block_)}, now()));
        ++next_block_;
    }
}

// A camera keeps its newest picture only: those that nobody took in time are gone.
void Peer::send_picture(Call& call) {
    if (picture_due(next_picture_) > now()) return;
    while (picture_due(next_picture_ + 1) <= now()) ++next_picture_;
    static_cast<void>(call.send(pictures_.frame(next_picture_, picture_due(next_picture_)), now()));
    ++next_picture_;
}

void Peer::keep_time(Call& call) {
    const Instant at = now();
    if (at >= window_.from && !reception_.begun()) reception_.stats(call.stats());
    if (at >= window_.to && !reception_.complete()) reception_.stats(call.stats());
    if (settings_.dials && at >= window_.to + last_words) call.hang_up(at);
}

void Peer::wait(const Call& call) const {
    Instant wake_at = call.deadline();
    if (started_ != never) {
        wake_at = std::min({wake_at, picture_due(next_picture_), block_due(next_block_ + 1)});
        if (settings_.dials) wake_at = std::min(wake_at, window_.to + last_words);
        for (const Instant end : {window_.from, window_.to}) {
            if (end > now()) wake_at = std::min(wake_at, end);
        }
    }
    std::array<pollfd, 2> descriptors{
        {{.fd = carrier_gone_ ? -1 : carrier_.descriptor(), .events = POLLIN, .revents = 0},
         {.fd = socket_.descriptor(), .events = POLLIN, .revents = 0}}};
    const timespec timeout = until(wake_at);
    ppoll(descriptors.data(), descriptors.size(), &timeout, nullptr);
}

void Peer::read_network(Call& call) {
    std::array<std::byte, 2048> room;
    for (int taken = 0; taken < datagrams_a_turn; ++taken) {
        const auto datagram = must(socket_.receive(room), "cannot receive");
        if (!datagram) return;
        static_cast<void>(call.receive(*datagram, now()));  // refusals are counted in the call's statistics
    }
}

void Peer::read_carrier(Call& call) {
    while (!carrier_gone_) {
        const auto frame = carrier_.receive();
        if (!frame) {
            carrier_gone_ = true;
            call.hang_up(now());
            return;
        }
        if (!*frame) return;
        ByteReader in(**frame);
        const auto kind = must(in.u8(), "the carrier brought nothing");
        if (kind == sent_frame) {
            reception_.sent(read_record(in));
        } else {
            must(account_.receive(Bytes(**frame).subspan(1), now()), "a signal is refused");
        }
    }
}

}  // namespace sotto::bench
