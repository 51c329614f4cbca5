#include "transport/congestion/feedback_age.h"

#include <algorithm>

namespace sotto::transport {

namespace {
using std::chrono::milliseconds;
constexpr int known_after = 16;                                                 // reports
constexpr Duration age_slack = milliseconds(40), gap_slack = milliseconds(60);  // at least; a lost report makes 25 ms
constexpr int slack = 4;                                                        // deviations
constexpr Duration patience = milliseconds(450);
}  // namespace

void FeedbackAge::sent(Instant now) {
    if (now < last_sent_) *this = {};  // our clock was set back
    last_sent_ = now;
    if (since_ == never) since_ = now;
}

void FeedbackAge::Usual::add(Duration value, int count) {
    const Duration off = count == 1 ? Duration{} : value - mean;
    mean = count == 1 ? value : mean + off / count;
    deviation = count == 1 ? value / 4 : deviation + (std::max(off, -off) - deviation) / count;
}

Duration FeedbackAge::Usual::most(Duration least_slack) const {
    return mean + std::max<Duration>(least_slack, slack * deviation);
}

void FeedbackAge::told(Instant newest, Instant now) {
    if (since_ == never || newest > last_sent_ || now < newest) return;
    const Instant from = overdue_from();
    const bool late = now >= from;
    if (late) overdue_since_ = std::min(overdue_since_, from);
    const Duration age = now - since_, gap = now - std::max(last_told_, since_);
    since_ = newest < last_sent_ ? std::max(newest, since_) : never;
    last_told_ = now;
    if (late && overdue_from() <= now && now - overdue_since_ > patience) reports_ = 0;  // so long is the way now
    if (!late || reports_ == 0 || overdue_from() > now) overdue_since_ = never;
    const bool known = reports_ >= known_after;
    reports_ = std::min(reports_ + 1, known_after);
    age_.add(known ? std::min(age, age_.most(age_slack)) : age, reports_);
    gap_.add(known ? std::min(gap, gap_.most(gap_slack)) : gap, reports_);
}

Instant FeedbackAge::overdue_from() const {
    if (since_ == never || reports_ < known_after) return never;
    const Instant old = since_ + age_.most(age_slack);
    return overdue_since_ != never ? old : std::max(old, std::max(last_told_, since_) + gap_.most(gap_slack));
}

Instant FeedbackAge::overdue_until() const {
    const Instant from = std::min(overdue_from(), overdue_since_);
    return from == never ? never : from + patience;
}

}  // namespace sotto::transport
