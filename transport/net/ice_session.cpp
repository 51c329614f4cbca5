#include "transport/net/ice_session.h"

#include <netinet/in.h>
#include <nice/agent.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "transport/net/early_words.h"
#include "transport/net/ice_candidates.h"

namespace sotto::transport::net {
namespace {

constexpr unsigned component = 1;            // RTP and RTCP share it (RFC 5761)
constexpr unsigned pacing_milliseconds = 5;  // RFC 8445 §14.2: Ta, the least it allows; two sides have few candidates
constexpr std::size_t max_remote = 64;       // candidates that a peer may name in one generation
// From one to the next, the last again and again: a relay that asks elsewhere who we are takes what needs no password
// before the request for a permission, libnice asks for its own soon, and who has not asked its own relay hears
// nothing.
constexpr std::array<unsigned, 3> early_check_milliseconds{2, 4, 2 * pacing_milliseconds};
constexpr int early_checks = 50;
constexpr std::size_t max_early_ways = 4;
// By TCP and TLS who isn't there is told at once, and connecting takes up to four round trips: the first request may
// wait for 9.5 s (RFC 8489 §6.2.1: from 500 ms on, doubled), not for libnice's 2.
constexpr unsigned transmissions_by_tunnel = 5;

// RFC 8445 §5.3: from a cryptographic source, not libnice's own generator. 64 letters take 6 bits each.
template <std::size_t N>
bool fill_with_letters(std::array<char, N>& letters) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::array<unsigned char, N> random;
    if (getentropy(random.data(), random.size()) != 0) return false;
    std::ranges::transform(random, letters.begin(), [&](unsigned char byte) { return alphabet[byte % 64]; });
    return true;
}

template <std::size_t N>
std::string text(const std::array<char, N>& letters) {
    return {letters.data(), letters.size()};
}

bool add_local_address(NiceAgent* agent, const std::string& text) {
    NiceAddress address;
    nice_address_init(&address);
    return nice_address_set_from_string(&address, text.c_str()) != 0 && nice_agent_add_local_address(agent, &address);
}

// One of `agent`'s sockets of that family; -1: it has none.
int socket_of(NiceAgent* agent, unsigned stream, sa_family_t family) {
    int found = -1;
    GPtrArray* const sockets = nice_agent_get_sockets(agent, stream, component);
    for (guint i = 0; sockets != nullptr && i < sockets->len; ++i) {
        auto* const socket = static_cast<GSocket*>(g_ptr_array_index(sockets, i));
        if (g_socket_get_socket_type(socket) != G_SOCKET_TYPE_DATAGRAM) continue;
        sockaddr_storage own{};
        socklen_t size = sizeof(own);
        const int fd = g_socket_get_fd(socket);
        if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0 && own.ss_family == family) found = fd;
    }
    if (sockets != nullptr) g_ptr_array_unref(sockets);
    return found;
}

std::optional<sockaddr_storage> numeric_address(const std::string& host, std::uint16_t port) {
    NiceAddress address;
    nice_address_init(&address);
    if (!nice_address_set_from_string(&address, host.c_str())) return std::nullopt;
    nice_address_set_port(&address, port);
    sockaddr_storage storage{};
    nice_address_copy_to_sockaddr(&address, reinterpret_cast<sockaddr*>(&storage));
    return storage;
}

NiceRelayType relay_type(RelayTransport transport) {
    return transport == RelayTransport::udp ? NICE_RELAY_TYPE_TURN_UDP : NICE_RELAY_TYPE_TURN_TCP;
}

void count_down(gpointer alive, GObject*) { --*static_cast<int*>(alive); }

void free_candidates(GSList* list) {
    g_slist_free_full(list, [](gpointer candidate) { nice_candidate_free(static_cast<NiceCandidate*>(candidate)); });
}

}  // namespace

