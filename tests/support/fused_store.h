// A store whose process is killed at a step before or after a commit or an anchor.
#pragma once

#include "support/killed.h"
#include "support/store.h"

namespace sotto::test {

class FusedStore final : public PassingStore {
  public:
    FusedStore(Store& inner, Fuse& fuse) : PassingStore(inner), fuse_(fuse) {}
    Result<void> commit(std::span<const Change> changes) override {
        fuse_.step();
        const auto written = inner_.commit(changes);
        fuse_.step();
        return written;
    }
    Result<void> write_anchor(Bytes anchor) override {
        fuse_.step();
        const auto written = inner_.write_anchor(anchor);
        fuse_.step();
        return written;
    }

  private:
    Fuse& fuse_;
};

}  // namespace sotto::test
