// How much we may send: the least queue that still fills the path, learnt from the peer's feedback. docs/congestion.md.
#pragma once

#include <optional>
#include <span>

#include "sotto/time.h"
#include "transport/congestion/asked_rates.h"
#include "transport/congestion/delay_window.h"
#include "transport/congestion/delivery_rate.h"
#include "transport/congestion/feedback_age.h"
#include "transport/congestion/loss_share.h"
#include "transport/congestion/narrow_path.h"
#include "transport/congestion/packet_result.h"
#include "transport/congestion/packet_spacing.h"
#include "transport/congestion/rate_probe.h"
#include "transport/congestion/shared_width.h"

namespace sotto::transport {

struct RateSettings {  // bit/s of UDP payload
    int minimum = 40'000;
    int start = 600'000;
    int maximum = 3'000'000;
};

class RateController {
  public:
    explicit RateController(const RateSettings& settings);

    // Newly known fates, ascending by time sent (lost ones have no arrival). What is impossible is left out.
    void feedback(std::span<const PacketResult> results, Instant now, Duration round_trip);
    // A packet leaves: from the first on feedback is due.
    void sent(Instant now);
    // Feedback that stays away means that the path may be gone: each deadline() that passes halves the rate.
    void poll(Instant now);
    Instant deadline() const { return silence_; }
    void set_maximum(int maximum);