// They only note what happened: nothing is decided, and nothing of libnice's is called, inside a callback.
struct IceSession::Signals {
    static void on_candidate(NiceAgent*, NiceCandidate*, IceSession* session) { session->news_.candidates = true; }
    static void on_gathered(NiceAgent*, guint, IceSession* session) {
        session->gathered_ = true;
        session->news_.gathered = true;
    }
    static void on_state(NiceAgent*, guint, guint, guint state, IceSession* session) {
        const bool works = state == NICE_COMPONENT_STATE_CONNECTED || state == NICE_COMPONENT_STATE_READY;
        if (works && !session->connected_) session->news_.connected = true;
        if (works) session->connected_ = true;
        if (state == NICE_COMPONENT_STATE_FAILED) {
            session->connected_ = false;
            session->early_ = false;
            session->news_.lost = true;
        }
    }
    static gboolean on_early_check(gpointer data) {
        auto* const session = static_cast<IceSession*>(data);
        if (!session->early_ || session->connected_ || session->early_media_.allowed()) return G_SOURCE_REMOVE;
        session->check_early(address_of(session->remote_.front()));
        if (--session->early_checks_left_ > 0) session->plan_early_check();
        return G_SOURCE_REMOVE;
    }
    static void on_check(NiceAgent*, guint, IceSession* session) { session->early_media_.checked(); }
    static void on_remote_candidate(NiceAgent*, NiceCandidate* candidate, IceSession* session) {
        if (candidate->type != NICE_CANDIDATE_TYPE_PEER_REFLEXIVE) return;
        session->unnamed_ = address_of(candidate->addr);
        session->early_media_.checked_from(*session->unnamed_);
    }
    static void on_datagram(NiceAgent*, guint, guint, guint size, gchar* bytes, gpointer data) {
        auto* const session = static_cast<IceSession*>(data);
        ++session->received_;
        session->inbox_.push(std::as_bytes(std::span(bytes, size)));
    }
    // The relay's answer is still read; datagrams are nobody's.
    static void after_the_end(NiceAgent*, guint, guint, guint, gchar*, gpointer) {}
    static void connect(NiceAgent* agent, IceSession* session) {
        g_signal_connect(agent, "new-candidate-full", G_CALLBACK(on_candidate), session);
        g_signal_connect(agent, "candidate-gathering-done", G_CALLBACK(on_gathered), session);
        g_signal_connect(agent, "component-state-changed", G_CALLBACK(on_state), session);
        g_signal_connect(agent, "initial-binding-request-received", G_CALLBACK(on_check), session);
        g_signal_connect(agent, "new-remote-candidate-full", G_CALLBACK(on_remote_candidate), session);
    }
};

IceSession::IceSession(NiceAgent* agent, GMainContext* context, const IceSettings& settings, std::uint16_t generation,
                       Tunnels tunnels, DatagramQueue& inbox, int& alive)
    : agent_(agent),
      context_(context),
      stream_(nice_agent_add_stream(agent, 1)),
      policy_(settings.policy),
      controlling_(settings.controlling),
      generation_(generation),
      inbox_(inbox),
      tunnels_(std::move(tunnels)),
      relays_(settings.relays),
      alive_(alive),
      early_checks_left_(early_checks) {}

Result<std::unique_ptr<IceSession>> IceSession::create(const IceSettings& settings, GMainContext* context,
                                                       std::uint16_t generation, Tunnels tunnels, DatagramQueue& inbox,
                                                       int& alive) {
    if (settings.policy == IcePolicy::relay && settings.relays.empty()) return Failure(Error::invalid_argument);
    const auto options =
        static_cast<NiceAgentOption>(NICE_AGENT_OPTION_ICE_TRICKLE | NICE_AGENT_OPTION_CONSENT_FRESHNESS);
    NiceAgent* const agent = nice_agent_new_full(context, NICE_COMPATIBILITY_RFC5245, options);
    if (agent == nullptr) return Failure(Error::unavailable);
    ++alive;
    g_object_weak_ref(G_OBJECT(agent), count_down, &alive);
    // Without a server of its own no STUN leaves; UPnP would ask the neighbourhood.
    g_object_set(agent, "upnp", FALSE, "ice-tcp", FALSE, "controlling-mode", settings.controlling ? TRUE : FALSE,
                 "force-relay", settings.policy == IcePolicy::relay ? TRUE : FALSE, "stun-pacing-timer",
                 pacing_milliseconds, nullptr);
    std::unique_ptr<IceSession> session(
        new IceSession(agent, context, settings, generation, std::move(tunnels), inbox, alive));
    const auto begun = session->begin(settings);
    if (!begun) return Failure(begun.error());
    return session;
}

Result<void> IceSession::begin(const IceSettings& settings) {
    if (!fill_with_letters(fragment_) || !fill_with_letters(password_) ||
        getentropy(&tie_breaker_, sizeof(tie_breaker_)) != 0)
        return Failure(Error::unavailable);
    nice_agent_set_local_credentials(agent_, stream_, text(fragment_).c_str(), text(password_).c_str());
    if (!settings.local_address.empty()) {
        if (!add_local_address(agent_, settings.local_address)) return Failure(Error::invalid_argument);
    } else if (settings.policy == IcePolicy::relay) {
        // Whatever way the system finds to the relay; no allocation for each interface.
        add_local_address(agent_, "0.0.0.0");
        add_local_address(agent_, "::");
    }
    const auto by_tunnel = [](const RelayServer& relay) { return relay.transport != RelayTransport::udp; };
    if (!relays_.empty() && std::ranges::all_of(relays_, by_tunnel)) {
        g_object_set(agent_, "stun-max-retransmissions", transmissions_by_tunnel, nullptr);
    }
    Signals::connect(agent_, this);
    nice_agent_attach_recv(agent_, stream_, component, context_, Signals::on_datagram, this);
    for (const RelayServer& relay : settings.relays) {
        nice_agent_set_relay_info(agent_, stream_, component, relay.host.c_str(), relay.port, relay.user.c_str(),
                                  relay.password.c_str(), relay_type(relay.transport));
    }
    return {};
}

