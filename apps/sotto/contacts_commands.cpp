// sotto contacts, and sotto explain: whom we know, who is who, and who may ring whom.
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "apps/sotto/call_options.h"
#include "apps/sotto/commands.h"
#include "apps/sotto/explain_contact.h"
#include "apps/sotto/outcome.h"
#include "apps/sotto/post.h"

namespace sotto::app {
namespace {

struct ContactsOptions {
    ProfileOptions profile;
    std::string name;
    std::string number;  // verify: what the other side shows
    std::string choice;  // direct: on or off
};

void tell_news(const nlohmann::json&, const std::string& words) { std::fprintf(stderr, "%s\n", words.c_str()); }

std::string line_of(const std::string& what, Error error) { return what + ": " + std::string(describe(error)); }

bool blocks(const Profile& profile, const PublicIdentity& person) {
    const auto& exceptions = profile.account.policy().exceptions;
    const auto found = exceptions.find(person);
    return found != exceptions.end() && found->second == Exception::block;
}

const char* standing(const Profile& profile, const std::string& name, const Contact& contact) {
    if (profile.account.contacts().pending(name)) return "CHANGED: sotto contacts verify";
    return contact.trust == Trust::verified ? "verified" : "not verified";
}

std::string unknown(const std::string& name) { return name + " is none of your contacts: sotto contacts add " + name; }

Expected<Contact> contact_of(const Profile& profile, const std::string& name) {
    const auto contact = profile.account.contacts().find(name);
    if (!contact) return std::unexpected(unknown(name));
    return *contact;
}

void print_contact(const Profile& profile, const std::string& name, const Contact& contact) {
    std::printf("%s  %s  %s%s%s\n", name.c_str(), to_hex(contact.identity.key).substr(0, 16).c_str(),
                standing(profile, name, contact), blocks(profile, contact.identity) ? ", blocked" : "",
                chose_direct(profile, contact.identity) ? ", direct" : "");
    std::printf("  %s\n  %s\n", they_ring_us(profile, name, contact.identity).c_str(),
                we_ring_them(profile, name, contact.identity).c_str());
}

int list(Profile& profile, const ContactsOptions&) {
    const Contacts& contacts = profile.account.contacts();
    for (const std::string& name : contacts.names()) print_contact(profile, name, *contacts.find(name));
    const auto hashes = profile.account.capability_hashes();
    if (!hashes.empty()) std::printf("Hashes of what lets people ring here, by which a server may choose offers:\n");
    for (const CapabilityHash& hash : hashes) std::printf("  %s\n", to_hex(hash.bytes).c_str());
    if (contacts.names().empty()) std::printf("No contacts. To let somebody ring: sotto contacts add NAME\n");
    return 0;
}

int explain_one(Profile& profile, const ContactsOptions& options) {
    const auto contact = contact_of(profile, options.name);
    if (!contact) return complain(contact.error());
    print_contact(profile, options.name, *contact);
    if (const auto hash = profile.account.capability_hash(contact->identity)) {
        std::printf("  A server may know what lets them ring by its hash %s.\n", to_hex(hash->bytes).c_str());
    }
    std::printf("  %s\n",
                chose_direct(profile, contact->identity)
                    ? "Calls may do without a relay, if the other side chose so, too: each learns the other's address."
                    : "Calls go through a relay: neither learns the other's address.");
    return 0;
}

// Whoever has that name at the broker becomes, or is, the contact of that name.
int add(Profile& profile, const ContactsOptions& options) {
    const std::string& name = options.name;
    auto post = Post::open(profile, tell_news);
    if (!post) return complain(post.error(), exit_of(profile));
    const auto person = post->find(name);
    if (!person) return complain(person.error());
    if (!*person) return complain("the broker knows nobody of the name " + name);
    Account& account = profile.account;
    const PublicIdentity& identity = (*person)->identity;
    if (identity == account.identity()) return complain(name + " is your own name");
    if (blocks(profile, identity)) return complain(name + " is blocked: sotto contacts unblock " + name);
    const auto met = account.contacts().meet(name, identity);
    const auto saved = save_account(profile);
    if (!saved) return complain(saved.error());
    if (!met && met.error() == Error::identity_changed) {
        return complain(name + " stands for somebody else than before: sotto contacts verify " + name);
    }
    if (!met) return complain(line_of("cannot add " + name, met.error()));
    // What they gave may wait for us already: now it is kept.
    const auto calls = post->take_in();
    if (!calls) return complain(calls.error());
    for (const Call& call : *calls) post->miss(call);  // nothing here could answer it
    const auto given = post->give(name, **person);
    if (!given) return complain(given.error());
    std::printf("%s  identity %s\nSafety number %s\nCompare it with %s, then: sotto contacts verify %s\n", name.c_str(),
                to_hex(identity.key).c_str(), safety_number(account.identity(), identity).c_str(), name.c_str(),
                name.c_str());
    std::printf("%s\n%s\n", they_ring_us(profile, name, identity).c_str(),
                we_ring_them(profile, name, identity).c_str());
    return 0;
}

std::string digits_of(const std::string& text) {
    std::string digits;
    std::ranges::copy_if(text, std::back_inserter(digits), [](char c) { return c != ' '; });
    return digits;
}

bool user_confirms(const std::string& name) {
    std::printf("Does %s see the same number? [y/N] ", name.c_str());
    std::fflush(stdout);
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

int not_the_same(const std::string& name) {
    std::fprintf(stderr,
                 "sotto: the numbers differ: this is not %s, or somebody stands between. Nothing was changed.\n",
                 name.c_str());
    return exit_failed;
}

// Only the number that the person shows decides whom the name stands for.
int verify_changed(Profile& profile, const ContactsOptions& options, const IdentityChange& change) {
    const std::string& name = options.name;
    Contacts& contacts = profile.account.contacts();
    if (options.number.empty()) {
        std::printf(
            "%s stands for somebody else than before: a new device, or somebody who stands between.\n"
            "Safety number before  %s\nSafety number now     %s\n"
            "Ask %s for theirs, then: sotto contacts verify %s --number NUMBER\n",
            name.c_str(), change.remembered_number.c_str(), change.met_number.c_str(), name.c_str(), name.c_str());
        return exit_failed;
    }
    const std::string said = digits_of(options.number);
    const bool is_new = said == digits_of(change.met_number);
    if (!is_new && said != digits_of(change.remembered_number)) return not_the_same(name);
    if (is_new) {
        const auto revoked = profile.account.revoke(change.remembered);
        if (!revoked) return complain(line_of("cannot write the account", revoked.error()));
    }
    static_cast<void>(is_new ? contacts.trust_new(name, change.met) : contacts.keep(name));
    static_cast<void>(contacts.mark_verified(name));
    const auto saved = save_account(profile);
    if (!saved) return complain(saved.error());
    if (is_new) {
        std::printf("%s is verified, and is somebody new: to let them ring, sotto contacts add %s\n", name.c_str(),
                    name.c_str());
    } else {
        std::printf("%s is verified, and is who it was before\n", name.c_str());
    }
    return 0;
}

int verify(Profile& profile, const ContactsOptions& options) {
    const std::string& name = options.name;
    const auto contact = contact_of(profile, name);
    if (!contact) return complain(contact.error());
    if (const auto change = profile.account.contacts().pending(name)) return verify_changed(profile, options, *change);
    const SafetyNumber number = safety_number(profile.account.identity(), contact->identity);
    if (options.number.empty()) {
        std::printf("Safety number with %s\n%s\n", name.c_str(), number.c_str());
        if (!user_confirms(name)) {
            std::printf("\n%s stays as it was\n", name.c_str());
            return exit_failed;
        }
    } else if (digits_of(options.number) != digits_of(number)) {
        return not_the_same(name);
    }
    static_cast<void>(profile.account.contacts().mark_verified(name));
    const auto saved = save_account(profile);
    if (!saved) return complain(saved.error());
    std::printf("%s is verified\n", name.c_str());
    return 0;
}

// A contact's, an identity in full, or whoever has that name at the broker.
Expected<PublicIdentity> person_of(Profile& profile, const std::string& name) {
    if (const auto contact = profile.account.contacts().find(name)) return contact->identity;
    if (const auto identity = parse_identity("", name)) return *identity;
    auto post = Post::open(profile, tell_news);
    if (!post) return std::unexpected(post.error());
    const auto person = post->find(name);
    if (!person) return std::unexpected(person.error());
    if (!*person) return std::unexpected(name + " is none of your contacts, and the broker knows nobody of that name");
    return (*person)->identity;
}

int block(Profile& profile, const ContactsOptions& options) {
    const auto person = person_of(profile, options.name);
    if (!person) return complain(person.error(), exit_of(profile));
    CallPolicy policy = profile.account.policy();
    policy.exceptions[*person] = Exception::block;
    const auto set = profile.account.set_policy(std::move(policy));
    if (!set) return complain(line_of("cannot block", set.error()));
    std::printf("%s (%s) never rings, and can't tell that from your being off\n", options.name.c_str(),
                to_hex(person->key).c_str());
    return 0;
}

int unblock(Profile& profile, const ContactsOptions& options) {
    const std::string& name = options.name;
    const auto person = person_of(profile, name);
    if (!person) return complain(person.error(), exit_of(profile));
    if (!blocks(profile, *person)) return complain(name + " is not blocked");
    CallPolicy policy = profile.account.policy();
    policy.exceptions.erase(*person);
    const auto set = profile.account.set_policy(std::move(policy));
    if (!set) return complain(line_of("cannot unblock", set.error()));
    std::printf("%s is not blocked any more\n", name.c_str());
    // What let them ring was taken back with the block.
    return profile.account.contacts().find(name) ? add(profile, options) : 0;
}

int remove(Profile& profile, const ContactsOptions& options) {
    const auto contact = contact_of(profile, options.name);
    if (!contact) return complain(contact.error());
    static_cast<void>(profile.account.contacts().forget(options.name));
    const auto revoked = profile.account.revoke(contact->identity);  // writes the contacts, too
    if (!revoked) return complain(line_of("cannot write the account", revoked.error()));
    profile.settings.direct.erase(to_hex(contact->identity.key));
    const auto saved = save_settings(profile);
    if (!saved) return complain(saved.error());
    std::printf("%s is no contact any more, and what let them ring is taken back\n", options.name.c_str());
    return 0;
}

int direct(Profile& profile, const ContactsOptions& options) {
    const auto contact = contact_of(profile, options.name);
    if (!contact) return complain(contact.error());
    const std::string identity = to_hex(contact->identity.key);
    const bool on = options.choice == "on";
    if (on) profile.settings.direct.insert(identity);
    if (!on) profile.settings.direct.erase(identity);
    const auto saved = save_settings(profile);
    if (!saved) return complain(saved.error());
    std::printf(on ? "Calls with %s may do without a relay, if they choose so, too: each learns the other's address\n"
                   : "Calls with %s go through a relay\n",
                options.name.c_str());
    return 0;
}

using Command = int (*)(Profile&, const ContactsOptions&);

Chosen opened(const std::shared_ptr<ContactsOptions>& options, Command command) {
    return [options, command] {
        auto profile = open_profile(options->profile);
        return profile ? command(*profile, *options) : complain(profile.error());
    };
}

}  // namespace

void add_contacts_commands(CLI::App& app, Chosen& chosen) {
    const auto options = std::make_shared<ContactsOptions>();
    CLI::App& contacts = *app.add_subcommand("contacts", "list contacts, and who may ring whom");
    contacts.require_subcommand(0, 1);
    add_profile_options(contacts, options->profile);
    contacts.callback([options, &chosen] {
        if (!chosen) chosen = opened(options, list);
    });
    const auto one = [&](CLI::App& parent, const char* verb, const char* words, Command command) -> CLI::App& {
        CLI::App& made = *parent.add_subcommand(verb, words);
        made.add_option("NAME", options->name, "as the broker knows them")->required();
        made.fallthrough();
        made.callback([options, command, &chosen] { chosen = opened(options, command); });
        return made;
    };
    one(contacts, "add", "make somebody a contact who may ring", add);
    one(contacts, "verify", "compare the safety number", verify)
        .add_option("--number", options->number, "that the other side shows, instead of asking");
    one(contacts, "block", "let somebody never ring", block);
    one(contacts, "unblock", "take that back", unblock);
    one(contacts, "remove", "forget a contact, and take back what let them ring", remove);
    one(contacts, "direct", "calls without a relay, where both sides chose so", direct)
        .add_option("CHOICE", options->choice, "on or off")
        ->required()
        ->check(CLI::IsMember({"on", "off"}));
    CLI::App& explained = one(app, "explain", "say why a call may ring or not, both ways", explain_one);
    add_profile_options(explained, options->profile);
}

}  // namespace sotto::app
