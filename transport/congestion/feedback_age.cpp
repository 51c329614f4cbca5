#include "transport/congestion/feedback_age.h"

#include <algorithm>

namespace sotto::transport {

namespace {
using std::chrono::milliseconds;
using std::chrono::seconds;
constexpr int known_after = 16;                                                 // reports
constexpr Duration age_slack = milliseconds(40), gap_slack = milliseconds(60);  // at least; a lost report makes 25 ms
constexpr int slack = 4;                                                        // deviations
constexpr Duration patience = milliseconds(450);
constexpr Duration suspicion = milliseconds(150);  // lasts for so long
constexpr Duration most_suspected = seconds(3);
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
    const bool late = now >= overdue_from();
    if (late) overdue_since_ = overdue_from();
    const Duration age = now - since_, gap = now - std::max(last_told_, since_);
    since_ = newest < last_sent_ ? std::max(newest, since_) : never;
    last_told_ = now;
    // A report that is old itself tells of the time before.
    const bool for_long = now - overdue_since_ > patience && (newest >= overdue_since_ || now >= overdue_until());
    if (late && !fresh(now) && for_long) reports_ = 0;  // so long is the way now
    if (fresh(now) || reports_ == 0) overdue_since_ = never;
    if (overdue_since_ != never) return;  // what stands in a queue is not what is usual
    const bool known = reports_ >= known_after;
    reports_ = std::min(reports_ + 1, known_after);
    age_.add(known ? std::min(age, age_.most(age_slack)) : age, reports_);
    gap_.add(known ? std::min(gap, gap_.most(gap_slack)) : gap, reports_);
}

void FeedbackAge::suspect(Instant now, bool for_long) {
    if (reports_ == known_after && overdue_since_ == never && !fresh(now)) overdue_since_ = now;
    if (for_long && now >= overdue_from()) suspected_ = now;
}

Instant FeedbackAge::overdue_from() const {
    if (since_ == never || reports_ < known_after) return never;
    if (overdue_since_ != never) return overdue_since_;
    return std::max(since_ + age_.most(age_slack), std::max(last_told_, since_) + gap_.most(gap_slack));
}

Instant FeedbackAge::overdue_until() const {
    const Instant from = overdue_from();
    if (from == never) return never;
    return std::max(from + patience, std::min(suspected_ + suspicion, from + most_suspected));
}

}  // namespace sotto::transport
