// A mailbox for tests: a directory that all use, letters as files. Nobody vouches for who sent one.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "apps/sotto/mailbox.h"
#include "transport/net/udp_socket.h"

namespace sotto::app {

// PATH/bundle/NAME/DEVICE, and PATH/inbox/NAME/DEVICE/TIME~SENDER~DEVICE, which are renamed into place.
class DirectoryMailbox final : public Mailbox {
  public:
    static Expected<std::unique_ptr<Mailbox>> open(const std::string& path, const std::string& name,
                                                   const DeviceKey& device);

    Expected<void> publish(Bytes bundle) override;
    Expected<void> withdraw() override;
    Expected<std::vector<Buffer>> bundles_of(const std::string& name, std::chrono::milliseconds patience) override;
    Expected<void> send(const std::string& to, const DeviceKey& device, Bytes signal) override;
    Expected<std::optional<Letter>> receive() override;
    int descriptor() const override { return watch_.get(); }

  private:
    DirectoryMailbox(const std::string& path, const std::string& name, const DeviceKey& device)
        : path_(path), name_(name), device_(device) {}
    Expected<void> write(const std::string& folder, const std::string& file, Bytes bytes);
    void look();

    std::string path_, name_;
    DeviceKey device_;
    std::string inbox_;
    transport::net::Descriptor watch_;  // inotify on inbox_
    std::deque<std::string> waiting_;   // names of files in inbox_, the oldest first
    std::uint64_t sent_ = 0;
};

}  // namespace sotto::app
