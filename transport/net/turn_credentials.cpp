#include "transport/net/turn_credentials.h"

#include <glib.h>

#include <array>
#include <memory>

namespace sotto::transport::net {

TurnCredentials turn_credentials(std::string_view secret, std::chrono::sys_seconds expiry, std::string_view name) {
    TurnCredentials made{.user = std::to_string(expiry.time_since_epoch().count()), .password = {}};
    if (!name.empty()) made.user.append(":").append(name);
    const std::unique_ptr<GHmac, void (*)(GHmac*)> hmac(
        g_hmac_new(G_CHECKSUM_SHA1, reinterpret_cast<const guchar*>(secret.data()), secret.size()), g_hmac_unref);
    g_hmac_update(hmac.get(), reinterpret_cast<const guchar*>(made.user.data()), static_cast<gssize>(made.user.size()));
    std::array<guint8, 20> digest{};
    gsize size = digest.size();
    g_hmac_get_digest(hmac.get(), digest.data(), &size);
    const std::unique_ptr<gchar, void (*)(gpointer)> text(g_base64_encode(digest.data(), size), g_free);
    made.password = text.get();
    return made;
}

}  // namespace sotto::transport::net
