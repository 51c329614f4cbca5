#include "bench/progress.h"

#include <unistd.h>

#include <cstdio>

namespace sotto::bench {

bool Progress::on_terminal() { return ::isatty(STDERR_FILENO) == 1; }

void Progress::say(const std::string& what) {
    what_ = what;
    last_ = {};
    tick(share_);
}

void Progress::tick(std::optional<double> done) {
    const auto now = Clock::now();
    share_ = done;
    if (!terminal_ || now - last_ < std::chrono::milliseconds(200)) return;
    last_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    std::string bar;
    if (done) {
        constexpr int width = 30;
        const int full = static_cast<int>(std::clamp(*done, 0.0, 1.0) * width);
        bar = '[';
        bar.append(static_cast<std::size_t>(full), '#');
        bar.append(static_cast<std::size_t>(width - full), '.');
        bar += "] ";
    }
    std::fprintf(stderr, "\r\033[K%s%s ... %.0f s", bar.c_str(), what_.c_str(), seconds);
}

void Progress::done() const {
    if (terminal_) std::fprintf(stderr, "\r\033[K");
}

}  // namespace sotto::bench
