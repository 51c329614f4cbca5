#include "transport/congestion/narrow_path.h"

#include <algorithm>
#include <cmath>

namespace sotto::transport {

namespace {
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double narrow = 100'000;      // bit/s below which a packet is a queue
constexpr double packet_alone = 1000;   // bits, of sound or of a report
constexpr double alone = 50'000;        // bit/s up to which nobody can be given way: only sound is left
constexpr double usual_least = 40'000;  // bit/s, unless the path has long taken less
constexpr double enough = 60'000;       // bit/s, and it is narrow no more
constexpr Duration long_low = seconds(1);
constexpr int several = 4;  // reports: one after an outage tells of it alone
constexpr Duration long_queue = milliseconds(30);
constexpr Duration long_trip = milliseconds(200);
constexpr Duration most_silent = milliseconds(350);  // at the start: reports come each 25 to 100 ms
}  // namespace

void NarrowPath::passed(double rate) { widest_ = std::max(widest_, rate); }

void NarrowPath::holds(double rate) {
    if (rate > enough) narrow_ = false;
}

void NarrowPath::told(bool low, Instant now) {
    if (!low) low_reports_ = 0;
    if (low && low_reports_++ == 0) low_since_ = now;
    const bool for_long = low_reports_ >= several && now - low_since_ >= long_low;
    if (low && (for_long || widest_ < narrow)) narrow_ = true;
}

bool NarrowPath::starves(double arrived, double sent) {
    return arrived < alone && (arrived < 0.7 * usual_least || arrived < 0.8 * sent);
}

bool NarrowPath::begins(Duration silent, Duration round_trip, double proven) {
    // Over a short round trip no queue held the report up: it was lost, and little may arrive since little was sent.
    if (round_trip < long_trip || proven > narrow || silent < most_silent) return false;
    return narrow_ = true;
}

double NarrowPath::least() const { return narrow_ ? 0 : usual_least; }

Duration NarrowPath::packet(double rate) const {
    const double packet = narrow_ ? packet_alone / std::min(rate, narrow) - packet_alone / narrow : 0;  // seconds
    return Duration(static_cast<std::int64_t>(packet * 1e9));
}

double NarrowPath::growth(double rate) const { return narrow_ ? std::pow(rate / narrow, 1.5) : 1; }

double NarrowPath::left(Duration queue, double rate) const {
    return narrow_ && queue < long_queue ? std::min(rate, alone) : 0;
}

}  // namespace sotto::transport
