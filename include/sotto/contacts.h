// Whom the client's own names stand for. A name that turns out to stand for somebody else is a decision of the user's:
// until it is made nothing goes to the new identity under that name, and nothing comes from it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sotto/bytes.h"
#include "sotto/error.h"
#include "sotto/export.h"
#include "sotto/identity.h"

namespace sotto {

enum class Trust : std::uint8_t {
    unverified,  // remembered at first sight
    verified,    // compared by the two people, or scanned
};

struct Contact {
    PublicIdentity identity;
    Trust trust = Trust::unverified;

    friend bool operator==(const Contact&, const Contact&) = default;
};

// A name was met with another identity than the remembered one: a new phone, or somebody who stands between.
struct IdentityChange {
    PublicIdentity remembered, met;
    SafetyNumber remembered_number, met_number;  // ours with each of them
};

// A plain value without clock or file. Names are the client's words for people, account names or phone numbers: 1 to
// 255 bytes of UTF-8, told apart byte by byte. Whatever changes a contact refuses other names (invalid_argument) and,
// meet() apart, names that nobody was met under (unavailable).
class SOTTO_API Contacts {
  public:
    explicit Contacts(const PublicIdentity& ours) : ours_(ours) {}

    // `name` is said to be `identity`: by a directory's bundle (Account::dial() asks itself), or by the server that
    // brought a call. First sight is remembered and makes a contact, who may ring once given a capability
    // (Account::grant()): so meet those alone whom the user chose, or whose name find() knows. Error::identity_changed
    // if the name stands for another: the change is then pending, in place of an earlier one, until the client decides.
    Result<void> meet(std::string_view name, const PublicIdentity& identity);

    // What the client has to decide about this name, if anything.
    std::optional<IdentityChange> pending(std::string_view name) const;
    // From now on the name stands for `identity`, unverified. Error::wrong_identity unless exactly this one is pending.
    Result<void> trust_new(std::string_view name, const PublicIdentity& identity);
    // The name goes on standing for whom it did; the other one is refused again when it is met again.
    Result<void> keep(std::string_view name);

    // A code that this contact shows was scanned. Errors: those of check_qr().
    Result<void> verify(std::string_view name, Bytes qr);
    // The two people compared their safety number. Error::identity_changed while a change is pending: which one?
    Result<void> mark_verified(std::string_view name);

    // The name stands for nobody any more. To let this person ring no longer, revoke() their capability.
    Result<void> forget(std::string_view name);

    std::optional<Contact> find(std::string_view name) const;
    // All there are, ascending as bytes.
    std::vector<std::string> names() const;
    // The first name, in the order of their bytes, that stands for this identity.
    std::optional<std::string> name_of(const PublicIdentity& identity) const;
    // The first name for which this identity is pending; nothing for one that is a contact's present identity.
    std::optional<std::string> name_changing_to(const PublicIdentity& identity) const;
    const PublicIdentity& ours() const { return ours_; }

    // For the client's storage, which keeps it from being changed.
    Buffer encode() const;
    // Errors: truncated, malformed, unsupported_version.
    static Result<Contacts> parse(Bytes stored);

    friend bool operator==(const Contacts&, const Contacts&) = default;

  private:
    struct Entry {
        Contact contact;
        std::optional<PublicIdentity> pending;  // never the contact's own identity

        friend bool operator==(const Entry&, const Entry&) = default;
    };
    Result<Entry*> entry(std::string_view name);

    PublicIdentity ours_;
    std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace sotto
