// Looks a host's name up, in a GLib context and without waiting.
#pragma once

#include <functional>
#include <string>
#include <vector>

struct _GMainContext;

namespace sotto::transport::net {

class GlibLookUp {
  public:
    // Numeric addresses; none if the name is nobody's.
    using Found = std::function<void(const std::vector<std::string>& addresses)>;

    // `alive` counts those under way, also once nobody waits for them; it outlives them all.
    GlibLookUp(const std::string& name, _GMainContext* context, int& alive, Found found);
    GlibLookUp(const GlibLookUp&) = delete;
    GlibLookUp& operator=(const GlibLookUp&) = delete;
    ~GlibLookUp();  // `found` is not called any more

  private:
    struct UnderWay;
    UnderWay* under_way_;
};

}  // namespace sotto::transport::net
