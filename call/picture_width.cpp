#include "call/picture_width.h"

#include <algorithm>

#include "call/picture_hold.h"

namespace sotto::call {
namespace {

constexpr int enough = 70'000;  // bit/s, for them to come back

}  // namespace

void PictureWidth::follow(const transport::RateController& path, bool told, Instant now) {
    if (!too_narrow_ && told && path.is_narrow() && path.lasting() < least_with_pictures) {
        too_narrow_ = true;
        const bool soon = back_since_ && now - *back_since_ < 2 * last_return;
        back_after_ = soon ? std::min(2 * back_after_, last_return) : first_return;
        wide_since_ = never;
    }
    if (!too_narrow_) return;
    if (path.lasting() < enough) {
        wide_since_ = never;
        return;
    }
    if (wide_since_ == never) wide_since_ = now;
    if (now - wide_since_ < back_after_) return;
    too_narrow_ = false;
    back_since_ = now;
}

}  // namespace sotto::call
