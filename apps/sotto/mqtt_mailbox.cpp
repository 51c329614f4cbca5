#include "apps/sotto/mqtt_mailbox.h"

#include <poll.h>

#include <array>

#include "apps/sotto/interrupt.h"
#include "apps/sotto/mqtt_link.h"
#include "apps/sotto/mqtt_topics.h"

namespace sotto::app {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds, std::chrono::seconds;

constexpr milliseconds publish_patience = 10s;

}  // namespace

// Whether `done` came true in time. Ctrl-C ends the wait, unless it goes `to_the_end`.
bool MqttLink::work_until(const std::function<bool()>& done, milliseconds patience, bool to_the_end) {
    const auto end = Clock::now() + patience;
    patient_ = true;
    for (;;) {
        work();
        const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
        const bool stops = interrupted() && !to_the_end;
        if (done() || phase_ == Phase::gone || left <= 0ms || stops) break;
        std::array<pollfd, 2> wakes{{{.fd = wakes_.get(), .events = POLLIN, .revents = 0},
                                     {.fd = to_the_end ? -1 : interrupt_descriptor(), .events = POLLIN, .revents = 0}}};
        ::poll(wakes.data(), wakes.size(), static_cast<int>(left.count()));
    }
    patient_ = false;
    arm();
    return done();
}

Expected<void> MqttLink::wait_online(milliseconds patience) {
    if (!work_until([this] { return inbox_asked_ == Told::yes; }, patience)) return no_answer();
    return {};
}

Expected<void> MqttLink::publish(Bytes bundle) {
    if (bundle.empty() || bundle.size() > max_bundle) return std::unexpected("that is no prekey bundle");
    return tell_bundle(bundle);
}

// MQTT 5 §3.3.1.3: an empty message takes a retained one back.
Expected<void> MqttLink::withdraw() { return tell_bundle({}); }

Expected<void> MqttLink::tell_bundle(Bytes bundle) {
    bundle_ = to_buffer(bundle);
    bundle_told_ = Told::no;
    const auto answered = [this] { return bundle_told_ == Told::yes || bundle_told_ == Told::refused; };
    if (!work_until(answered, publish_patience)) return no_answer();
    if (bundle_told_ == Told::yes) return {};
    return std::unexpected("the broker does not let " + settings_.name + " publish a prekey bundle");
}

Expected<std::vector<Buffer>> MqttLink::bundles_of(const std::string& name, milliseconds patience) {
    if (!valid_name(name)) return std::unexpected("not a name: " + name);
    question_ = Question{.name = name};
    const auto answered = [this] {
        return question_->subscribed == Told::refused || question_->unsubscribed == Told::yes;
    };
    const bool in_time = work_until(answered, patience);
    const Question question = *std::exchange(question_, std::nullopt);
    if (!in_time && question.subscribed != Told::no) stale_filter_ = bundle_filter(name);
    if (!in_time) return no_answer();
    if (question.subscribed == Told::refused) {
        return std::unexpected("the broker does not let " + settings_.name + " see prekey bundles");
    }
    std::vector<Buffer> bundles;
    for (const auto& [device, bundle] : question.found) bundles.push_back(bundle);
    return bundles;
}

Expected<void> MqttLink::send(const std::string& to, const DeviceKey& device, Bytes signal, seconds use) {
    if (!valid_name(to)) return std::unexpected("not a name: " + to);
    if (signal.empty() || signal.size() > max_letter) return std::unexpected("that is no signal");
    if (phase_ == Phase::gone) return std::unexpected(why_gone_);
    if (outgoing_.size() + in_flight_.size() >= max_waiting) {
        return std::unexpected(std::to_string(max_waiting) + " letters wait for the broker at " + place() + " already");
    }
    outgoing_.push_back({.topic = letter_topic(to, device, settings_.name, settings_.device),
                         .signal = to_buffer(signal),
                         .useless = Clock::now() + use});
    work();
    return {};
}

Expected<std::optional<Letter>> MqttLink::receive() {
    work();
    if (unread_.empty()) {
        if (phase_ == Phase::gone) return std::unexpected(why_gone_);
        return std::nullopt;
    }
    Letter letter = std::move(unread_.front());
    unread_.pop_front();
    arm();
    return letter;
}

Expected<std::unique_ptr<MqttMailbox>> MqttMailbox::open(MqttSettings settings) {
    if (!valid_name(settings.name)) return std::unexpected("not a name: " + settings.name);
    auto addresses = resolve(settings.broker);
    if (!addresses) return std::unexpected(addresses.error());
    std::unique_ptr<BrokerTrust> trust;
    if (settings.broker.tls) {
        auto made = BrokerTrust::make(settings.broker.host, settings.authorities);
        if (!made) return std::unexpected(made.error());
        trust = std::move(*made);
    }
    auto link = std::make_unique<MqttLink>(std::move(settings), std::move(*addresses), std::move(trust));
    const auto started = link->start();
    if (!started) return std::unexpected(started.error());
    return link;
}

}  // namespace sotto::app
