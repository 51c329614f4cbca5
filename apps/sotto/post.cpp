#include "apps/sotto/post.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/sotto/feed.h"
#include "apps/sotto/mqtt_topics.h"
#include "apps/sotto/open_mailbox.h"
#include "apps/sotto/outcome.h"
#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "crypto/device.h"

namespace sotto::app {
namespace {

using namespace std::chrono_literals;

constexpr auto directory_patience = 5s;
constexpr std::size_t max_senders = 256;
constexpr std::size_t max_silenced_names = 256;
constexpr std::chrono::seconds prekeys_last = std::chrono::days(1);  // bundles have no one-time prekeys
constexpr std::chrono::seconds renewal_pause = 1h;                   // where that failed

std::string line_of(const std::string& what, Error error) { return what + ": " + std::string(describe(error)); }

std::chrono::milliseconds wall_clock() {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace

Expected<Post> Post::open(Profile& profile, Tell tell) {
    auto mailbox = open_mailbox(profile);
    if (!mailbox) return std::unexpected(mailbox.error());
    Post post(profile, std::move(*mailbox), std::move(tell));
    const auto appeared = post.appear();
    if (!appeared) return std::unexpected(appeared.error());
    return post;
}

std::chrono::seconds Post::until_renewal() const {
    return std::max(renewal_ - std::chrono::floor<std::chrono::seconds>(wall_clock()), 0s);
}

Expected<void> Post::renew() { return until_renewal() > 0s ? Expected<void>{} : appear(); }

// Before everybody, unless we were given up.
Expected<void> Post::appear() {
    renewal_ = std::chrono::floor<std::chrono::seconds>(wall_clock()) + renewal_pause;
    const auto ours = look_for_ourselves();
    const auto published = ours ? publish() : ours;
    if (published) renewal_ = std::chrono::seconds(profile_->settings.prekeys_drawn) + prekeys_last;
    return published;
}

// A list that our identity has signed may have given this device up. A broker can't make one; it can keep one back, and
// show one that is older than this device if this device has seen none since.
Expected<void> Post::look_for_ourselves() {
    Account& account = profile_->account;
    if (account.seed()) return {};  // whoever has that writes the lists
    const std::string& name = profile_->settings.name;
    std::uint32_t number = 0;
    if (const auto published = mailbox_->bundles_of(name, directory_patience)) {
        for (const Buffer& one : *published) {
            const Bytes bytes = parts_of(one).list;
            const auto list = crypto::parse_device_list(bytes);
            if (!list || list->identity != account.identity() || !crypto::check(*list)) continue;
            static_cast<void>(account.learn_devices(bytes));  // an older one changes nothing
            number = std::max(number, list->sequence);
        }
    }  // whoever can't ask is told of it by what comes next
    const auto settled = settle();
    if (!settled || !account.revoked(account.identity(), account.device())) return settled;
    const std::string which = number == 0 ? "The newest list" : "List " + std::to_string(number);
    tell_({{"event", "given_up"}, {"list", number}},
          which + " of " + name +
              "'s devices does not name this one: it was given up, by sotto device remove or because " +
              "the list is older than this device. It neither rings nor calls; nothing that it keeps is lost. To be " +
              name + "'s again: sotto device add " + to_hex(account.device().key) + " on " + name +
              "'s first device, or sotto register " + name +
              " --join with another --state. To be somebody else: " + "sotto register with another --state.");
    return std::unexpected("this device is " + name + "'s no more");
}

int exit_of(const Profile& profile) {
    const Account& account = profile.account;
    const bool given_up = !account.seed() && account.revoked(account.identity(), account.device());
    return given_up ? exit_given_up : exit_unusable;
}

Expected<void> Post::publish() {
    Account& account = profile_->account;
    if (account.rolled_back()) {
        tell_(
            {{"event", "rolled_back"}},
            "An older copy of this state was put back. Sessions begin anew, and nobody may ring until you give them a "
            "capability again: sotto contacts add NAME");
    }
    const auto wall = std::chrono::floor<std::chrono::seconds>(wall_clock());
    const std::chrono::seconds drawn(profile_->settings.prekeys_drawn);
    if (drawn == 0s) {
        profile_->settings.prekeys_drawn = wall.count();  // the account's first are new
    } else if (wall - drawn >= prekeys_last) {
        const auto renewed = account.renew_prekeys();
        if (!renewed) return std::unexpected(line_of("no new prekeys", renewed.error()));
        profile_->settings.prekeys_drawn = wall.count();
    }
    if (drawn.count() != profile_->settings.prekeys_drawn) {
        const auto saved = save_settings(*profile_);
        if (!saved) return saved;
    }
    Buffer published = account.lasting_bundle();
    if (profile_->settings.lists_devices) {
        const auto list = account.publish_devices();
        if (!list) return std::unexpected(line_of("no list of our devices", list.error()));
        published.insert(published.end(), list->begin(), list->end());
    }
    return mailbox_->publish(published);
}

// Every identity that the mailbox has under that name, with its devices.
Expected<std::vector<Person>> Post::people_called(const std::string& name) {
    const auto bundles = mailbox_->bundles_of(name, directory_patience);
    if (!bundles) return std::unexpected(bundles.error());
    std::vector<Person> people;
    for (const Buffer& published : *bundles) {
        const auto [bundle, list] = parts_of(published);
        const auto owner = bundle_owner(bundle);
        const auto device = bundle_device(bundle);
        if (!owner || !device) continue;  // whoever keeps bundles may spoil one, and could as well leave it out
        auto person = std::ranges::find(people, *owner, &Person::identity);
        if (person == people.end())
            person = people.insert(people.end(), Person{.identity = *owner, .devices = {}, .lists = {}});
        person->devices.push_back({*device, to_buffer(bundle)});
        if (!list.empty()) person->lists.push_back(to_buffer(list));
    }
    if (people.empty() && !bundles->empty()) {
        return std::unexpected("what the broker has of " + name + " does not verify");
    }
    return people;
}

Expected<std::optional<Person>> Post::find(const std::string& name) {
    auto people = people_called(name);
    if (!people) return std::unexpected(people.error());
    if (people->empty()) return std::nullopt;
    std::size_t chosen = 0;
    if (people->size() > 1) {
        Contacts& contacts = profile_->account.contacts();
        const auto contact = contacts.find(name);
        if (!contact) {
            return std::unexpected("the broker has several people of the name " + name +
                                   ": registered anew without their old account, or somebody stands between");
        }
        const auto known = std::ranges::find(*people, contact->identity, &Person::identity);
        const auto other =
            std::ranges::find_if(*people, [&](const Person& person) { return person.identity != contact->identity; });
        const bool verified = contact->trust == Trust::verified && known != people->end();
        chosen = static_cast<std::size_t>((verified ? known : other) - people->begin());
        // The user decides by the safety number; until then who was verified is called, and nobody else.
        static_cast<void>(contacts.meet(name, other->identity));
        if (verified) {
            tell_({{"event", "namesake"}, {"name", name}, {"peer", to_hex(other->identity.key)}},
                  "The broker has somebody else as " + name + ", too. If they registered anew: sotto contacts verify " +
                      name);
        }
    }
    Person& person = (*people)[chosen];
    reach(person.identity, name);
    const auto left_out = leave_out_revoked(person);
    if (!left_out) return std::unexpected(left_out.error());
    if (person.devices.empty()) return std::nullopt;
    return std::move(person);
}

// Lists of others than this person are none of ours; one that is older or spoiled changes nothing.
Expected<void> Post::leave_out_revoked(Person& person) {
    Account& account = profile_->account;
    for (const Buffer& list : person.lists) {
        const auto parsed = crypto::parse_device_list(list);
        if (!parsed || parsed->identity != person.identity) continue;
        static_cast<void>(account.learn_devices(list));
    }
    std::erase_if(person.devices, [&](const Reachable& one) { return account.revoked(person.identity, one.device); });
    return settle();
}

Expected<void> Post::give(const std::string& name, const Person& person) {
    for (const auto& [device, bundle] : person.devices) {
        const auto signal = profile_->account.grant(person.identity, bundle);
        if (!signal) return std::unexpected(line_of("no capability for " + name, signal.error()));
        const auto sent = post(name, device, *signal);
        if (!sent) return sent;
    }
    return {};
}

Expected<void> Post::post(const std::string& name, const DeviceKey& device, Bytes signal) {
    Buffer letter(8 + signal.size());
    ByteWriter(letter).u64(static_cast<std::uint64_t>(wall_clock().count())).bytes(signal);
    return mailbox_->send(name, device, letter);
}

std::optional<std::string> Post::address_of(const Signal& signal) const {
    if (const auto reached = reached_.find(signal.to); reached != reached_.end()) return reached->second;
    if (auto contact = profile_->account.contacts().name_of(signal.to)) return contact;
    const auto sender = std::ranges::find(senders_, signal.device, &std::pair<DeviceKey, std::string>::first);
    if (sender == senders_.end()) return std::nullopt;
    return sender->second;
}

Expected<void> Post::send(const Signal& signal) {
    const auto name = address_of(signal);
    // Of somebody of whom nothing came: there is nobody to tell.
    return name ? post(*name, signal.device, signal.bytes) : Expected<void>{};
}

Expected<std::optional<Buffer>> Post::receive() {
    note_silenced();
    auto letter = mailbox_->receive();
    if (!letter) return std::unexpected(letter.error());
    if (!*letter) return std::nullopt;
    ByteReader in((*letter)->signal);
    const auto sent = in.u64();
    if (!sent || !valid_name((*letter)->from)) return Buffer{};  // the account refuses that, and counts it
    from_ = (*letter)->from;
    // A clock that is ahead of ours makes a letter look new, which is no worse than no clock.
    const auto wall = static_cast<std::uint64_t>(wall_clock().count());
    constexpr std::uint64_t year = std::chrono::milliseconds(std::chrono::years(1)).count();
    age_ = std::chrono::milliseconds(wall > *sent ? std::min(wall - *sent, year) : 0);
    std::erase_if(senders_, [&](const auto& sender) { return sender.first == (*letter)->device; });
    if (senders_.size() == max_senders) senders_.pop_back();
    senders_.emplace_front((*letter)->device, from_);
    (*letter)->signal.erase((*letter)->signal.begin(), (*letter)->signal.begin() + 8);
    return std::move((*letter)->signal);
}

void Post::note_silenced() {
    const auto& calls = profile_->account.silenced_calls();
    if (calls.empty() || calls.back() == last_silenced_) return;
    last_silenced_ = calls.back();
    if (silenced_.size() < max_silenced_names) silenced_[calls.back().caller] = from_;
}

std::string Post::name_for(const PublicIdentity& person) const {
    if (person == profile_->account.identity()) return profile_->settings.name;
    if (const auto contact = profile_->account.contacts().name_of(person)) return *contact;
    const auto silenced = silenced_.find(person);
    const auto reached = reached_.find(person);
    std::string hex = to_hex(person.key).substr(0, 16);
    if (reached != reached_.end()) return reached->second + " (no contact, " + hex + ")";
    if (silenced != silenced_.end()) return silenced->second + " (no contact, " + hex + ")";
    return hex;
}

Expected<void> Post::take_capability(const CapabilityReceived& news) {
    Account& account = profile_->account;
    const std::string name = name_for(news.identity);
    tell_({{"event", "capability"}, {"from", name}, {"peer", to_hex(news.identity.key)}},
          name + " lets you ring, as far as their settings do.");
    if (account.relationship(news.identity).capability != CapabilityState::live) return {};
    // Ours may have come before they knew us (protocol.md, "Capabilities").
    const auto again = account.grant(news.identity, news.device);
    // They answered in a session that we began before a restart: what we gave in it they have.
    if (!again && again.error() == Error::unknown_session) return {};
    if (!again) return std::unexpected(line_of("no capability for " + name, again.error()));
    return send({.to = news.identity, .device = news.device, .bytes = *again});
}

Expected<void> Post::settle() {
    note_silenced();
    while (const auto event = profile_->account.event()) {
        if (const auto* news = std::get_if<CapabilityReceived>(&*event)) {
            const auto taken = take_capability(*news);
            if (!taken) return taken;
        } else if (const auto* added = std::get_if<DeviceAdded>(&*event)) {
            const std::string name = name_for(added->identity);
            tell_({{"event", "device_added"},
                   {"peer", to_hex(added->identity.key)},
                   {"device", to_hex(added->device.key)}},
                  name + " has a device that was not known here. If that is news to them, their keys are stolen.");
        } else if (const auto* removed = std::get_if<DeviceRemoved>(&*event)) {
            tell_({{"event", "device_removed"},
                   {"peer", to_hex(removed->identity.key)},
                   {"device", to_hex(removed->device.key)}},
                  name_for(removed->identity) + " gave up one of their devices.");
        }
    }
    return {};
}

void Post::miss(const Call& call) {
    tell_({{"event", "missed"}, {"peer", to_hex(call.peer().key)}},
          "Missed: a call from " + name_for(call.peer()) + ".");
}

Expected<std::vector<Call>> Post::take_in() {
    std::vector<Call> calls;
    for (;;) {
        auto signal = receive();
        if (!signal) return std::unexpected(signal.error());
        if (!*signal) break;
        auto received = profile_->account.receive(**signal, now(), age_);
        if (received && *received) {
            if (age_ > ring_timeout) {
                miss(**received);
            } else {
                calls.push_back(std::move(**received));
            }
        }
        const auto settled = settle();
        if (!settled) return std::unexpected(settled.error());
    }
    // The next letter may have taken one back.
    std::erase_if(calls, [this](const Call& call) {
        const bool over = call.state() != CallState::ringing;
        if (over) miss(call);
        return over;
    });
    return calls;
}

}  // namespace sotto::app
