// What mqtt_mailbox.h promises, over one client of the broker: what waits to be said, and what came. mqtt_link.cpp
// keeps the connection, mqtt_mailbox.cpp is what its owner asks of it.
#pragma once

#include <deque>
#include <functional>
#include <future>
#include <map>
#include <optional>
#include <set>

#include "apps/sotto/broker_trust.h"
#include "apps/sotto/mqtt_client.h"
#include "apps/sotto/mqtt_mailbox.h"
#include "transport/net/udp_socket.h"

namespace sotto::app {

class MqttLink final : public MqttMailbox, private MqttEvents {
  public:
    MqttLink(MqttSettings settings, std::vector<std::string> addresses, std::unique_ptr<BrokerTrust> trust)
        : settings_(std::move(settings)), addresses_(std::move(addresses)), trust_(std::move(trust)) {}
    ~MqttLink() override;

    Expected<void> start();
    Expected<void> wait_online(std::chrono::milliseconds patience) override;
    Expected<void> publish(Bytes bundle) override;
    Expected<void> withdraw() override;
    Expected<std::vector<Buffer>> bundles_of(const std::string& name, std::chrono::milliseconds patience) override;
    Expected<void> send(const std::string& to, const DeviceKey& device, Bytes signal) override {
        return send(to, device, signal, session_life);
    }
    Expected<void> send(const std::string& to, const DeviceKey& device, Bytes signal,
                        std::chrono::seconds use) override;
    Expected<std::optional<Letter>> receive() override;
    int descriptor() const override { return wakes_.get(); }
    const MqttCounts& counts() const override { return counts_; }

  private:
    static constexpr std::chrono::seconds session_life = std::chrono::weeks(1);  // what comes meanwhile is kept
    static constexpr std::size_t max_in_flight = 16;  // letters that the broker has not answered for
    static constexpr std::size_t max_unread = 64;     // letters that wait for receive(): with more we read no further
    static constexpr std::size_t max_overrun = 1024;  // as many, while an answer of the broker's is waited for
    using Clock = std::chrono::steady_clock;
    using Outcome = MqttClient::Outcome;
    enum class Phase : std::uint8_t { pausing, connecting, online, gone };

    struct Outgoing {
        std::string topic;
        Buffer signal;
        Clock::time_point useless;  // from then on
    };

    // Something that the broker has to be told once a connection, or again on the next.
    enum class Told : std::uint8_t { no, sent, yes, refused };

    struct Question {
        std::string name;
        std::map<DeviceKey, Buffer> found{};
        Told subscribed = Told::no;
        Told unsubscribed = Told::no;  // the answer comes behind all that the subscription brought
    };

    Expected<void> tell_bundle(Bytes bundle);
    void work();
    bool work_until(const std::function<bool()>& done, std::chrono::milliseconds patience, bool to_the_end = false);
    void connect();
    void look_up_again();
    void take_found();
    bool still(Outcome outcome);
    void lose();
    void give_up(std::string why);
    void speak();
    void ask();
    void hand_over();
    void arm();
    Clock::time_point deadline() const;
    std::string place() const { return settings_.broker.host + ":" + std::to_string(settings_.broker.port); }
    std::unexpected<std::string> no_answer() const;

    void on_connect(int reason, bool session_kept) override;
    void on_disconnected(int reason) override;
    void on_message(Bytes topic, Bytes payload) override;
    void on_subscribed(int message, int reason) override;
    void on_unsubscribed(int message) override;
    void on_published(int message, int reason) override;

    MqttSettings settings_;
    std::vector<std::string> addresses_;
    std::future<Expected<std::vector<std::string>>> look_up_;  // under way, or not taken yet
    std::unique_ptr<BrokerTrust> trust_;
    std::unique_ptr<MqttClient> client_;
    transport::net::Descriptor wakes_;  // an epoll of the socket and the timer
    transport::net::Descriptor timer_;

    Phase phase_ = Phase::pausing;
    std::string why_gone_;
    std::string refusal_;  // of the broker, not for good
    std::size_t next_address_ = 0;
    std::chrono::milliseconds pause_{};
    Clock::time_point since_{};        // of this phase
    Clock::time_point next_upkeep_{};  // while online
    bool patient_ = false;             // somebody waits in work_until()

    Told inbox_asked_ = Told::no;
    int inbox_message_ = 0;
    std::optional<Buffer> bundle_;  // to publish; empty: to take back
    Told bundle_told_ = Told::no;
    int bundle_message_ = 0;
    std::optional<Question> question_;
    int question_message_ = 0;
    std::string stale_filter_;  // of a question that was given up

    std::deque<Outgoing> outgoing_;
    std::set<int> in_flight_;  // by message
    std::deque<Letter> unread_;
    MqttCounts counts_;
};

}  // namespace sotto::app
