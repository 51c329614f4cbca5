#include "apps/sotto/mqtt_link.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <system_error>
#include <thread>

#include "apps/sotto/interrupt.h"
#include "apps/sotto/mqtt_topics.h"
#include "crypto/labels.h"
#include "crypto/primitives.h"

namespace sotto::app {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds, std::chrono::seconds;
using transport::net::Descriptor;

constexpr milliseconds first_pause = 250ms, longest_pause = 4s, connect_patience = 10s, farewell = 2s;
constexpr milliseconds back_within = 5s;  // of the broker's return, whenever it comes
static_assert(longest_pause < back_within);
constexpr seconds keep_alive = 20s, upkeep = 5s;
constexpr std::size_t max_devices = 32;      // of one person, docs/protocol.md, section 2
constexpr std::uint32_t max_packet = 65536;  // that the broker may send us

// Nobody else must know it: whoever connects by it takes our place at the broker.
std::string client_id(const MqttSettings& settings) {
    const auto hash = crypto::sha512({as_bytes(crypto::labels::mqtt_client), settings.device.key,  //
                                      settings.password.reveal()});
    return to_hex(Bytes(hash).first(16));
}

}  // namespace

Expected<void> MqttLink::start() {
    wakes_ = Descriptor(epoll_create1(EPOLL_CLOEXEC));
    timer_ = Descriptor(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    epoll_event readable{.events = EPOLLIN, .data = {}};
    if (::epoll_ctl(wakes_.get(), EPOLL_CTL_ADD, timer_.get(), &readable) != 0) {
        return std::unexpected("no descriptors are left");
    }
    auto client = MqttClient::make({.client_id = client_id(settings_),
                                    .user = settings_.name,
                                    .password = settings_.password.reveal(),
                                    .trust = trust_.get(),
                                    .session_life = session_life,
                                    .keep_alive = keep_alive,
                                    .max_in_flight = max_in_flight,
                                    .max_packet = max_packet},
                                   *this);
    if (!client) return std::unexpected(client.error());
    client_ = std::move(*client);
    work();
    return {};
}

MqttLink::~MqttLink() {
    if (phase_ != Phase::online) return;
    work_until([this] { return outgoing_.empty() && in_flight_.empty(); }, farewell, true);
    const bool withdrawn = bundle_ && bundle_->empty();
    if (phase_ == Phase::online) client_->disconnect(withdrawn);
}

void MqttLink::connect() {
    phase_ = Phase::connecting;
    since_ = Clock::now();
    inbox_asked_ = Told::no;
    take_found();
    const std::string& address = addresses_[next_address_];
    next_address_ = (next_address_ + 1) % addresses_.size();
    static_cast<void>(still(client_->connect(address, settings_.broker.port)));
}

// All addresses were tried: the broker may have moved, or we to another network. The system may take seconds, so it is
// asked on a thread, which may outlive us.
void MqttLink::look_up_again() {
    if (look_up_.valid()) return;
    std::packaged_task<Expected<std::vector<std::string>>()> task(
        [broker = settings_.broker] { return resolve(broker); });
    look_up_ = task.get_future();
    try {
        std::thread(std::move(task)).detach();
    } catch (const std::system_error&) {
        look_up_ = {};  // no thread is left: after the next loss
    }
}

// Those that we had stay where none were found.
void MqttLink::take_found() {
    if (!look_up_.valid() || look_up_.wait_for(0s) != std::future_status::ready) return;
    auto found = look_up_.get();
    if (!found) return;
    addresses_ = std::move(*found);
    next_address_ = 0;
}

// Whether the connection is; one that libmosquitto calls lost is.
bool MqttLink::still(Outcome outcome) {
    if (outcome == Outcome::lost && (phase_ == Phase::connecting || phase_ == Phase::online)) lose();
    return phase_ == Phase::connecting || phase_ == Phase::online;
}

void MqttLink::lose() {
    if (trust_ && !trust_->refusal().empty()) {
        return give_up("the broker's certificate is refused: " + trust_->refusal());
    }
    const auto now = Clock::now();
    const bool lasted = phase_ == Phase::online && now - since_ >= longest_pause;
    pause_ = lasted || pause_ == 0ms ? first_pause : std::min(2 * pause_, longest_pause);
    phase_ = Phase::pausing;
    since_ = now;
    if (next_address_ == 0) look_up_again();
    if (bundle_told_ == Told::sent) bundle_told_ = Told::no;
    if (question_) question_->subscribed = question_->unsubscribed = Told::no;
}

void MqttLink::give_up(std::string why) {
    if (phase_ == Phase::gone) return;
    phase_ = Phase::gone;
    why_gone_ = std::move(why);
}

std::unexpected<std::string> MqttLink::no_answer() const {
    if (phase_ == Phase::gone) return std::unexpected(why_gone_);
    if (interrupted()) return std::unexpected(std::string("interrupted"));
    const std::string& trouble = refusal_.empty() ? client_->trouble() : refusal_;
    const bool tells = phase_ != Phase::online && !trouble.empty();
    return std::unexpected("the broker at " + place() + " does not answer" + (tells ? ": " + trouble : ""));
}

void MqttLink::on_connect(int reason, bool session_kept) {
    refusal_ = reason == mqtt_success ? "" : mqtt_describe(reason);
    if (mqtt_refuses_for_good(reason)) give_up("the broker refuses " + settings_.name + ": " + refusal_);
    if (reason != mqtt_success) return;
    phase_ = Phase::online;
    since_ = Clock::now();
    next_upkeep_ = since_ + upkeep;
    ++counts_.connected;
    look_up_ = {};  // what it finds may be old by the next loss
    if (!session_kept && bundle_told_ == Told::yes) bundle_told_ = Told::no;  // it may have lost more than that
}

void MqttLink::on_disconnected(int reason) {
    if (reason == mqtt_session_taken_over) give_up("another program is connected to the broker as this device");
}

void MqttLink::on_subscribed(int message, int reason) {
    const Told told = mqtt_refuses(reason) ? Told::refused : Told::yes;
    if (message == inbox_message_) {
        inbox_asked_ = told;
        if (told == Told::refused) give_up("the broker gives " + settings_.name + " no letters");
    } else if (question_ && message == question_message_) {
        question_->subscribed = told;
    }
}

void MqttLink::on_unsubscribed(int message) {
    if (question_ && message == question_message_) question_->unsubscribed = Told::yes;
}

void MqttLink::on_published(int message, int reason) {
    if (message == bundle_message_ && bundle_told_ == Told::sent) {
        bundle_told_ = mqtt_refuses(reason) ? Told::refused : Told::yes;
        return;
    }
    // "No matching subscribers" is as good an answer as any: whether a letter arrives nobody is told.
    if (in_flight_.erase(message) > 0 && mqtt_refuses(reason)) ++counts_.refused_by_broker;
}

void MqttLink::on_message(Bytes topic, Bytes payload) {
    if (question_) {
        auto published = parse_bundle(topic, payload, question_->name);
        const bool has_room = question_->found.size() < max_devices;
        if (published && has_room) question_->found[published->device] = std::move(published->bundle);
        if (published) return;
    }
    auto letter = parse_letter(topic, payload, settings_.name, settings_.device);
    if (!letter) {
        ++counts_.refused[letter.error()];
    } else if (unread_.size() >= max_overrun) {
        ++counts_.overflowed;
    } else {
        unread_.push_back(std::move(*letter));
    }
}

// What the broker has to be told on each connection, or until it has answered.
void MqttLink::speak() {
    if (inbox_asked_ == Told::no) {
        inbox_asked_ = Told::sent;
        const std::string filter = inbox_filter(settings_.name, settings_.device);
        if (!still(client_->subscribe(filter, 1, inbox_message_))) return;
    }
    if (bundle_ && bundle_told_ == Told::no) {
        bundle_told_ = Told::sent;
        const std::string topic = bundle_topic(settings_.name, settings_.device);
        const Outcome outcome = client_->publish_retained(topic, *bundle_, bundle_message_);
        if (outcome == Outcome::refused) bundle_told_ = Told::refused;
        if (!still(outcome)) return;
    }
    ask();
}

void MqttLink::ask() {
    int unanswered = 0;
    if (!stale_filter_.empty() && !still(client_->unsubscribe(std::exchange(stale_filter_, ""), unanswered))) return;
    if (!question_) return;
    const std::string filter = bundle_filter(question_->name);
    if (question_->subscribed == Told::no) {
        question_->subscribed = Told::sent;
        static_cast<void>(still(client_->subscribe(filter, 0, question_message_)));
    } else if (question_->subscribed == Told::yes && question_->unsubscribed == Told::no) {
        question_->unsubscribed = Told::sent;
        static_cast<void>(still(client_->unsubscribe(filter, question_message_)));
    }
}

// Letters, a few at a time: those that the broker has not answered for libmosquitto sends again after a loss.
void MqttLink::hand_over() {
    while (phase_ == Phase::online && in_flight_.size() < max_in_flight && !outgoing_.empty()) {
        const Outgoing letter = std::move(outgoing_.front());
        outgoing_.pop_front();
        const auto left = std::chrono::ceil<seconds>(letter.useless - Clock::now());
        if (left <= 0s) {
            ++counts_.expired;
            continue;
        }
        int message = 0;
        const Outcome outcome = client_->publish(letter.topic, letter.signal, left, message);
        if (outcome == Outcome::refused) {
            ++counts_.refused_by_broker;
        } else {
            in_flight_.insert(message);
        }
        static_cast<void>(still(outcome));
    }
}

// All that can be done at once. Never waits.
void MqttLink::work() {
    const std::size_t enough = patient_ ? max_overrun : max_unread;
    for (int turns = 0; turns < 256 && unread_.size() < enough; ++turns) {
        const auto now = Clock::now();
        if (phase_ == Phase::pausing && now - since_ >= pause_) connect();
        if (phase_ == Phase::connecting && now - since_ >= connect_patience) lose();
        if (phase_ == Phase::online && now >= next_upkeep_) {
            next_upkeep_ = now + upkeep;
            static_cast<void>(still(client_->upkeep()));
        }
        if (phase_ == Phase::online) speak();
        if (phase_ == Phase::online) hand_over();
        if (phase_ == Phase::gone && client_->socket() >= 0) client_->disconnect(false);
        if (phase_ == Phase::gone || phase_ == Phase::pausing) break;
        pollfd socket{.fd = client_->socket(), .events = client_->wanted(), .revents = 0};
        if (::poll(&socket, 1, 0) <= 0) break;
        static_cast<void>(still(client_->turn(socket.revents)));
    }
    arm();
}

MqttLink::Clock::time_point MqttLink::deadline() const {
    const bool has_news = phase_ == Phase::gone || (!unread_.empty() && !patient_);
    if (has_news) return {};
    if (phase_ == Phase::pausing) return since_ + pause_;
    return phase_ == Phase::connecting ? since_ + connect_patience : next_upkeep_;
}

void MqttLink::arm() {
    const auto left = std::max<Clock::duration>(deadline() - Clock::now(), std::chrono::nanoseconds(1));
    const auto whole = std::chrono::floor<seconds>(left);
    itimerspec at{};
    at.it_value = {.tv_sec = whole.count(), .tv_nsec = std::chrono::nanoseconds(left - whole).count()};
    ::timerfd_settime(timer_.get(), 0, &at, nullptr);
    const int socket = client_->socket();
    if (socket < 0) return;  // the kernel has taken a closed one out
    if (phase_ == Phase::pausing || phase_ == Phase::gone) {
        ::epoll_ctl(wakes_.get(), EPOLL_CTL_DEL, socket, nullptr);
        return;
    }
    const bool full = unread_.size() >= (patient_ ? max_overrun : max_unread);
    epoll_event event{.events = full ? 0U : static_cast<std::uint32_t>(client_->wanted()), .data = {}};
    if (::epoll_ctl(wakes_.get(), EPOLL_CTL_MOD, socket, &event) != 0) {
        ::epoll_ctl(wakes_.get(), EPOLL_CTL_ADD, socket, &event);
    }
}

}  // namespace sotto::app