// What the relay gave is given back; libnice's agent lives on until that is answered.
IceSession::~IceSession() {
    nice_agent_attach_recv(agent_, stream_, component, context_, Signals::after_the_end, nullptr);
    g_signal_handlers_disconnect_by_data(agent_, this);
    if (early_check_ != nullptr) {
        g_source_destroy(early_check_);
        g_source_unref(early_check_);
    }
    g_main_context_push_thread_default(context_);  // where the end is told
    nice_agent_close_async(agent_, nullptr, nullptr);
    g_main_context_pop_thread_default(context_);
    g_object_unref(agent_);
}

Result<void> IceSession::gather() {
    if (!nice_agent_gather_candidates(agent_, stream_)) return Failure(Error::unavailable);
    if (policy_ != IcePolicy::relay) return {};
    for (const RelayServer& relay : relays_) add_early_way(relay);
    return {};
}

void IceSession::add_early_way(const RelayServer& relay) {
    for (RelayTunnel* const tunnel : tunnels_) {
        const bool is_entrance = relay.transport != RelayTransport::udp && relay.port == tunnel->entrance().port;
        if (is_entrance) early_ways_.emplace_back(relay, *tunnel);
    }
    if (relay.transport != RelayTransport::udp) return;
    if (numeric_address(relay.host, relay.port)) {
        add_early_way(relay, relay.host);
        return;
    }
    // libnice looks for itself and may take any.
    look_ups_.emplace_back(relay.host, context_, alive_, [this, relay](const auto& addresses) {
        for (const std::string& address : addresses) add_early_way(relay, address);
        if (!connected_ && !early_) open_early_way();
    });
}

void IceSession::add_early_way(const RelayServer& relay, const std::string& numeric) {
    const auto address = numeric_address(numeric, relay.port);
    const int socket = address ? socket_of(agent_, stream_, address->ss_family) : -1;
    if (socket < 0 || early_ways_.size() >= max_early_ways) return;
    early_ways_.emplace_back(relay, socket, *address, context_);
}

// Where both sides use one relay, the peer's host is our own candidate's: what the peer sends by it comes in before its
// route does.
void IceSession::permit_own_relay() {
    if (policy_ != IcePolicy::relay) return;
    for (const IceCandidate& candidate : local().candidates()) permit_early(candidate.address);
}

// By the ways that our candidates were given by: the peer would take what comes by another for somebody else's. Before
// there are any, by those that are to give one.
bool IceSession::permit_early(const IpAddress& peer) {
    const IceDescription ours = local();
    bool permitted = false;
    for (EarlyWay& way : early_ways_) {
        const auto leads_to = [&](const IceCandidate& candidate) { return way.leads_to(candidate); };
        const bool is_ours = std::ranges::any_of(ours.candidates(), leads_to) || (ours.count == 0 && way.asked());
        if (is_ours) permitted |= way.permit(peer);
    }
    return permitted;
}

Result<void> IceSession::set_remote(const IceDescription& description) {
    if (remote_.empty()) {
        remote_fragment_ = description.fragment;
        remote_password_ = description.password;
        if (!nice_agent_set_remote_credentials(agent_, stream_, text(remote_fragment_).c_str(),
                                               text(remote_password_).c_str())) {
            return Failure(Error::invalid_argument);
        }
    }
    GSList* list = nullptr;
    for (const IceCandidate& candidate : description.candidates()) {
        if (policy_ == IcePolicy::relay && candidate.type != CandidateType::relayed) {
            ++refused_candidates_;
            continue;
        }
        const bool known = std::ranges::find(remote_, candidate) != remote_.end();
        if (known || remote_.size() == max_remote) continue;
        remote_.push_back(candidate);
        early_media_.named(address_of(candidate));
        list = g_slist_append(list, to_nice(candidate, stream_, component, remote_.size()));
    }
    if (list != nullptr) nice_agent_set_remote_candidates(agent_, stream_, component, list);
    free_candidates(list);
    if (!early_) open_early_way();
    return {};
}

bool IceSession::send(Bytes datagram) {
    if (!connected_) return !ready() || send_early(datagram);
    const int sent = nice_agent_send(agent_, stream_, component, static_cast<guint>(datagram.size()),
                                     reinterpret_cast<const gchar*>(datagram.data()));
    return sent >= 0;
}

