// A record of sessions with relays: what is taken from it is written again as it was, but for those without a secret.
#include "transport/relay_session.h"

#include "fuzz/harness.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto sessions = transport::parse_relay_sessions(fuzz::input(data, size));
    if (!sessions) return 0;
    std::vector<const transport::RelaySession*> all;
    std::size_t kept = 0;
    for (const transport::RelaySession& session : *sessions) {
        check(session.begun <= session.until && session.secret.size() <= transport::RelaySession::max_secret);
        constexpr std::size_t most_text = 1024;
        if (session.secret.size() > 0 && session.relay.size() <= most_text && session.way.size() <= most_text) ++kept;
        all.push_back(&session);
    }
    const auto again = transport::parse_relay_sessions(transport::encode_relay_sessions(all).reveal());
    check(again && again->size() == kept);
    return 0;
}
