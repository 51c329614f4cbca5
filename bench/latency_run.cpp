#include "bench/latency_run.h"

#include <sys/resource.h>

#include <cmath>
#include <fstream>

#include "bench/allocations.h"
#include "bench/latency_book.h"
#include "bench/real_time.h"
#include "bench/srtp_time.h"
#include "sim/two_party.h"

namespace sotto::bench {
namespace {

constexpr std::size_t counted_frames = 60;  // after those that are timed
constexpr Duration longest_transit = std::chrono::seconds(2);
constexpr int seconds_to_grow = 10;  // at most: until pictures are as large as the plan's

CallSettings settings_of(const LatencyPlan& plan) {
    CallSettings settings;
    settings.audio = plan.medium == Medium::audio;
    settings.video = plan.medium == Medium::video;
    settings.audio_block_ms = plan.block_ms;
    settings.trace_clock = real_now;
    if (plan.medium == Medium::audio) return settings;
    settings.video_width = plan.width;
    settings.video_height = plan.height;
    settings.video_frame_rate = static_cast<int>(plan.fps);
    settings.video_bitrate = plan.bitrate;
    return settings;
}

// Linux forgets the peak when it is told to; elsewhere it is that of the program so far.
void forget_peak_rss() { std::ofstream("/proc/self/clear_refs") << "5"; }
std::size_t peak_rss() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6));
    }
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::size_t>(usage.ru_maxrss);
}

class Run {
  public:
    Run(const LatencyPlan& plan, const std::function<std::unique_ptr<Path>(Instant)>& make_path,
        const PictureLoop* pictures, const SoundLoop* sound)
        : plan_(plan), pictures_(pictures), sound_(sound), book_(plan.medium) {
        world_.now = real_now();
        world_.connect(settings_of(plan));
        require(world_.callee.call && world_.callee.call->state() == CallState::active, "the call does not begin");
        world_.now = real_now();
        path_ = make_path(world_.now);
    }

    LatencyResult run(const std::function<void(double)>& tick) {
        const auto warm_up = static_cast<std::size_t>(std::chrono::duration<double>(plan_.warm_up).count() * plan_.fps);
        const auto all = static_cast<double>(warm_up + plan_.frames + counted_frames);
        result_.samples.reserve(plan_.frames + counted_frames);
        measure_srtp_time(true);
        start_ = real_now();
        const auto send = [&](std::size_t count) {
            for (std::size_t i = 0; i < count; ++i, ++next_) {
                go_on_until(due(next_));
                give();
                exchange();
                tick(static_cast<double>(next_) / all);
            }
        };
        send(warm_up);
        const auto last_to_wait = next_ + static_cast<std::size_t>(seconds_to_grow * plan_.fps);
        while (is_small() && next_ < last_to_wait) send(1);
        forget_peak_rss();
        counts_from_ = due(next_);
        other_ = {};
        const double before = processor_time();
        send(plan_.frames);
        result_.cpu = (processor_time() - before) / static_cast<double>(plan_.frames);
        result_.frames = plan_.frames;
        result_.other = static_cast<double>(other_.count()) / 1000 / static_cast<double>(plan_.frames);
        result_.peak_rss = peak_rss();
        const std::size_t last = next_;
        counting_ = true;
        send(counted_frames);
        counting_ = false;
        measure_srtp_time(false);
        // What is still under way belongs to the frames that count.
        for (const Instant end = real_now() + longest_transit; real_now() < end && !settled();) go_on_until(real_now());
        const Instant first = counts_from_, beyond = due(last);
        std::erase_if(result_.samples, [&](const LatencySample& sample) {
            const Instant at = start_ + Duration(std::llround(sample.at * 1e9));
            return at >= beyond;
        });
        for (LatencySample& sample : result_.samples) {
            sample.at -= std::chrono::duration<double>(first - start_).count();
        }
        result_.own_allocations = static_cast<double>(allocations_.own) / counted_frames;
        result_.foreign_allocations = static_cast<double>(allocations_.foreign) / counted_frames;
        return std::move(result_);
    }

  private:
    Instant due(std::size_t index) const {
        return start_ + Duration(static_cast<std::int64_t>(static_cast<double>(index) * 1e9 / plan_.fps));
    }
    Call& call(CallEnd end) { return end == CallEnd::sender ? *world_.caller.call : *world_.callee.call; }
    // A call begins with pictures that any path takes.
    bool is_small() const { return plan_.medium == Medium::video && result_.shown_width != plan_.width; }
    bool settled() const { return result_.samples.size() >= plan_.frames; }

    // Lets both calls do what is theirs until then.
    void go_on_until(Instant until) {
        for (;;) {
            exchange();
            const Instant next =
                std::min({until, call(CallEnd::sender).deadline(), call(CallEnd::receiver).deadline(), path_->next()});
            if (real_now() >= until) return;
            path_->wait(next);
        }
    }

