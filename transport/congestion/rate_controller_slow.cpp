// The end of a slow path: how a rate nears what that takes.
#include "transport/congestion/rate_controller.h"

namespace sotto::transport {

namespace {
constexpr double hardly_few = 60'000, few = 150'000;  // bit/s between which growth slows where the path's end is known
constexpr double near = 0.8, there = 0.94;            // of what passes, by the spacing of packets
constexpr double slowly = 0.25, hardly = 0.01;        // of the usual growth, beyond either
constexpr Duration as_ever = std::chrono::seconds(4);
}  // namespace

// Of a slow path a queue has shown the end of late: who hurries there overshoots it by a tenth before the first report
// tells of that, each time. Without a queue for a while the path may have become wider.
bool RateController::near_end(double calm) const {
    if (rate_ <= hardly_few || rate_ >= few) return false;
    if (spacing_.passes()) return shows_end();
    return cut_lately() && calm < std::chrono::duration<double>(as_ever).count() && rate_ > 0.7 * passed_ &&
           rate_ < 1.2 * passed_;
}

bool RateController::shows_end() const {
    const auto passes = spacing_.passes();
    return rate_ > hardly_few && rate_ < few && passes && rate_ > near * *passes;
}

double RateController::at_end() const {
    const auto passes = spacing_.passes();
    return passes && rate_ > there * *passes ? hardly : slowly;
}

}  // namespace sotto::transport
