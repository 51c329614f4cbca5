// Whether the path is wide enough for pictures. They stop where they would only hold up the sound, and come back when
// it has been wide enough for a while: a longer one each time that they were too much soon after.
#pragma once

#include <optional>

#include "transport/congestion/rate_controller.h"

namespace sotto::call {

class PictureWidth {
  public:
    // `told`: by reports on the sound for a while; what a silence left of the rate tells nothing of the path.
    void follow(const transport::RateController& path, bool told, Instant now);
    bool too_narrow() const { return too_narrow_; }

  private:
    static constexpr Duration first_return = std::chrono::seconds(2), last_return = std::chrono::seconds(64);

    bool too_narrow_ = false;
    Instant wide_since_ = never;          // the path has been wide enough for them again
    std::optional<Instant> back_since_;   // they are back
    Duration back_after_ = first_return;  // so long of that
};

}  // namespace sotto::call