    // Runs a call of the library; gives what it took.
    template <class Work>
    Spent timed(Work&& work) {
        if (counting_) start_counting();
        const Duration srtp = srtp_time();
        const Instant before = real_now();
        work(before);
        const Spent took{.all = real_now() - before, .srtp = srtp_time() - srtp};
        if (counting_) {
            const Allocations made = stop_counting();
            allocations_.own += made.own;
            allocations_.foreign += made.foreign;
        }
        return took;
    }

    void give() {
        Call& sender = call(CallEnd::sender);
        Result<void> sent;
        Instant captured{};
        VideoFrame frame;
        if (plan_.medium == Medium::video) frame = pictures_->frame(next_, real_now());
        Spent took = timed([&](Instant now) {
            captured = now;
            if (plan_.medium == Medium::video) {
                frame.captured = now;
                sent = sender.send(frame, now);
            } else {
                sent = sender.send(sound_->block(next_, static_cast<std::size_t>(plan_.block_ms) * 48, now), now);
            }
        });
        must(std::move(sent), "cannot send");
        book_.given(captured, took);
    }

    // Everything that can happen now.
    void exchange() {
        for (bool again = true; again;) {
            again = false;
            for (const CallEnd end : {CallEnd::sender, CallEnd::receiver}) {
                again = take_out(end) || again;
                again = take_in(other(end)) || again;
            }
        }
    }
    bool take_out(CallEnd end) {
        for (bool any = false;; any = true) {
            std::optional<Output> output;
            Spent took = timed([&](Instant now) { output = call(end).poll(now); });
            const auto about = about_of(output);
            if (output) {
                if (const auto* datagram = std::get_if<Datagram>(&*output)) {
                    path_->send(end, datagram->bytes, real_now());
                }
                require(!std::holds_alternative<Ended>(*output), "the call has ended");
            }
            const auto traces = traces_of(end);
            took.all -= decoding(traces);
            book(about, end == CallEnd::sender ? Part::leaving : Part::shown, took);
            for (const auto& trace : traces) {
                if (trace) book_.took(*trace, result_.samples, start_, counts_from_);
            }
            if (!output) return any;
        }
    }
    // Of one poll(): a frame that left, or the blocks that are played together.
    using Traces = std::array<std::optional<FrameTrace>, 4>;
    Traces traces_of(CallEnd end) {
        Traces traces;
        for (auto& trace : traces) {
            trace = call(end).trace();
            if (!trace) break;
        }
        return traces;
    }
    static Duration decoding(const Traces& traces) {
        Duration sum{};
        for (const auto& trace : traces) {
            if (trace) sum += (*trace)[Stage::decoded] - (*trace)[Stage::dequeued];
        }
        return sum;
    }
    bool take_in(CallEnd end) {
        for (bool any = false;; any = true) {
            const auto datagram = path_->receive(end, real_now());
            if (!datagram) return any;
            const auto about = media_timestamp(*datagram, plan_.medium);
            // What is refused, a copy that came too late, is counted by the call.
            Spent took = timed([&](Instant now) { static_cast<void>(call(end).receive(*datagram, now)); });
            book(about, Part::coming, took);
        }
    }
    void book(std::optional<std::uint32_t> about, Part part, const Spent& took) {
        if (about) {
            book_.spent(*about, part, took);
        } else {
            other_ += took.all;
        }
    }
    // The time stamp of the frame that this is of.
    std::optional<std::uint32_t> about_of(const std::optional<Output>& output) {
        if (!output) return std::nullopt;
        if (const auto* datagram = std::get_if<Datagram>(&*output)) {
            return media_timestamp(datagram->bytes, plan_.medium);
        }
        if (const auto* block = std::get_if<PlayedBlock>(&*output)) return block->timestamp;
        const auto* frame = std::get_if<ShownFrame>(&*output);
        if (frame == nullptr) return std::nullopt;
        result_.shown_width = frame->picture.width;
        result_.shown_height = frame->picture.height;
        if (is_small()) book_.smaller(frame->timestamp);
        return frame->timestamp;
    }

    const LatencyPlan& plan_;
    const PictureLoop* pictures_;
    const SoundLoop* sound_;
    test::TwoParty world_{1};
    std::unique_ptr<Path> path_;
    LatencyBook book_;
    LatencyResult result_;
    Instant start_{}, counts_from_ = never;
    std::size_t next_ = 0;
    bool counting_ = false;
    Allocations allocations_{};
    Duration other_{};
};

}  // namespace

LatencyResult run_latency(const LatencyPlan& plan, const std::function<std::unique_ptr<Path>(Instant start)>& make_path,
                          const PictureLoop* pictures, const SoundLoop* sound,
                          const std::function<void(double)>& tick) {
    return Run(plan, make_path, pictures, sound).run(tick);
}

}  // namespace sotto::bench
