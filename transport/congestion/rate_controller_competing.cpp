// Beside somebody else who keeps the queue full: a share of it by losses, as TCP.
#include <algorithm>
#include <cmath>
#include <utility>

#include "transport/congestion/rate_controller.h"

namespace sotto::transport {

namespace {
using std::chrono::milliseconds;
using std::chrono::seconds;

// What a loss leaves, and how fast the rate comes back: by a packet each round trip, or in half the time
// that CUBIC takes (RFC 9438 §4.2, with its C of 0.4), whichever is more. CUBIC does the most of its way first; this is
// a line.
constexpr double tcp_cut = 0.8;
constexpr double cubic_speed = 2;
constexpr double reno_step = 0.8;
// Once it is known what passes in all, the rate also nears a bit more than the half of that by so much each second, and
// goes no further: losses take the bit. Where more than one share the queue, they see to it that it is less.
constexpr double half = 0.55;
constexpr double nearer = 1 / 8.0;
constexpr Duration queue_back = milliseconds(800);  // TCP's queue comes back in so long, where it is a short one
// Each third loss, or one after a while, halves the rate for as long as a queue takes to go that is only ours.
constexpr int cuts_to_check = 3;
constexpr Duration check_interval = seconds(8);
constexpr double check_cut = 0.5;
constexpr Duration ended_lately = seconds(30);
// Who has but this of what passes, for so long, has made room in vain; or who has this, soon after. What little he
// sends tells what passes less well, and short transfers come and go.
constexpr double hardly = 0.1, little = 0.35;
constexpr Duration in_vain = seconds(15);
constexpr double likely = 1;           // deviations
constexpr double comes_through = 0.6;  // of what is sent, where somebody else fills the queue
constexpr Duration too_noisy = milliseconds(25);
constexpr double packet_bits = 1200 * 8;
constexpr Duration longest_queue = milliseconds(500);

double in_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
}  // namespace

void RateController::start_competing() {
    mode_ = Mode::competing;
    peak_ = queue_;
    competing_.base = delays_.base(shared_base_memory);
    competing_.forgotten = {};
    competing_.stood = now_;
    competing_.checked = now_;
    competing_.cuts = 0;
    competing_.checking = false;
    // It seems to end, too, where the base was forgotten and the others' queue is at its shortest.
    give_way(competing_.ended != Instant{} && now_ - competing_.ended < ended_lately
                 ? std::max(before_, competing_.rate)
                 : before_,
             1);
}

// A queue that others fill, and empty now and then, looks like one that goes because we make room: each time we have
// less, and they more.
void RateController::look_for_others() {
    if (mode_ == Mode::competing || mode_ == Mode::weighing) return;
    // Of a queue that is ours less comes out than we send: what was known of the path is no more.
    if (queue_ > long_enough && arrived_.over(seconds(1)) < comes_through * sent_.over(seconds(1))) width_ = {};
    const auto all = delays_.noise() < too_noisy ? width_.passes(likely) : std::nullopt;
    if (!all || rate_ > hardly * *all) competing_.roomy = now_;
    if (!all || (mode_ == Mode::draining && now_ - congested_ < round_trip_ + milliseconds(150))) return;
    const bool again = competing_.ended != Instant{} && now_ - competing_.ended < ended_lately && rate_ < little * *all;
    if (now_ - competing_.roomy <= in_vain && !again) return;
    if (mode_ == Mode::climbing) before_ = rate_;
    start_competing();
}

void RateController::give_way(double rate, double share) {
    before_ = rate;
    set_rate(rate * share);
    cut_ = now_;
    competing_.full_trip = round_trip_;
}

// A base that is forgotten shortens the queue of before, too: else drops from a full one would pass for chance. What
// is a second or more is no queue but a clock that was set anew.
void RateController::note_base() {
    const Duration base = delays_.base(shared_base_memory);
    const Duration rise = base - std::exchange(competing_.base, base);
    const bool anew = rise < -seconds(1) || rise > seconds(1);
    competing_.forgotten =
        anew ? Duration{} : std::clamp<Duration>(competing_.forgotten + rise, Duration{}, seconds(1));
    if (!anew && rise > Duration{}) peak_ = std::max(Duration{}, peak_ - rise);
}

void RateController::compete(Duration elapsed) {
    note_base();
    if (queue_ >= std::max(threshold() / 2, peak_ / 10)) competing_.stood = now_;
    if (now_ - competing_.stood > (competing_.checking ? queue_back / 2 : queue_back)) {
        competing_.rate = competing_.checking ? before_ * tcp_cut : rate_;
        competing_.ended = now_;
        return start_climbing();
    }
    peak_ = std::max(peak_, queue_);
    const Duration since = now_ - cut_;
    if (competing_.checking) {
        if (since < competing_.full_trip + milliseconds(200) + 2 * (peak_ + competing_.forgotten)) return;
        competing_.checking = false;
        set_rate(before_ * tcp_cut);
    }
    if (since > competing_.full_trip + milliseconds(100) &&
        ((lost_ > 0 && queue_ > peak_ / 2) || queue_ > longest_queue)) {
        competing_.checking = ++competing_.cuts == cuts_to_check || now_ - competing_.checked > check_interval;
        if (competing_.checking) competing_.checked = now_, competing_.cuts = 0;
        peak_ = queue_;
        if (!competing_.checking) return give_way(rate_, tcp_cut);
        give_way(rate_, check_cut);
        // A rate beyond what passes would leave a queue of ours standing even so.
        if (throughput_ > 0) set_rate(std::min(rate_, check_cut * of_ours(throughput_)));
        return;
    }
    const double packets = before_ * in_seconds(competing_.full_trip) / packet_bits;
    const double cubic = cubic_speed * (1 - tcp_cut) * before_ / std::cbrt(packets * (1 - tcp_cut) / 0.4);
    const double reno = reno_step * packet_bits / (in_seconds(competing_.full_trip) * in_seconds(competing_.full_trip));
    const double risen = rate_ + std::max(cubic, reno) * in_seconds(elapsed);
    const auto all = delays_.noise() < too_noisy ? width_.passes() : std::nullopt;
    if (!all) return set_rate(risen);
    const double most = half * *all;
    set_rate(std::min(std::max(risen, rate_ + nearer * (most - rate_) * in_seconds(elapsed)), most));
}

}  // namespace sotto::transport
