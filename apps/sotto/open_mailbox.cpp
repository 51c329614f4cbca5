#include "apps/sotto/open_mailbox.h"

#include "apps/sotto/directory_mailbox.h"
#include "apps/sotto/mqtt_mailbox.h"

namespace sotto::app {
namespace {

constexpr std::string_view directory_scheme = "dir:";
constexpr auto patience = std::chrono::seconds(10);

Expected<std::unique_ptr<Mailbox>> open_broker(const Profile& profile, const BrokerAddress& broker) {
    auto password = read_password(profile.broker_password_file());
    if (!password) return std::unexpected(password.error());
    auto mailbox = MqttMailbox::open({.broker = broker,
                                      .authorities = profile.settings.broker_ca,
                                      .name = profile.settings.name,
                                      .password = std::move(*password),
                                      .device = profile.account.device()});
    if (!mailbox) return std::unexpected(mailbox.error());
    const auto online = (*mailbox)->wait_online(patience);
    if (!online) return std::unexpected(online.error());
    return std::move(*mailbox);
}

}  // namespace

Expected<void> check_broker(const std::string& broker) {
    if (broker.starts_with(directory_scheme)) return {};
    const auto parsed = parse_broker(broker);
    if (!parsed) return std::unexpected(parsed.error());
    return {};
}

Expected<std::unique_ptr<Mailbox>> open_mailbox(const Profile& profile) {
    const std::string& broker = profile.settings.broker;
    if (broker.empty()) {
        const std::string& name = profile.settings.name;
        return std::unexpected(name + " was unregistered: sotto register " + name + " --broker ...");
    }
    if (!broker.starts_with(directory_scheme)) {
        const auto parsed = parse_broker(broker);
        if (!parsed) return std::unexpected(parsed.error());
        return open_broker(profile, *parsed);
    }
    return DirectoryMailbox::open(broker.substr(directory_scheme.size()), profile.settings.name,
                                  profile.account.device());
}

}  // namespace sotto::app
