#include "transport/fec_rate.h"

#include <algorithm>
#include <cmath>

namespace sotto::transport {
namespace {

constexpr std::size_t few = 8;   // losses, which tell nothing of what follows one
constexpr double beyond = 0.05;  // what chance has, and half again
constexpr double deviations = 4;

// How likely it is that more than `allowed` of `length` packets are lost, if each is by itself.
double binomial_over(std::size_t length, std::size_t allowed, double rate) {
    if (rate >= 1) return 1;
    double exactly = std::pow(1 - rate, static_cast<double>(length));
    double at_most = exactly;
    for (std::size_t lost = 1; lost <= allowed; ++lost) {
        exactly *= static_cast<double>(length - lost + 1) / static_cast<double>(lost) * rate / (1 - rate);
        at_most += exactly;
    }
    return 1 - at_most;
}

}  // namespace

void LossHistory::add(bool lost) {
    const std::size_t next = (oldest_ + size_) % capacity;
    if (size_ == capacity && at(0) && at(1)) --pairs_;
    if (lost && newest_lost()) ++pairs_;
    losses_ += lost ? 1U : 0U;
    losses_ -= lost_[next] ? 1U : 0U;
    lost_[next] = lost;
    if (size_ < capacity) {
        ++size_;
    } else {
        oldest_ = (oldest_ + 1) % capacity;
    }
}

void LossHistory::keep(std::size_t newest) {
    for (; size_ > newest; --size_) {
        losses_ -= at(0) ? 1U : 0U;
        if (size_ > 1 && at(0) && at(1)) --pairs_;
        lost_[oldest_] = false;
        oldest_ = (oldest_ + 1) % capacity;
    }
}

double LossHistory::rate() const {
    const std::size_t prior = std::min(prior_packets, capacity - size_);
    const double losses = static_cast<double>(prior) * prior_losses / static_cast<double>(prior_packets);
    return (static_cast<double>(losses_) + losses) / static_cast<double>(size_ + prior);
}

bool LossHistory::in_bursts() const {
    const std::size_t followed = losses_ - (newest_lost() ? 1U : 0U);
    if (followed < few) return false;
    const auto losses = static_cast<double>(followed), pairs = static_cast<double>(pairs_);
    const double share = losses / static_cast<double>(size_);
    const double by_chance = losses * share;
    // Of few losses two or three in a row are chance, too: binomial, and one pair more.
    return pairs > 1.5 * by_chance + beyond * losses &&
           pairs > by_chance + deviations * std::sqrt(by_chance * (1 - share)) + 1;
}

// The share of windows of this length that lost more than is allowed; 0 if the history is shorter.
double LossHistory::share_over(std::size_t length, std::size_t allowed) const {
    if (length > size_) return 0;
    std::size_t lost = 0, over = 0;
    for (std::size_t i = 0; i < size_; ++i) {
        if (i >= length && at(i - length)) --lost;
        if (at(i)) ++lost;
        if (i + 1 >= length && lost > allowed) ++over;
    }
    return static_cast<double>(over) / static_cast<double>(size_ - length + 1);
}

int LossHistory::repair_packets(int sources, double residual) const {
    const double measured = rate();
    if (sources <= 0 || measured < negligible) return 0;
    const auto enough = [&](std::size_t repairs) {
        const std::size_t length = static_cast<std::size_t>(sources) + repairs;
        return binomial_over(length, repairs, measured) <= residual && share_over(length, repairs) <= residual;
    };
    int repairs = 0;
    while (repairs < max_repair_packets && !enough(static_cast<std::size_t>(repairs))) ++repairs;
    return repairs;
}

}  // namespace sotto::transport
