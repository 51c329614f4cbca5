// A relay over TLS goes on from an earlier session, where that is its own and came over the same way.
#include <openssl/err.h>

#include <filesystem>

#include "net_edge/two_agents.h"
#include "transport/relay_session.h"

using namespace sotto;
using namespace sotto::test;
using namespace sotto::transport;
using namespace sotto::transport::net;

namespace {

// A relay whose certificate vouches for itself.
struct TlsRelay {
    TemporaryFolder folder;
    std::string certificate = folder.file("certificate");
    std::optional<Relay> relay;

    TlsRelay() {
        auto made =
            ChildProcess::start({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                                 "-nodes", "-days", "1", "-subj", "/CN=relay", "-addext", "subjectAltName=IP:127.0.0.1",
                                 "-keyout", folder.file("key"), "-out", certificate});
        if (!made || made->wait(Deadline(std::chrono::seconds(60))) != 0) return;
        auto started = Relay::start("127.0.0.1", Relay::Credentials::fixed,
                                    {"--no-dtls", "--cert=" + certificate, "--pkey=" + folder.file("key")});
        if (started) relay.emplace(std::move(*started));
    }
    // What an agent that asks this relay for an address, and is offered `kept`, leaves for the next.
    SecretBuffer sessions_after(Bytes kept, const std::string& authorities, bool* distrusted = nullptr) const {
        IceSettings settings;
        settings.relays = {relay->server(RelayTransport::tls)};
        settings.relays[0].authorities = authorities;
        TwoAgents agents = two_agents(settings);
        const auto today = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
        agents.a.agent.offer_sessions(kept, today.time_since_epoch());
        REQUIRE(agents.a.agent.gather());
        REQUIRE(agents.run_until([&] { return !agents.a.routes.empty() || !agents.a.failed.empty(); }));
        const bool failed = agents.a.routes.empty() && agents.a.failed[0].why == IceFailure::distrusted;
        if (distrusted != nullptr) *distrusted = failed;
        return agents.a.agent.sessions();
    }
};

bool same(const SecretBuffer& a, const SecretBuffer& b) { return std::ranges::equal(a.reveal(), b.reveal()); }

SecretBuffer changed(const SecretBuffer& kept, const std::function<void(RelaySession&)>& change) {
    auto sessions = parse_relay_sessions(kept.reveal());
    REQUIRE(sessions);
    REQUIRE(sessions->size() == 1);
    change(sessions->front());
    return encode_relay_sessions(std::array<const RelaySession*, 1>{&sessions->front()});
}

}  // namespace

TEST_CASE("a relay's TLS session is gone on from, by nobody else and over no other way") {
    const TlsRelay tls;
    if (!tls.relay) {
        MESSAGE("skipped: coturn or openssl is not installed (./dev setup test)");
        return;
    }
    const SecretBuffer kept = tls.sessions_after({}, tls.certificate);
    REQUIRE(kept.size() > 0);
    // A handshake of its own would leave another secret.
    CHECK(same(tls.sessions_after(kept.reveal(), tls.certificate), kept));

    const SecretBuffer elsewhere = changed(kept, [](RelaySession& session) { session.way = "10.0.0.1 127.0.0.1"; });
    const SecretBuffer late = changed(kept, [](RelaySession& session) { session.until = session.begun; });
    const SecretBuffer garbage = changed(kept, [](RelaySession& session) { session.secret.fill()[0] ^= std::byte{1}; });
    for (const SecretBuffer* const useless : {&elsewhere, &late, &garbage}) {
        const SecretBuffer anew = tls.sessions_after(useless->reveal(), tls.certificate);
        CHECK(anew.size() > 0);
        CHECK_FALSE(same(anew, *useless));
        CHECK_FALSE(same(anew, kept));
    }
    // Other authorities have to vouch for it themselves.
    const std::string copy = tls.folder.file("copy");
    std::filesystem::copy_file(tls.certificate, copy);
    CHECK_FALSE(same(tls.sessions_after(kept.reveal(), copy), kept));
    bool distrusted = false;
    CHECK(tls.sessions_after(kept.reveal(), "", &distrusted).size() == 0);
    CHECK(distrusted);
}

TEST_CASE("what others in the program left in OpenSSL's queue of errors breaks no connection to a relay") {
    const TlsRelay tls;
    if (!tls.relay) {
        MESSAGE("skipped: coturn or openssl is not installed (./dev setup test)");
        return;
    }
    IceSettings settings;
    settings.relays = {tls.relay->server(RelayTransport::tls)};
    settings.relays[0].authorities = tls.certificate;
    TwoAgents agents = two_agents(settings);
    REQUIRE(agents.a.agent.gather());
    CHECK(agents.run_until([&] {
        ERR_raise(ERR_LIB_USER, ERR_R_OPERATION_FAIL);
        return !agents.a.routes.empty() || !agents.a.failed.empty();
    }));
    CHECK_FALSE(agents.a.routes.empty());
    CHECK(agents.a.failed.empty());
    ERR_clear_error();
}
