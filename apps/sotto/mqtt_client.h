// libmosquitto, and the only file that knows it: one connection after another to an MQTT 5 broker. Never waits, has no
// thread, decides nothing.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "apps/sotto/broker_trust.h"
#include "apps/sotto/expected.h"
#include "sotto/bytes.h"

struct mosquitto;

namespace sotto::app {

// The broker's answers, MQTT 5 §2.4.
inline constexpr int mqtt_success = 0x00;
inline constexpr int mqtt_session_taken_over = 0x8e;
inline bool mqtt_refuses(int reason) { return reason >= 0x80; }
bool mqtt_refuses_for_good(int reason);  // to let us in
std::string mqtt_describe(int reason);

// What the broker says. None of these may call the client.
class MqttEvents {
  public:
    virtual ~MqttEvents() = default;
    virtual void on_connect(int reason, bool session_kept) = 0;
    virtual void on_disconnected(int reason) = 0;
    virtual void on_message(Bytes topic, Bytes payload) = 0;
    virtual void on_subscribed(int message, int reason) = 0;
    virtual void on_unsubscribed(int message) = 0;
    virtual void on_published(int message, int reason) = 0;
};

struct MqttLogin {
    std::string client_id;
    std::string user;
    Bytes password;
    const BrokerTrust* trust = nullptr;  // null: no TLS
    std::chrono::seconds session_life;   // that the broker keeps for us while we are away
    std::chrono::seconds keep_alive;
    int max_in_flight;             // messages of QoS 1 that are not answered for, in both directions
    std::uint32_t max_packet = 0;  // bytes that the broker may send
};

class MqttClient {
  public:
    static Expected<std::unique_ptr<MqttClient>> make(const MqttLogin& login, MqttEvents& events);

    enum class Outcome : std::uint8_t { done, refused, lost };  // refused: too large for the broker

    // A new connection to a numeric address. What was published before and not answered for goes out again.
    Outcome connect(const std::string& address, std::uint16_t port);
    // For good: the broker keeps nothing of the session, no letter either.
    void disconnect(bool for_good);

    // `message` is what the answer will name. QoS 1 brings letters alone; QoS 0 what is retained, too.
    Outcome subscribe(const std::string& filter, int qos, int& message);
    Outcome unsubscribe(const std::string& filter, int& message);
    Outcome publish_retained(const std::string& topic, Bytes payload, int& message);
    Outcome publish(const std::string& topic, Bytes payload, std::chrono::seconds life, int& message);

    // For poll(): none is -1.
    int socket() const;
    short wanted() const;
    Outcome turn(short ready);
    Outcome upkeep();  // every few seconds
    // What went wrong last.
    const std::string& trouble() const { return trouble_; }

    ~MqttClient();
    MqttClient(const MqttClient&) = delete;
    MqttClient& operator=(const MqttClient&) = delete;

  private:
    MqttClient(const MqttLogin& login, MqttEvents& events);
    void listen();
    bool shakes_hands() const;
    Outcome judge(int code);

    mosquitto* client_;
    std::chrono::seconds keep_alive_;
    std::string trouble_;
};

}  // namespace sotto::app
