// A state's letters: signals out to people by their names, and what arrives in to the account. A letter is a signal
// behind the time at which it was sent (docs/protocol.md, "Letters").
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/sotto/mailbox.h"
#include "apps/sotto/profile.h"
#include "apps/sotto/signal_path.h"

namespace sotto::app {

// For programs the event, for people the words.
using Tell = std::function<void(const nlohmann::json& event, const std::string& words)>;

// A device of somebody's, as the carrier has it.
struct Reachable {
    DeviceKey device;
    Buffer bundle;
};
struct Person {
    PublicIdentity identity;
    std::vector<Reachable> devices;  // at least one
    std::vector<Buffer> lists;       // of those devices: what the carrier has, nobody checked it
};

class Post final : public SignalPath {
  public:
    // Opens the mailbox and publishes the account's bundle, with new prekeys where it is time, unless this device was
    // given up: exit_of() tells that. The profile outlives it.
    static Expected<Post> open(Profile& profile, Tell tell);
    // The same again for a program that runs on: nothing before prekeys are a day old, by the wall clock. What fails is
    // tried again an hour later.
    Expected<void> renew();
    std::chrono::seconds until_renewal() const;

    // Who has that name at the carrier now; whether that is who it was before, contacts() tell. Nothing if nobody has.
    // Of several, the contact that was verified, else another than the contact: somebody to decide on.
    Expected<std::optional<Person>> find(const std::string& name);
    // Lets a contact ring, as far as the policy does: a capability to each of their devices.
    Expected<void> give(const std::string& name, const Person& person);
    // Where signals for somebody go who is no contact.
    void reach(const PublicIdentity& person, const std::string& name) { reached_[person] = name; }

    Expected<void> send(const Signal& signal) override;
    // The signal of the next letter; an empty one where that is no letter of ours. By the mailbox, who sent it and how
    // long ago, tell from() and age().
    Expected<std::optional<Buffer>> receive() override;
    int descriptor() const override { return mailbox_->descriptor(); }
    const std::string& from() const { return from_; }
    Duration age() const override { return age_; }

    // After the account took signals: tells what became of it, and answers capabilities with ours.
    Expected<void> settle();
    // All letters that are there; gives the calls that ring, and tells of those that came too late.
    Expected<std::vector<Call>> take_in();
    void miss(const Call& call);

    // By a contact's name, else by that which the carrier gave, else by the identity.
    std::string name_for(const PublicIdentity& person) const;
    // That call was silenced because of this signal of from().
    void note_silenced();

  private:
    Post(Profile& profile, std::unique_ptr<Mailbox> mailbox, Tell tell)
        : profile_(&profile), mailbox_(std::move(mailbox)), tell_(std::move(tell)) {}
    Expected<std::vector<Person>> people_called(const std::string& name);
    Expected<void> leave_out_revoked(Person& person);
    Expected<void> look_for_ourselves();
    Expected<void> publish();
    Expected<void> appear();
    Expected<void> post(const std::string& name, const DeviceKey& device, Bytes signal);
    std::optional<std::string> address_of(const Signal& signal) const;
    Expected<void> take_capability(const CapabilityReceived& news);

    Profile* profile_;
    std::unique_ptr<Mailbox> mailbox_;
    Tell tell_;
    std::chrono::seconds renewal_{};  // since 1970
    std::map<PublicIdentity, std::string> reached_;
    std::deque<std::pair<DeviceKey, std::string>> senders_;  // of the letters that came last
    std::map<PublicIdentity, std::string> silenced_;         // by what name the carrier brought them
    std::optional<SilencedCall> last_silenced_;
    std::string from_;
    std::chrono::milliseconds age_{};  // a year at most
};

// What a command that could not open the post ends with.
int exit_of(const Profile& profile);

}  // namespace sotto::app
