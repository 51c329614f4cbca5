// A Mailbox on an MQTT 5 broker: docs/protocol.md, "The MQTT carrier". By libmosquitto, without a thread but for names
// that are looked up again.
#pragma once

#include <memory>

#include "apps/sotto/broker_address.h"
#include "apps/sotto/mailbox.h"
#include "sotto/secret.h"
#include "sotto/stats.h"

namespace sotto::app {

struct MqttSettings {
    BrokerAddress broker;
    std::string authorities{};  // vouch for a TLS broker: a file of certificates (PEM); empty: the system's
    std::string name;           // ours at the broker
    SecretBuffer password;
    DeviceKey device;
};

struct MqttCounts {
    RefusalCounts refused{};              // what the broker brought that is no letter to us
    std::uint64_t overflowed = 0;         // letters that came while too many waited for receive()
    std::uint64_t expired = 0;            // letters whose time passed before the broker was reached
    std::uint64_t refused_by_broker = 0;  // letters that it would not take
    std::uint64_t connected = 0;          // times
};

// Comes back by itself when the connection is lost, after 0.25 s, then ever more, at most every 4 s; letters wait
// meanwhile. The broker's name is looked up again when all its addresses were tried. It is gone for good when the
// broker refuses us, when its certificate is refused, or when another program is connected as this device. Its
// destructor waits up to 2 s for the broker to take what is left.
class MqttMailbox : public Mailbox {
  public:
    static constexpr std::size_t max_waiting = 256;  // letters to the broker; one more is refused

    // Begins to connect and waits for nothing but the look-up of the broker's name.
    static Expected<std::unique_ptr<MqttMailbox>> open(MqttSettings settings);

    // Until the broker has let us in, so that its first refusal is told at once.
    virtual Expected<void> wait_online(std::chrono::milliseconds patience) = 0;
    // publish() waits for the broker, up to 10 s. One that it did not take in time is published as soon as it can be.

    // send() keeps a letter for a week; this, for as long as it is of use: afterwards nobody gets it.
    using Mailbox::send;
    virtual Expected<void> send(const std::string& to, const DeviceKey& device, Bytes signal,
                                std::chrono::seconds use) = 0;

    virtual const MqttCounts& counts() const = 0;
};

}  // namespace sotto::app
