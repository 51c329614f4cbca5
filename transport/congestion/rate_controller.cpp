#include "transport/congestion/rate_controller.h"

#include <algorithm>
#include <cmath>

namespace sotto::transport {

namespace {
using std::chrono::milliseconds;
using std::chrono::seconds;

// A standing queue beyond it is congestion. Of flows that share a queue the faster one gives way first and further, so
// that their rates meet (NADA and Copa hold the queue to the inverse of the rate).
constexpr double queue_target = 7e6;  // ns at 1 Mbit/s, with rate^-0.8
constexpr Duration longest_target = milliseconds(24);
constexpr double jitter_allowance = 0.7;     // times the noise of the delay
constexpr std::int64_t jitter_patience = 8;  // as many times longer must a queue stand
constexpr Duration queue_gone = milliseconds(4);
constexpr Duration base_memory = seconds(16);       // as long the least delay counts; drift of 100 ppm is 1.6 ms
constexpr double cut = 0.86;                        // of what was delivered, at 500 kbit/s (Carlucci et al.: 0.85)
constexpr double cut_slope = 0.06;                  // less for each doubling of the rate
constexpr double least_share = 0.2;                 // of the rate, while a long queue drains
constexpr Duration drain_time = milliseconds(300);  // in which a queue should be gone
constexpr Duration longest_growth = seconds(4);     // of a path that becomes narrower by and by
constexpr double step = 70'000;                     // bit/s more each second, alike for all who share
constexpr double slow = 600'000;                    // bit/s below which that step would be too large
constexpr double fast = 1'000'000;                  // and beyond which the faster of two runs ahead
constexpr Duration doubling = milliseconds(450);
constexpr Duration longest_queue = milliseconds(500);
constexpr Duration first_look = milliseconds(1500);  // at what the first packets show of the path
constexpr double careful = 200'000;                  // bit/s: who starts with less looks what there is
constexpr double wide_enough = 600'000, usual_start = 400'000;
constexpr double of_first = 0.85;               // of what passes, at first
constexpr Duration smooth_while = seconds(12);  // bursts are kept from a queue that is too short to see
constexpr Duration silence = milliseconds(500);
constexpr Duration short_outage = seconds(5);
constexpr double outage_rate = 300'000;  // bit/s
constexpr double long_outage_rate = 40'000;
constexpr double sound_alone = 50'000;  // bit/s, that leave while pictures are held
constexpr Duration probe_interval = seconds(4);

double in_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
double cut_at(double rate) { return cut - cut_slope * std::clamp(std::log2(rate / 5e5), -0.5, 2.0); }
// What a hostile peer or a broken clock says, apart from what can be added up without overflow.
bool plausible(Duration d) { return d > -std::chrono::hours(250'000) && d < std::chrono::hours(250'000); }
}  // namespace

RateController::RateController(const RateSettings& settings)
    : settings_(settings), rate_(settings.start), doubling_below_(settings.maximum) {
    looking_ = settings.start < careful;
    set_maximum(settings.maximum);
}

void RateController::set_maximum(int maximum) {
    settings_.maximum = std::max(maximum, settings_.minimum);
    set_rate(rate_);
}

double RateController::least() const { return std::max<double>(settings_.minimum, narrow_.least()); }

void RateController::set_rate(double rate) {
    rate_ = std::clamp(rate, least(), std::max<double>(settings_.maximum, least()));
}

int RateController::target() const {
    const double rate = mode_ == Mode::draining ? std::min(rate_, draining_.rate) : rate_;
    return static_cast<int>(std::clamp(rate, least(), std::max<double>(settings_.maximum, least())));
}

int RateController::delivered() const { return static_cast<int>(std::min(arrived_.over(milliseconds(300)), 1e9)); }

void RateController::feedback(std::span<const PacketResult> results, Instant now, Duration round_trip) {
    if (!plausible(now.time_since_epoch())) return;
    const Duration elapsed = told_ ? std::clamp<Duration>(now - now_, Duration{}, seconds(1)) : Duration{};
    if (told_ && now_ - now > seconds(1)) forget();
    const Duration gap = told_ ? now - now_ : first_sent_ != never ? now - first_sent_ : Duration{};
    now_ = now;
    round_trip_ = std::clamp<Duration>(round_trip, milliseconds(1), seconds(2));
    lost_ = 0;
    throughput_ = arrived_.over(milliseconds(300));
    proven_ = std::max(proven_, throughput_);
    narrow_.passed(throughput_);
    note_hold();
    for (const PacketResult& result : results) take(result);
    if (results.empty()) return;
    age_.told(newest_, now_);
    if (!told_) congested_ = now_;
    start_gently(gap);
    look_at_first();
    usual_gap_ += (elapsed - usual_gap_) / 8;
    told_ = true;
    silence_ = now_ + least_silence();
    last_told_ = now_;
    measure(elapsed);
    finish_probe();
    look_for_others();
    switch (mode_) {
        case Mode::climbing: climb(elapsed); break;
        case Mode::draining: drain(); break;
        case Mode::weighing: weigh(); break;
        case Mode::competing: compete(elapsed); break;
    }
    follow_width();
    asked_.ask(held(now_) ? sound_alone : target(), now_);
}

void RateController::follow_width() {
    narrow_.holds(rate_);
    narrow_.told(rate_ <= least() && starved(), now_);
}

bool RateController::starved() const {
    return queue_ > threshold() && NarrowPath::starves(arrived_.over(seconds(1)), sent_.over(seconds(1)));
}

void RateController::start_gently(Duration gap) {
    if (cut_ != Instant{} || !narrow_.begins(told_ ? gap : gap - round_trip_, round_trip_, proven_)) return;
    set_rate(std::min(rate_, arrived_.over(seconds(1))));
    doubling_below_ = 0;
}

// What the first packets show: that there is room, or about what passes, before more of ours stands in a queue. Two
// packets that jitter kept apart look like the latter, so it has to show again.
void RateController::look_at_first() {
    if (!looking_) return;
    const auto passes = spacing_.passes();
    const double shown = passes.value_or(spacing_.shown());
    if (!told_) look_until_ = now_ + first_look;
    if (cut_ != Instant{} || now_ > look_until_ || shown >= wide_enough || passes) looking_ = false;
    if (cut_ == Instant{} && shown > 0) set_rate(std::max(rate_, std::min(usual_start, of_first * shown)));
    if (cut_ == Instant{} && passes && *passes < wide_enough) {
        passed_ = *passes;
        set_rate(std::min(rate_, of_first * *passes));
        doubling_below_ = 0;
        cut_ = now_;
    }
}

void RateController::note_hold() {
    if (!held(now_)) return;
    asked_.ask(sound_alone, age_.overdue_from());
    if (newest_ > hold_.to) {
        hold_.from = age_.overdue_from();
        hold_.passed_before = 0;
    }
    hold_.to = now_;
}

// Our clock was set back: what we know has times that are still to come.
void RateController::forget() {
    delays_ = {};
    arrived_ = {};
    sent_ = {};
    age_ = {};
    asked_ = {};
    loss_ = {};
    spacing_ = {};
    width_ = {};
    congested_ = cut_ = smooth_until_ = next_probe_ = newest_ = Instant{};
    draining_.began = draining_.marked = draining_.give_up = Instant{};
    competing_.stood = competing_.checked = competing_.ended = competing_.roomy = Instant{};
    hold_.from = hold_.to = Instant{};
    probe_.reset();
}

void RateController::take(const PacketResult& result) {
    if (!plausible(result.sent.time_since_epoch()) || result.sent > now_ || now_ - result.sent > seconds(20)) return;
    if (result.arrived && !plausible(*result.arrived)) return;
    newest_ = std::max(newest_, result.sent);
    sent_.add(result.sent.time_since_epoch(), result.size);
    loss_.add(result.sent, !result.arrived);
    if (!result.arrived) {
        ++lost_;
        return;
    }
    arrived_.add(*result.arrived, result.size);
    spacing_.add(result.sent, *result.arrived, result.size);
    queue_ > long_enough ? width_.add(result.sent, *result.arrived, result.size) : width_.interrupt();
    if (result.sent < hold_.from) hold_.passed_before = arrived_.over(milliseconds(150));
    delays_.add(result.sent, *result.arrived, now_ - result.sent, result.size, throughput_);
    if (probe_) probe_->take(result);
}

// Half a round trip shows several packets even of a slow sender. Jitter that keeps order holds up all that follows a
// late packet, so where there is some a delay must last longer to be a queue.
Duration RateController::recent() const {
    return std::clamp<Duration>(round_trip_ / 2, milliseconds(100), milliseconds(200)) +
           jitter_patience * delays_.noise();
}

Duration RateController::threshold() const {
    const auto target = static_cast<std::int64_t>(queue_target * std::pow(1e6 / std::max(rate_, 1e5), 0.8));
    const auto noise = static_cast<std::int64_t>(jitter_allowance * static_cast<double>(delays_.noise().count()));
    return std::min(Duration(target), longest_target) + Duration(noise) + narrow_.packet(rate_);
}

void RateController::measure(Duration elapsed) {
    queue_ = delays_.standing(recent(), mode_ == Mode::competing ? shared_base_memory : base_memory);
    if (now_ < smooth_until_) smoothed_ = std::max<Duration>(smoothed_, milliseconds(25));
    const double share = queue_ > smoothed_ ? 1.0 : std::min(1.0, in_seconds(elapsed) / 0.3);
    smoothed_ += Duration(static_cast<std::int64_t>(static_cast<double>((queue_ - smoothed_).count()) * share));
}

Duration RateController::least_silence() const {
    return std::max<Duration>({silence, 3 * round_trip_, is_narrow() ? 3 * usual_gap_ : Duration{}});
}

// What the bottleneck lets through of ours, as sending rate: what the path loses at any rate lies on top.
double RateController::of_ours(double arrived) const { return arrived / (1 - std::min(loss_.floor(), 0.6)); }

bool RateController::congested() const {
    if (queue_ > threshold()) return true;
    // A rate that falls to a fraction builds a queue faster than the window above slides.
    return delays_.standing(milliseconds(40) + jitter_patience * delays_.noise(), base_memory) >
           milliseconds(30) + threshold();
}

void RateController::climb(Duration elapsed) {
    if (congested()) return start_draining();
    if (loss_.excessive()) {
        before_ = rate_;
        share_before_ = loss_.recent();
        set_rate(cut_at(rate_) * of_ours(arrived_.over(milliseconds(300))));
        cut_ = now_;
        smooth_until_ = now_ + smooth_while;
        mode_ = Mode::weighing;
        return;
    }
    const bool doubles = rate_ < doubling_below_;  // what was sent a second ago says little then
    const double limit = std::max(2 * sent_.over(doubles ? milliseconds(350) : seconds(1)), shown_);
    if (rate_ >= limit) return;
    const double factor =
        std::exp2(in_seconds(elapsed) / in_seconds(std::max<Duration>(doubling, round_trip_ + milliseconds(150))));
    if (doubles) {
        const double at_first = looking_ && spacing_.shown() > 0 ? of_first * spacing_.shown() : limit;
        return set_rate(std::max(rate_, std::min({rate_ * factor, limit, at_first})));
    }
    // The longer no queue was seen, the more room there may be (Copa's velocity, in time instead of round trips).
    if (queue_ > threshold() / 3 || loss_.recent() > loss_.floor() + 0.03) congested_ = now_;
    // Nor does anybody hurry who knew the end a moment ago.
    if (shows_end()) congested_ = now_;
    const double calm = std::clamp(in_seconds(now_ - congested_), 0.0, 60.0);
    const double alike = step * std::pow(std::min(1.0, rate_ / slow), 0.7) *
                         std::pow(std::min(1.0, fast / rate_), 0.8) * narrow_.growth(rate_) * in_seconds(elapsed);
    const double growth = near_end(calm) ? alike * at_end() : alike * (1 + calm * calm / 3);
    set_rate(std::min({rate_ + growth, rate_ * factor, limit}));
}

void RateController::start_draining() {
    mode_ = Mode::draining;
    before_ = rate_;
    draining_.began = congested_ = cut_ = now_;
    doubling_below_ = 0;
    proven_ = 0;
    mark_queue();
    peak_ = draining_.deepest = queue_;
    shown_ = 0;
    probe_.reset();
    drain();
}

void RateController::mark_queue() {
    draining_.marked = now_;
    draining_.mark = queue_;
}

void RateController::drain() {
    if (queue_ < std::max<Duration>(queue_gone, threshold() / 3)) return start_climbing();
    draining_.deepest = std::max(draining_.deepest, queue_);
    // A queue that grows on while it should drain: the path has become narrower, which is noticed anew.
    // One that does so again and again is filled by somebody else.
    const bool grows = queue_ > draining_.mark + milliseconds(30) && now_ - draining_.began < longest_growth;
    if (grows) congested_ = cut_ = now_;
    if (grows || now_ - draining_.marked > milliseconds(300)) mark_queue();
    // The first looks see much of the time before the change; afterwards a cut shows no sooner than a round trip later.
    const bool settling = now_ - congested_ < round_trip_ + milliseconds(150);
    // Copa's five round trips after the last packet from before the cut, and what a queue that it saw takes to drain.
    if (newest_ < congested_ + milliseconds(150))
        draining_.give_up = now_ + std::max<Duration>(5 * round_trip_, milliseconds(600)) + 2 * queue_;
    // While it falls by a quarter each time there is no reason to.
    if (queue_ < peak_ * 3 / 4) {
        peak_ = queue_;
        draining_.give_up = std::max(draining_.give_up, now_ + round_trip_ + milliseconds(300));
    }
    peak_ = std::max(peak_, queue_);
    if (now_ > draining_.give_up && !is_narrow() && !starved()) return start_competing();
    if (settling || now_ - cut_ > round_trip_ + milliseconds(100)) {
        // What arrives of the little that was sent while pictures waited shows nothing of the path; what was sent
        // before, and filled the queue, does.
        const bool shows = newest_ < hold_.from || newest_ > hold_.to + milliseconds(150);
        const double delivered = of_ours(shows ? arrived_.over(milliseconds(150)) : hold_.passed_before);
        if (delivered > 0) passed_ = delivered;
        if (delivered > 0)
            set_rate(std::max(std::min(rate_, cut_at(delivered) * delivered), narrow_.left(queue_, rate_)));
        cut_ = now_;
    }
    draining_.rate = rate_ * std::clamp(1 - in_seconds(coming()) / in_seconds(drain_time), least_share, 0.9);
}

// The queue that what we send now will find: what the newest packet found, and what was sent since over what passes.
Duration RateController::coming() const {
    const double grown = asked_.growth(newest_, now_, rate_ / cut_at(rate_));
    return std::clamp<Duration>(queue_ + Duration(static_cast<std::int64_t>(grown * 1e9)), Duration{}, longest_queue);
}

void RateController::start_climbing() {
    mode_ = Mode::climbing;
    congested_ = now_;
}

// Losses that come from a queue too short to see go when we send less; others stay, and are the path's.
void RateController::weigh() {
    if (congested()) return start_draining();
    if (now_ - cut_ < round_trip_ + milliseconds(2200)) return;
    const double share = loss_.recent();
    if (share > share_before_ - 0.4 * (share_before_ - loss_.floor())) {
        loss_.accept();
        smooth_until_ = now_;
        set_rate(before_);
        mode_ = Mode::climbing;
        return;
    }
    doubling_below_ = 0;
    start_climbing();
}

void RateController::poll(Instant now) {
    if (now < silence_ || !plausible(now.time_since_epoch())) return;
    doubling_below_ = std::max(doubling_below_, cut * rate_);
    // An outage of seconds leaves what pictures need to come back at once; a longer one leaves hardly more than sound.
    const double floor = std::min(rate_, now - last_told_ < short_outage ? outage_rate : long_outage_rate);
    set_rate(std::max(rate_ / 2, floor));
    draining_.rate = std::min(draining_.rate, rate_);
    silence_ = now + least_silence();
}

void RateController::sent(Instant now) {
    if (!plausible(now.time_since_epoch())) return;
    age_.sent(now);
    if (silence_ != never) return;
    last_told_ = now;
    if (!told_) first_sent_ = now;
    silence_ = now + 4 * silence;  // both sides may still be setting up
}

std::optional<int> RateController::probe(Instant now) {
    if (!plausible(now.time_since_epoch()) || !told_ || probe_ || mode_ != Mode::climbing || now < next_probe_ ||
        rate_ >= settings_.maximum)
        return {};
    if (queue_ > queue_gone || now - congested_ < probe_interval || !age_.fresh(now)) return {};
    if (rate_ < 2 * sent_.over(seconds(1)) && rate_ > shown_) return {};  // the sender shows it by itself
    const double rate = std::min(2 * rate_, 1.5 * settings_.maximum);
    probe_.emplace(now, static_cast<int>(rate));
    next_probe_ = now + probe_interval;
    return probe_->rate();
}

void RateController::finish_probe() {
    if (!probe_ || !probe_->is_over(newest_)) return;
    if (const auto shown = probe_->shown()) shown_ = std::max(shown_, *shown);
    probe_.reset();
}

}  // namespace sotto::transport
