#include "call/loss_record.h"

#include <algorithm>
#include <numeric>

namespace sotto::call {
namespace {

constexpr int longest_burst = 24;  // packets; more are an outage, which no repair bridges

std::size_t slot(std::int64_t second) {
    return static_cast<std::size_t>(second % (LossRecord::remembered / std::chrono::seconds(1)));
}

}  // namespace

void LossRecord::told(std::span<const transport::PacketResult> results, Instant undecided) {
    std::size_t next = 0;
    // Mostly none waits, and none has to.
    for (; waits_ == 0 && next < results.size() && results[next].sent < undecided; ++next) {
        const transport::PacketResult& result = results[next];
        learn({result.sent, result.sequence, result.ssrc == sound_, result.arrived.has_value()});
    }
    for (; next < results.size(); ++next) {
        const transport::PacketResult& result = results[next];
        keep({result.sent, result.sequence, result.ssrc == sound_, result.arrived.has_value()});
    }
    std::size_t decided = 0;
    while (decided < waits_ && waiting_[decided].sent < undecided) learn(waiting_[decided++]);
    if (decided == 0) return;
    std::copy(waiting_.begin() + static_cast<std::ptrdiff_t>(decided),
              waiting_.begin() + static_cast<std::ptrdiff_t>(waits_), waiting_.begin());
    waits_ -= decided;
}

void LossRecord::keep(const Told& told) {
    if (waits_ == waiting_.size()) {
        learn(waiting_[0]);
        std::copy(waiting_.begin() + 1, waiting_.end(), waiting_.begin());
        --waits_;
    }
    std::size_t place = waits_++;
    const auto before = [](const Told& a, const Told& b) {
        if (a.sent != b.sent) return a.sent < b.sent;
        return a.sound == b.sound && is_newer(b.sequence, a.sequence);
    };
    for (; place > 0 && before(told, waiting_[place - 1]); --place) waiting_[place] = waiting_[place - 1];
    waiting_[place] = told;
}

void LossRecord::learn(const Told& told) {
    if (told.sound) learn_block(told);
    if (!told.arrived) {
        ++lost_in_a_row_;
        return;
    }
    age(told.sent);
    const int lost = lost_in_a_row_ <= longest_burst ? lost_in_a_row_ : 0;
    for (int i = 0; i < lost; ++i) packets_.add(true);
    lost_in_a_row_ = 0;
    packets_.add(false);
    in_second_[slot(second_)] += static_cast<std::size_t>(lost) + 1;
}

// Forgets what is too old by now, a second at a time. What was sent before the newest counts as sent with it.
void LossRecord::age(Instant sent) {
    const std::int64_t second = sent.time_since_epoch() / std::chrono::seconds(1);
    if (second <= second_) return;
    const std::int64_t passed = std::min<std::int64_t>(second - second_, std::ssize(in_second_));
    for (std::int64_t i = 0; i < passed; ++i) in_second_[slot(second - i)] = 0;
    second_ = second;
    packets_.keep(std::accumulate(in_second_.begin(), in_second_.end(), std::size_t{0}));
}

void LossRecord::learn_block(const Told& told) {
    const bool again = again_.test(told.sequence.value % again_.size());
    if (block_lost_ && !again) blocks_.add(*block_lost_);
    block_lost_ = !told.arrived && (!again || block_lost_.value_or(true));
}

}  // namespace sotto::call
