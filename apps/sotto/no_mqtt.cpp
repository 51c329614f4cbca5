// In place of mqtt_mailbox.cpp where libmosquitto is not there.
#include "apps/sotto/mqtt_mailbox.h"

namespace sotto::app {

Expected<std::unique_ptr<MqttMailbox>> MqttMailbox::open(MqttSettings) {
    return std::unexpected(
        "this sotto was built without MQTT: build it with -DSOTTO_MQTT=ON, which needs libmosquitto");
}

}  // namespace sotto::app
