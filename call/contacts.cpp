// Stored: version = 1 || our identity || BE32(n) || n entries, names strictly ascending as bytes. An entry:
// size of the name (1) || name || identity || flags (1 verified, 2 a change is pending) || pending identity, if any.
#include "sotto/contacts.h"

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "base/utf8.h"
#include "crypto/safety_number.h"
#include "sotto/verification.h"

namespace sotto {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::uint8_t verified_flag = 1;
constexpr std::uint8_t pending_flag = 2;
constexpr std::size_t header_size = 1 + PublicIdentity::size + 4;
constexpr std::size_t max_entry_size = 1 + 255 + PublicIdentity::size + 1 + PublicIdentity::size;

bool valid(std::string_view name) { return !name.empty() && name.size() <= 255 && is_utf8(name); }

Result<PublicIdentity> parse_identity(ByteReader& in) {
    const auto key = in.array<PublicIdentity::size>();
    if (!key) return Failure(key.error());
    return PublicIdentity{*key};
}

struct Stored {
    std::string name;
    Contact contact;
    std::optional<PublicIdentity> pending;
};

Result<std::string> parse_name(ByteReader& in) {
    const auto size = in.u8();
    if (!size) return Failure(size.error());
    const auto bytes = in.take(*size);
    if (!bytes) return Failure(bytes.error());
    std::string name(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    if (!valid(name)) return Failure(Error::malformed);
    return name;
}

Result<Stored> parse_entry(ByteReader& in) {
    auto name = parse_name(in);
    if (!name) return Failure(name.error());
    const auto identity = parse_identity(in);
    if (!identity) return Failure(identity.error());
    const auto flags = in.u8();
    if (!flags) return Failure(flags.error());
    if ((*flags & ~(verified_flag | pending_flag)) != 0) return Failure(Error::malformed);
    const Trust trust = (*flags & verified_flag) != 0 ? Trust::verified : Trust::unverified;
    Stored entry{.name = std::move(*name), .contact = {*identity, trust}, .pending = {}};
    if ((*flags & pending_flag) == 0) return entry;
    const auto pending = parse_identity(in);
    if (!pending) return Failure(pending.error());
    if (*pending == *identity) return Failure(Error::malformed);
    entry.pending = *pending;
    return entry;
}

}  // namespace

Result<Contacts::Entry*> Contacts::entry(std::string_view name) {
    if (!valid(name)) return Failure(Error::invalid_argument);
    const auto found = entries_.find(name);
    if (found == entries_.end()) return Failure(Error::unavailable);
    return &found->second;
}

Result<void> Contacts::meet(std::string_view name, const PublicIdentity& identity) {
    const auto known = entry(name);
    if (!known) {
        if (known.error() != Error::unavailable) return Failure(known.error());
        entries_.emplace(name, Entry{.contact = {.identity = identity}, .pending = {}});
        return {};
    }
    if ((*known)->contact.identity == identity) return {};
    (*known)->pending = identity;
    return Failure(Error::identity_changed);
}

std::optional<IdentityChange> Contacts::pending(std::string_view name) const {
    const auto found = entries_.find(name);
    if (found == entries_.end() || !found->second.pending) return std::nullopt;
    const PublicIdentity& remembered = found->second.contact.identity;
    const PublicIdentity& met = *found->second.pending;
    return IdentityChange{.remembered = remembered,
                          .met = met,
                          .remembered_number = crypto::safety_number(ours_, remembered),
                          .met_number = crypto::safety_number(ours_, met)};
}

Result<void> Contacts::trust_new(std::string_view name, const PublicIdentity& identity) {
    const auto known = entry(name);
    if (!known) return Failure(known.error());
    if ((*known)->pending != identity) return Failure(Error::wrong_identity);
    **known = Entry{.contact = {.identity = identity}, .pending = {}};
    return {};
}

Result<void> Contacts::keep(std::string_view name) {
    const auto known = entry(name);
    if (!known) return Failure(known.error());
    (*known)->pending.reset();
    return {};
}

Result<void> Contacts::verify(std::string_view name, Bytes qr) {
    const auto known = entry(name);
    if (!known) return Failure(known.error());
    const auto checked = check_qr(qr, ours_, (*known)->contact.identity);
    if (checked) (*known)->contact.trust = Trust::verified;
    return checked;
}

Result<void> Contacts::mark_verified(std::string_view name) {
    const auto known = entry(name);
    if (!known) return Failure(known.error());
    if ((*known)->pending) return Failure(Error::identity_changed);
    (*known)->contact.trust = Trust::verified;
    return {};
}

Result<void> Contacts::forget(std::string_view name) {
    const auto known = entry(name);
    if (!known) return Failure(known.error());
    entries_.erase(entries_.find(name));
    return {};
}

std::vector<std::string> Contacts::names() const {
    std::vector<std::string> all;
    all.reserve(entries_.size());
    for (const auto& [name, known] : entries_) all.push_back(name);
    return all;
}

std::optional<Contact> Contacts::find(std::string_view name) const {
    const auto found = entries_.find(name);
    return found == entries_.end() ? std::nullopt : std::optional(found->second.contact);
}

std::optional<std::string> Contacts::name_of(const PublicIdentity& identity) const {
    for (const auto& [name, known] : entries_) {
        if (known.contact.identity == identity) return name;
    }
    return std::nullopt;
}

std::optional<std::string> Contacts::name_changing_to(const PublicIdentity& identity) const {
    if (name_of(identity)) return std::nullopt;
    for (const auto& [name, known] : entries_) {
        if (known.pending == identity) return name;
    }
    return std::nullopt;
}

Buffer Contacts::encode() const {
    Buffer stored(header_size + entries_.size() * max_entry_size);
    ByteWriter out(stored);
    out.u8(version).bytes(ours_.key).u32(static_cast<std::uint32_t>(entries_.size()));
    for (const auto& [name, known] : entries_) {
        const int flags =
            (known.contact.trust == Trust::verified ? verified_flag : 0) | (known.pending ? pending_flag : 0);
        out.u8(static_cast<std::uint8_t>(name.size())).bytes(as_bytes(name)).bytes(known.contact.identity.key);
        out.u8(static_cast<std::uint8_t>(flags));
        if (known.pending) out.bytes(known.pending->key);
    }
    stored.resize(out.size());
    return stored;
}

Result<Contacts> Contacts::parse(Bytes stored) {
    ByteReader in(stored);
    const auto seen_version = in.u8();
    if (!seen_version) return Failure(Error::truncated);
    if (*seen_version != version) return Failure(Error::unsupported_version);
    const auto ours = parse_identity(in);
    if (!ours) return Failure(ours.error());
    const auto count = in.u32();
    if (!count) return Failure(count.error());
    Contacts contacts(*ours);
    for (std::uint32_t i = 0; i < *count; ++i) {
        auto entry = parse_entry(in);
        if (!entry) return Failure(entry.error());
        const auto& before = contacts.entries_;
        if (!before.empty() && before.rbegin()->first >= entry->name) return Failure(Error::malformed);
        contacts.entries_.emplace(std::move(entry->name), Entry{entry->contact, entry->pending});
    }
    if (!in.empty()) return Failure(Error::malformed);
    return contacts;
}

}  // namespace sotto
