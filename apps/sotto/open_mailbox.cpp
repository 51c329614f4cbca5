#include "apps/sotto/open_mailbox.h"

#include "apps/sotto/directory_mailbox.h"

namespace sotto::app {
namespace {

constexpr std::string_view directory_scheme = "dir:";

}  // namespace

Expected<void> check_broker(const std::string& broker) {
    if (broker.starts_with(directory_scheme)) return {};
    if (broker.starts_with("mqtts://") || broker.starts_with("mqtt://")) {
        return std::unexpected("this sotto was built without MQTT");
    }
    return std::unexpected("--broker is mqtts://HOST[:PORT], not " + broker);
}

Expected<std::unique_ptr<Mailbox>> open_mailbox(const Profile& profile) {
    const std::string& broker = profile.settings.broker;
    const auto known = check_broker(broker);
    if (!known) return std::unexpected(known.error());
    return DirectoryMailbox::open(broker.substr(directory_scheme.size()), profile.settings.name,
                                  profile.account.device());
}

}  // namespace sotto::app