    int target() const;                                      // bit/s for everything we send
    int lasting() const { return static_cast<int>(rate_); }  // what the path is held to take, also while a queue drains
    // And once a queue of ours has drained; until then, the rate before it.
    int sustained() const { return static_cast<int>(mode_ == Mode::draining ? before_ : rate_); }
    // Of the packets' delays: by how much they fall at once.
    Duration jitter() const { return delays_.noise(); }
    Duration queueing_delay() const { return smoothed_; }  // that stands, smoothed
    // At the start and after a silence, until a queue shows what the path takes.
    bool may_double() const { return rate_ < doubling_below_; }
    // Nothing has told yet what the path takes: the first packets may leave close together, so that they show it.
    bool knows_nothing() const { return !told_; }
    // And what they show is still to be seen, so that the rate is no measure of what will be.
    bool looks() const { return looking_; }
    // A queue lowered the rate in the last twelve seconds.
    bool cut_lately() const { return cut_ != Instant{} && now_ - cut_ < std::chrono::seconds(12); }
    // And one of packets, not a bottleneck too short for any, which only losses tell of.
    bool drained_lately() const {
        return draining_.began != Instant{} && now_ - draining_.began < std::chrono::seconds(12);
    }
    // For a while now the path has taken hardly more than sound.
    bool is_narrow() const { return narrow_.is_narrow(); }
    // Feedback is overdue: what more is sent may only stand in a queue that nobody could tell us of yet. Sound goes on,
    // pictures wait. Where somebody else filled the queue of late, its length says nothing.
    bool held(Instant now) const {
        return mode_ != Mode::competing && now - competing_.stood > std::chrono::seconds(8) && age_.overdue(now);
    }
    // What is sent now will find a long queue that has just been noticed: of what was sent before, some may be lost.
    bool deep() const {
        return mode_ == Mode::draining && rate_ > 200'000 && now_ - draining_.began < std::chrono::milliseconds(700) &&
               coming() > std::chrono::milliseconds(120);
    }
    // The way back has become narrow at once. What reports of the way there stands in its queue, or is dropped there,
    // for long if that takes hardly more than sound (`narrow`).
    void suspect(Instant now, bool narrow) {
        if (rate_ > 200'000) age_.suspect(now, narrow);
    }
    // A long queue drains: what a full one dropped is not worth sending again.
    bool overfull() const {
        return mode_ == Mode::draining &&
               (draining_.deepest > std::chrono::milliseconds(100) || now_ - hold_.to < std::chrono::seconds(1));
    }
    // All that we ever send passes, and no queue has shown for twelve seconds.
    bool passes_all() const { return mode_ == Mode::climbing && rate_ >= settings_.maximum && !drained_lately(); }
    // Without that a probe finds nothing.
    bool may_rise() const { return mode_ == Mode::climbing && rate_ < settings_.maximum; }
    double loss() const { return loss_.recent(); }
    int delivered() const;  // bit/s that arrived lately
    // Asks for a short burst above the target, at this many bit/s for RateProbe::length, padded where need be: when the
    // sender has too little to send to show what the path can take. Nothing otherwise.
    std::optional<int> probe(Instant now);

    enum class Mode {
        climbing,   // no queue stands: more each moment
        draining,   // below what was delivered until the queue is gone
        weighing,   // losses rose without a queue: less for a while, to see whether they go
        competing,  // the queue is somebody else's: a share of it by losses, as TCP
    };
    Mode mode() const { return mode_; }

  private:
    void forget();
    void take(const PacketResult& result);
    void measure(Duration elapsed);
    void climb(Duration elapsed);
    void start_draining();
    void mark_queue();
    void drain();
    void weigh();
    void start_competing();
    void give_way(double rate, double share);
    void note_base();
    void compete(Duration elapsed);
    void look_for_others();
    void start_climbing();
    void finish_probe();
    bool congested() const;
    Duration threshold() const;
    Duration least_silence() const;
    Duration recent() const;
    double of_ours(double arrived) const;
    Duration coming() const;
    void start_gently(Duration gap);
    void look_at_first();
    void follow_width();
    double least() const;
    bool starved() const;
    bool near_end(double calm) const;
    bool shows_end() const;
    double at_end() const;
    void note_hold();
    void set_rate(double rate);

    // A longer queue may be told from none by the times of packets.
    static constexpr Duration long_enough = std::chrono::milliseconds(10);
    // While somebody else keeps the queue full the least delay counts for so long.
    static constexpr Duration shared_base_memory = std::chrono::seconds(60);

    // The present or the last time that a queue drained.
    struct Draining {
        Instant began{};
        Instant marked{};    // since when `mark` is
        Duration mark{};     // the queue from which growth is seen
        Duration deepest{};  // the longest since it began
        Instant give_up{};   // when it should be gone if it is ours
        double rate = 0;     // that goes out
    };
    // The present or the last time beside somebody else.
    struct Competing {
        Instant stood{};        // when there was a queue last
        Duration full_trip{};   // the round trip at the last cut
        bool checking = false;  // whether the queue is ours alone
        Instant checked{};      // when that was looked at last
        int cuts = 0;           // since then
        Duration base{};        // the least delay, from which the queue is told
        Duration forgotten{};   // by how much it rose since
        Instant ended{};
        double rate = 0;  // when it ended
        Instant roomy{};  // when others left us more than hardly anything, as far as is known
    };
    // Feedback was overdue and pictures waited, the last time.
    struct Hold {
        Instant from{}, to{};
        double passed_before = 0;  // bit/s that arrived of what was sent just before
    };

    RateSettings settings_;
    Mode mode_ = Mode::climbing;
    double rate_;            // what the path is held to take
    double doubling_below_;  // below it the rate may double: at the start, and after a silence
    double shown_ = 0;       // by a probe

    DelayWindow delays_;
    DeliveryRate arrived_;
    DeliveryRate sent_;
    LossShare loss_;
    FeedbackAge age_;
    AskedRates asked_;
    PacketSpacing spacing_;
    SharedWidth width_;

    Instant now_{};  // of the last feedback; never steps back
    Instant silence_ = never;
    Instant first_sent_ = never;
    Instant last_told_{};
    Instant newest_{};  // time sent of the newest packet of known fate
    Duration round_trip_ = std::chrono::milliseconds(100);
    Duration queue_{};  // standing now
    Duration smoothed_{};
    Duration usual_gap_{};  // between reports: they are fewer where the way back is narrow
    bool told_ = false;     // there was feedback at all
    bool looking_ = false;  // at the first packets, for what passes
    Instant look_until_ = never;

    Instant congested_{};      // when the present or last congestion was noticed
    Instant cut_{};            // and the rate last cut
    double before_ = 0;        // the rate before draining, weighing, or a cut while competing
    double passed_ = 0;        // delivered at the last cut
    double throughput_ = 0;    // bit/s, before this feedback
    double proven_ = 0;        // the most of that since the last queue
    double share_before_ = 0;  // weighing: the losses
    int lost_ = 0;             // in this feedback
    Duration peak_{};          // the largest queue since its last fall by a quarter; competing: since the last cut
    Instant smooth_until_{};   // a queue too short for bursts was found

    Draining draining_;
    Competing competing_;
    Hold hold_;
    NarrowPath narrow_;
    std::optional<RateProbe> probe_;
    Instant next_probe_{};
};

}  // namespace sotto::transport