// libnice asks its relay for a permission and waits for the answer before it sends a check, and sends media once that
// was answered. A relay takes things in order, so a check that is sent behind a request, ours or libnice's, passes; and
// by the peer's check, which shows that it knows our password, we know half a round trip or more before that it is
// there.
void IceSession::open_early_way() {
    if (policy_ != IcePolicy::relay || remote_.empty()) return;
    const IceCandidate& peer = remote_.front();
    const IceDescription ours = local();
    const auto of_its_family = [&](const IceCandidate& own) { return own.address.v6 == peer.address.v6; };
    early_ = ours.count == 0 ? std::ranges::any_of(early_ways_, &EarlyWay::asked)
                             : !early_ways_.empty() && std::ranges::any_of(ours.candidates(), of_its_family);
    if (!early_) return;
    if (permit_early(peer.address)) check_early(address_of(peer));
    if (early_check_ == nullptr) plan_early_check();
}

void IceSession::plan_early_check() {
    if (early_check_ != nullptr) g_source_unref(early_check_);
    const auto made = static_cast<std::size_t>(early_checks - early_checks_left_);
    early_check_ = g_timeout_source_new(early_check_milliseconds[std::min(made, early_check_milliseconds.size() - 1)]);
    g_source_set_callback(early_check_, Signals::on_early_check, this, nullptr);
    g_source_attach(early_check_, context_);
}

// A relay that has no allocation of ours drops it, and the peer takes but one of several.
bool IceSession::send_early(Bytes datagram) {
    bool sent = false;
    for (const EarlyWay& way : early_ways_) {
        if (early_media_.take()) sent |= way.send(address_of(remote_.front()), datagram);
    }
    return sent;
}

// The peer's check came before the route which names where it is from. Its host must be one that our relay lets in, and
// it knows our password: so it is the peer's, or was sent on by somebody who heard it. It gets a check of ours; media
// wait for the name.
void IceSession::check_back() {
    if (!unnamed_ || early_ || connected_ || remote_fragment_.front() == '\0') return;
    const RelayedAddress peer = *std::exchange(unnamed_, std::nullopt);
    if (permit_early(peer.address)) check_early(peer);
}

// libnice's own checks nominate.
void IceSession::check_early(const RelayedAddress& to) {
    std::array<std::byte, 256> room;
    const std::size_t size = write_check({.fragment = {fragment_.data(), fragment_.size()},
                                          .remote_fragment = {remote_fragment_.data(), remote_fragment_.size()},
                                          .remote_password = {remote_password_.data(), remote_password_.size()},
                                          .controlling = controlling_,
                                          .tie_breaker = tie_breaker_},
                                         room);
    for (const EarlyWay& way : early_ways_) {
        if (size > 0) static_cast<void>(way.send(to, Bytes(room).first(size)));
    }
}

IceDescription IceSession::local() const {
    IceDescription description{.generation = generation_, .fragment = fragment_, .password = password_};
    std::vector<IceCandidate> all;
    GSList* const list = nice_agent_get_local_candidates(agent_, stream_, component);
    for (const GSList* item = list; item != nullptr; item = item->next) {
        const auto candidate = to_ours(*static_cast<const NiceCandidate*>(item->data));
        if (!candidate) continue;
        if (policy_ == IcePolicy::relay && candidate->type != CandidateType::relayed) continue;
        all.push_back(*candidate);
    }
    free_candidates(list);
    // Where not all fit: a relayed one works everywhere, then the best.
    const auto rank = [](const IceCandidate& c) { return std::pair(c.type == CandidateType::relayed, c.priority); };
    std::ranges::sort(all, std::ranges::greater{}, rank);
    std::array<std::byte, max_ice_description> room;
    for (const IceCandidate& candidate : all) {
        if (description.count == max_ice_candidates) break;
        description.room[description.count++] = candidate;
        if (!write_ice_description(description, room)) description.room[--description.count] = {};
    }
    return description;
}

bool IceSession::relays_silent() const {
    return policy_ == IcePolicy::relay && std::ranges::none_of(early_ways_, &EarlyWay::refused);
}

bool IceSession::relayed() const {
    NiceCandidate* ours = nullptr;
    NiceCandidate* theirs = nullptr;
    if (!nice_agent_get_selected_pair(agent_, stream_, component, &ours, &theirs)) return false;
    return ours->type == NICE_CANDIDATE_TYPE_RELAYED || theirs->type == NICE_CANDIDATE_TYPE_RELAYED;
}

IceSession::News IceSession::take_news() {
    if (news_.candidates && !connected_) permit_own_relay();
    if ((news_.candidates || early_check_ == nullptr) && !connected_ && !early_) open_early_way();
    check_back();
    return std::exchange(news_, {});
}

}  // namespace sotto::transport::net
