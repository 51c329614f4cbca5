#include "transport/path_watch.h"

#include <algorithm>

namespace sotto::transport {

void PathWatch::began(Instant now) {
    give_up_ = now + patience_;
    patience_ = std::min(2 * patience_, last_patience);
    asked_ = never;
    expected_ = false;
    window_ = never;
}

void PathWatch::connected(Instant) {
    give_up_ = never;
    asked_ = never;
    patience_ = first_patience;
}

void PathWatch::received(Instant now) {
    if (window_ == never || now - window_ >= silence) {
        expected_ = window_ != never && counted_ >= busy && now - window_ < 2 * silence;
        window_ = now;
        counted_ = 0;
    }
    ++counted_;
    last_ = now;
}

void PathWatch::failed(Instant now) {
    if (give_up_ == never) asked_ = std::min(asked_, now);
}

void PathWatch::unreachable(Instant now) { asked_ = std::min(asked_, now + pause); }

void PathWatch::network_changed(Instant now) { asked_ = now + settling; }

Instant PathWatch::deadline() const {
    const Instant silent = expected_ && give_up_ == never ? last_ + silence : never;
    return std::min({give_up_, asked_, silent});
}

}  // namespace sotto::transport
