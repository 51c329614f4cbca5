// What a change of media keys costs, by the minute and one direction: on the media's path and off it, in poll().
#include "bench/subjects.h"
#include "call/media_epochs.h"

namespace sotto::bench {
namespace {

constexpr const char* subject = "epochs";
constexpr Ssrc audio_ssrc{1}, video_ssrc{2}, repair_ssrc{3};
constexpr call::StreamSsrcs ssrcs{.audio = audio_ssrc, .video = video_ssrc, .repair = repair_ssrc};
constexpr std::size_t payload = 80;  // a block of sound

// One end's streams, of which one direction is used.
class End {
  public:
    explicit End(crypto::Role role)
        : epochs_({{}, 0, {}, role}, {}, {}, now_),
          send_(must(epochs_.first_to_send(ssrcs), "no keys")),
          receive_(must(epochs_.first_to_receive(ssrcs), "no keys")),
          audio_out_(out(std::move(send_.audio), audio_ssrc)),
          video_out_(out(std::move(send_.video), video_ssrc)),
          repair_out_(out(std::move(send_.repair), repair_ssrc)),
          audio_in_(in(std::move(receive_.audio), audio_ssrc)),
          video_in_(in(std::move(receive_.video), video_ssrc)),
          repair_in_(in(std::move(receive_.repair), repair_ssrc)) {}

    void poll(Instant now) { must(epochs_.poll(streams(), now), "cannot change keys"); }

    // A packet of each medium.
    void send() {
        require(!epochs_.spent(streams()), "a key is spent");
        std::size_t i = 0;
        for (call::SendStream* const stream : {&audio_out_, &video_out_}) {
            const SequenceNumber number = stream->keep(payload, {}, stream->timestamp(0), false);
            sizes_[i] = must(stream->depart(number, departing_[i]), "cannot protect");
            ++i;
        }
    }
    void take(std::array<Buffer, 2>& datagrams) {
        for (std::size_t i = 0; i < 2; ++i) datagrams[i] = to_buffer(std::span(departing_[i]).first(sizes_[i]));
    }
    void receive(std::array<Buffer, 2>& datagrams, Instant now) {
        must(audio_in_.open_rtp(datagrams[0], now), "cannot unprotect");
        epochs_.received(streams(), now);
        must(video_in_.open_rtp(datagrams[1], now), "cannot unprotect");
        epochs_.received(streams(), now);
    }

  private:
    static call::SendStream out(SrtpKey<Sending>&& key, Ssrc ssrc) {
        return must(call::SendStream::create(std::move(key), {.ssrc = ssrc}, system_random()), "no stream");
    }
    static call::ReceiveStream in(SrtpKey<Receiving>&& key, Ssrc ssrc) {
        return must(call::ReceiveStream::create(std::move(key), {.ssrc = ssrc, .clock_rate = 48000}), "no stream");
    }
    call::MediaStreams streams() {
        return {.audio_out = audio_out_,
                .video_out = video_out_,
                .repair_out = repair_out_,
                .audio_in = audio_in_,
                .video_in = video_in_,
                .repair_in = repair_in_};
    }

    Instant now_{};
    call::MediaEpochs epochs_;
    crypto::EpochKeys<Sending> send_;
    crypto::EpochKeys<Receiving> receive_;
    call::SendStream audio_out_, video_out_, repair_out_;
    call::ReceiveStream audio_in_, video_in_, repair_in_;
    struct alignas(8) Datagram : std::array<std::byte, transport::max_datagram> {};
    std::array<Datagram, 2> departing_{};
    std::array<std::size_t, 2> sizes_{};
};

// Microseconds.
struct Times {
    std::vector<double> on_path, first, later, sender_poll, receiver_poll;
};

void change_keys(End& from, End& to, Instant now, Times& times) {
    std::array<Buffer, 2> datagrams;
    const auto exchange = [&] {
        const double sending = timed([&] { from.send(); });
        from.take(datagrams);
        return sending + timed([&] { to.receive(datagrams, now); });
    };
    to.poll(now - std::chrono::seconds(30));  // what was kept of the epoch before goes
    exchange();
    times.sender_poll.push_back(timed([&] { from.poll(now); }));
    times.first.push_back(exchange());
    times.receiver_poll.push_back(timed([&] { to.poll(now); }));
    times.later.push_back(exchange());
    times.on_path.push_back(times.first.back() - times.later.back());
}

}  // namespace

void measure_epochs(const Run& run) {
    End caller(crypto::Role::caller), callee(crypto::Role::callee);
    callee.poll(Instant{});
    Times times;
    Instant now{};
    const auto start = Clock::now();
    for (int round = 0; round < 100 || Clock::now() - start < run.budget.time; ++round) {
        now += std::chrono::seconds(60);
        if (round == 60000) break;  // a generation has no more epochs
        change_keys(caller, callee, now, times);
        run.budget.tick();
    }
    const auto add = [&](const char* name, std::vector<double>& values, std::optional<double> at_most = {}) {
        run.report.add(
            {.subject = subject, .name = name, .unit = "us", .value = spread(std::move(values)), .at_most = at_most});
    };
    run.report.note(subject, "one direction, both media, once a minute; the keys are made in poll(), between packets");
    add("epoch change, on the media's path", times.on_path, 20);
    add("both media's first packets of an epoch, sent and received", times.first);
    add("the same two packets otherwise", times.later);
    add("in the sender's poll(): new keys", times.sender_poll);
    add("in the receiver's poll(): keys to come", times.receiver_poll);
}

}  // namespace sotto::bench
