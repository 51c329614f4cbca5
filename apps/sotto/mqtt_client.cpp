#include "apps/sotto/mqtt_client.h"

#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <poll.h>

#include <algorithm>
#include <span>

#include "sotto/secret.h"

namespace sotto::app {
namespace {

struct FreeProperties {
    void operator()(mosquitto_property* list) const { mosquitto_property_free_all(&list); }
};
using Properties = std::unique_ptr<mosquitto_property, FreeProperties>;

void add(Properties& properties, int which, std::uint32_t number) {
    mosquitto_property* list = properties.release();
    mosquitto_property_add_int32(&list, which, number);
    properties.reset(list);
}

MqttEvents& events(void* self) { return *static_cast<MqttEvents*>(self); }

}  // namespace

bool mqtt_refuses_for_good(int reason) {
    switch (reason) {
        case MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION:
        case MQTT_RC_CLIENTID_NOT_VALID:
        case MQTT_RC_BAD_USERNAME_OR_PASSWORD:
        case MQTT_RC_NOT_AUTHORIZED:
        case MQTT_RC_BANNED:
        case MQTT_RC_BAD_AUTHENTICATION_METHOD: return true;
        default: return false;
    }
}

std::string mqtt_describe(int reason) { return mosquitto_reason_string(reason); }

MqttClient::MqttClient(const MqttLogin& login, MqttEvents& events)
    : client_(mosquitto_new(login.client_id.c_str(), false, &events)), keep_alive_(login.keep_alive) {}

MqttClient::~MqttClient() { mosquitto_destroy(client_); }

void MqttClient::listen() {
    mosquitto_connect_v5_callback_set(client_, [](mosquitto*, void* self, int reason, int flags, auto*) {
        events(self).on_connect(reason, (flags & 1) != 0);
    });
    mosquitto_disconnect_v5_callback_set(
        client_, [](mosquitto*, void* self, int reason, auto*) { events(self).on_disconnected(reason); });
    mosquitto_message_v5_callback_set(client_, [](mosquitto*, void* self, const mosquitto_message* message, auto*) {
        const std::span payload(static_cast<const std::byte*>(message->payload),
                                static_cast<std::size_t>(message->payloadlen));
        events(self).on_message(as_bytes(message->topic), payload);
    });
    mosquitto_subscribe_v5_callback_set(
        client_, [](mosquitto*, void* self, int message, int count, const int* reasons, auto*) {
            events(self).on_subscribed(message, count == 1 ? reasons[0] : MQTT_RC_UNSPECIFIED);
        });
    mosquitto_unsubscribe_v5_callback_set(
        client_, [](mosquitto*, void* self, int message, auto*) { events(self).on_unsubscribed(message); });
    mosquitto_publish_v5_callback_set(client_, [](mosquitto*, void* self, int message, int reason, auto*) {
        events(self).on_published(message, reason);
    });
}

Expected<std::unique_ptr<MqttClient>> MqttClient::make(const MqttLogin& login, MqttEvents& events) {
    static const int started = mosquitto_lib_init();
    std::unique_ptr<MqttClient> made(new MqttClient(login, events));
    mosquitto* const client = made->client_;
    if (started != MOSQ_ERR_SUCCESS || client == nullptr) return std::unexpected("libmosquitto does not start");
    made->listen();
    mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_int_option(client, MOSQ_OPT_RECEIVE_MAXIMUM, login.max_in_flight);
    mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
    if (login.trust != nullptr) {
        mosquitto_int_option(client, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
        mosquitto_void_option(client, MOSQ_OPT_SSL_CTX, login.trust->context());
    }
    std::string password(login.password.size(), '\0');  // libmosquitto takes a C string, and keeps a copy
    std::ranges::transform(login.password, password.begin(), [](std::byte b) { return std::to_integer<char>(b); });
    const int set = mosquitto_username_pw_set(client, login.user.c_str(), password.c_str());
    wipe(password.data(), password.size());
    if (set != MOSQ_ERR_SUCCESS) return std::unexpected("not a user name and password for a broker");
    // The connect that does not wait takes no properties but keeps those of an earlier one, even of one that is refused
    // before it has begun, for a keep-alive below 5 s.
    Properties properties;
    add(properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, static_cast<std::uint32_t>(login.session_life.count()));
    add(properties, MQTT_PROP_MAXIMUM_PACKET_SIZE, login.max_packet);
    mosquitto_connect_bind_v5(client, "127.0.0.1", 1, 1, nullptr, properties.get());
    return made;
}

MqttClient::Outcome MqttClient::judge(int code) {
    switch (code) {
        case MOSQ_ERR_INVAL:
        case MOSQ_ERR_PAYLOAD_SIZE:
        case MOSQ_ERR_OVERSIZE_PACKET: return Outcome::refused;
        default: break;
    }
    if (code > 0) trouble_ = mosquitto_strerror(code);
    return code > 0 || socket() < 0 ? Outcome::lost : Outcome::done;
}

MqttClient::Outcome MqttClient::connect(const std::string& address, std::uint16_t port) {
    return judge(
        mosquitto_connect_bind_async(client_, address.c_str(), port, static_cast<int>(keep_alive_.count()), nullptr));
}

void MqttClient::disconnect(bool for_good) {
    Properties properties;
    if (for_good) add(properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, 0U);
    mosquitto_disconnect_v5(client_, MQTT_RC_NORMAL_DISCONNECTION, properties.get());
}

MqttClient::Outcome MqttClient::subscribe(const std::string& filter, int qos, int& message) {
    // Letters are never retained, whatever a sender says: they would come again each time.
    const int how = qos == 0 ? 0 : MQTT_SUB_OPT_NO_LOCAL | MQTT_SUB_OPT_SEND_RETAIN_NEVER;
    return judge(mosquitto_subscribe_v5(client_, &message, filter.c_str(), qos, how, nullptr));
}

MqttClient::Outcome MqttClient::unsubscribe(const std::string& filter, int& message) {
    return judge(mosquitto_unsubscribe_v5(client_, &message, filter.c_str(), nullptr));
}

MqttClient::Outcome MqttClient::publish_retained(const std::string& topic, Bytes payload, int& message) {
    return judge(mosquitto_publish_v5(client_, &message, topic.c_str(), static_cast<int>(payload.size()),
                                      payload.data(), 1, true, nullptr));
}

MqttClient::Outcome MqttClient::publish(const std::string& topic, Bytes payload, std::chrono::seconds life,
                                        int& message) {
    Properties properties;
    add(properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, static_cast<std::uint32_t>(life.count()));
    return judge(mosquitto_publish_v5(client_, &message, topic.c_str(), static_cast<int>(payload.size()),
                                      payload.data(), 1, false, properties.get()));
}

int MqttClient::socket() const { return mosquitto_socket(client_); }

bool MqttClient::shakes_hands() const {
    const auto* const tls = static_cast<const SSL*>(mosquitto_ssl_get(client_));
    return tls != nullptr && SSL_is_init_finished(tls) == 0;
}

// While TLS waits for the broker's next word libmosquitto has something to write all the time: that is not wanted yet.
short MqttClient::wanted() const {
    const bool writes = shakes_hands() ? SSL_want(static_cast<const SSL*>(mosquitto_ssl_get(client_))) != SSL_READING
                                       : mosquitto_want_write(client_);
    return static_cast<short>(writes ? POLLIN | POLLOUT : POLLIN);
}

MqttClient::Outcome MqttClient::turn(short ready) {
    if ((ready & POLLOUT) != 0 || shakes_hands()) {
        const Outcome written = judge(mosquitto_loop_write(client_, 1));
        if (written != Outcome::done) return written;
        // A connection that is refused or reset before TLS is there libmosquitto goes on to write to, for ever.
        if (shakes_hands() && (ready & (POLLERR | POLLHUP)) != 0) return judge(MOSQ_ERR_CONN_LOST);
    }
    // What is to be read takes TLS on; so does this where TCP took its time and the first word is still to be said.
    const bool reads = (ready & ~POLLOUT) != 0 || shakes_hands();
    return reads ? judge(mosquitto_loop_read(client_, 1)) : Outcome::done;
}

MqttClient::Outcome MqttClient::upkeep() { return judge(mosquitto_loop_misc(client_)); }

}  // namespace sotto::app
