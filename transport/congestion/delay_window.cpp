#include "transport/congestion/delay_window.h"

#include <algorithm>

namespace sotto::transport {

namespace {
using std::chrono::milliseconds;
constexpr Duration slack = milliseconds(100);           // of a clock that drifts; beyond it, it was set anew
constexpr Duration set_back = std::chrono::seconds(1);  // as was one that steps back so far
constexpr double burst = 4;  // times the rate at which packets arrive: more than our share of a bottleneck
constexpr Duration least_fall = milliseconds(4);  // less is the resolution of the feedback and of timers
constexpr Duration largest_fall = milliseconds(100);
}  // namespace

void DelayWindow::add(Instant sent, Duration arrived, Duration age, std::size_t bytes, double rate) {
    const Duration one_way = arrived - sent.time_since_epoch();
    const auto base = past_.over(std::chrono::seconds(64));
    if (base && (one_way - *base > age + slack || arrived < newest_ - set_back)) *this = DelayWindow();
    if (newest_ == Duration::min()) {
        run_sent_ = sent;
        run_arrived_ = arrived;
    }
    newest_ = std::max(newest_, arrived);
    recent_.add(Instant{arrived}, one_way);
    past_.add(sent, one_way);
    look_for_fall(sent, arrived, bytes, rate);
}

void DelayWindow::look_for_fall(Instant sent, Duration arrived, std::size_t bytes, double rate) {
    const std::int64_t number = sent.time_since_epoch() / interval;
    if (number != number_) {
        intervals_ = std::min(intervals_ + 1, 16);
        noise_ += (fall_ - noise_) / intervals_;
        fall_ = {};
        number_ = number;
    }
    run_bits_ += 8 * static_cast<double>(bytes);
    if (rate == 0 || run_bits_ <= burst * rate * std::chrono::duration<double>(arrived - run_arrived_).count()) {
        run_sent_ = sent;
        run_arrived_ = arrived;
        run_bits_ = 0;
        return;
    }
    const Duration fall = (sent - run_sent_) - (arrived - run_arrived_);
    if (fall > least_fall) fall_ = std::max(fall_, std::min(fall, largest_fall));
}

Duration DelayWindow::standing(Duration recent, Duration past) const {
    const auto least = recent_.over(recent);
    const auto base = past_.over(past);
    return least && base ? std::max(Duration{}, *least - *base) : Duration{};
}

}  // namespace sotto::transport
