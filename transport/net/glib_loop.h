// A GLib main context of our own, run without a thread: its descriptors and its time-out join the client's loop.
#pragma once

#include <poll.h>

#include <memory>
#include <vector>

struct _GMainContext;

namespace sotto::transport::net {

class GlibLoop {
  public:
    GlibLoop();

    // What to wait for: adds descriptors, gives the time-out in milliseconds (-1: none).
    int add_descriptors(std::vector<pollfd>& to) const;
    // Does what is due and what descriptors are ready for; never blocks.
    void run();
    // Blocks, at most so long, until `done` is 0.
    void run_until_zero(const int& done, int milliseconds);

    _GMainContext* get() const { return context_.get(); }

  private:
    struct Unref {
        void operator()(_GMainContext* context) const;
    };
    std::unique_ptr<_GMainContext, Unref> context_;
};

}  // namespace sotto::transport::net
