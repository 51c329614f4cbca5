#include "crypto/sealed_store.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "crypto/primitives.h"
#include "crypto/store_key.h"

namespace sotto::crypto {
namespace {

constexpr std::string_view header_name = "header", head_name = "head";
constexpr std::string_view head_binding;  // no record has the empty name

// How far to jump from an older copy, so that what is written now meets no generation of the branch that was lost, of
// which the anchor may say nothing.
std::uint64_t random_step(Random& random) {
    std::array<std::byte, 8> drawn;
    random.fill(drawn);
    return ByteReader(drawn).u64().value() >> 24;  // 40 bits: there is room for 2^24 such jumps
}

}  // namespace

Result<SealedStore> SealedStore::open(Store& store, const StoreKey& key, Random& random) {
    prepare_primitives();
    const auto header = store.read(header_name);
    if (!header) return Failure(header.error());
    if (!*header) return found(store, key, random);
    const auto id = parse_header(**header);
    if (!id) return Failure(id.error());
    SealedStore opened(store, derive_store_keys(key, *id), *id, random);
    if (!proves(**header, opened.keys_)) return Failure(Error::foreign_store);
    if (const auto loaded = opened.load(); !loaded) return Failure(loaded.error());
    if (const auto compared = opened.compare_with_anchor(); !compared) return Failure(compared.error());
    return opened;
}

// Generation 0: a store in which nothing has been kept yet.
Result<SealedStore> SealedStore::found(Store& store, const StoreKey& key, Random& random) {
    const auto names = store.names("");
    if (!names) return Failure(names.error());
    if (std::ranges::count(*names, head_name) != 0) return Failure(Error::damaged_store);
    // A passphrase's salt stands there already; anything else is somebody else's.
    if (std::ranges::any_of(*names, [](const auto& name) { return name != passphrase_record; })) {
        return Failure(Error::foreign_store);
    }
    StoreId id;
    random.fill(id);
    SealedStore founded(store, derive_store_keys(key, id), id, random);
    const std::array changes{Change{std::string(header_name), write_header(founded.keys_, id)},
                             founded.seal_head({}, 0)};
    if (const auto written = store.commit(changes); !written) return Failure(written.error());
    if (const auto compared = founded.compare_with_anchor(); !compared) return Failure(compared.error());
    return founded;
}

Result<void> SealedStore::load() {
    const auto head = store_->read(head_name);
    if (!head) return Failure(head.error());
    if (!*head) return Failure(Error::damaged_store);
    const auto opened = open_record(keys_.records, head_binding, **head);
    if (!opened) return Failure(opened.error());
    auto index = parse_index(opened->plaintext.reveal());
    if (!index) return Failure(index.error());
    auto present = store_->names("");
    if (!present) return Failure(present.error());
    std::ranges::sort(*present);
    for (const auto& [name, generation] : *index) {
        if (!std::ranges::binary_search(*present, hidden_name(keys_, name))) return Failure(Error::damaged_store);
    }
    index_ = std::move(*index);
    generation_ = opened->generation;
    last_tried_ = std::max(last_tried_, generation_);
    return {};
}

Result<void> SealedStore::compare_with_anchor() {
    const auto anchor = store_->read_anchor();
    if (!anchor) return Failure(anchor.error());
    const auto anchored = *anchor ? parse_anchor(**anchor, keys_, id_) : std::nullopt;
    // A store that was just founded may have been stopped before it had an anchor.
    rolled_back_ = anchored ? generation_ < *anchored : anchor->has_value() || generation_ > 0;
    if (rolled_back_) {
        last_tried_ = std::max(generation_, anchored.value_or(0)) + random_step(*random_);
        return {};
    }
    if (anchored == generation_) return {};
    return store_->write_anchor(write_anchor(keys_, id_, generation_));  // a crash had kept it one behind
}

// After a commit that failed: was it written?
Result<void> SealedStore::settle() {
    if (!in_doubt_) return {};
    if (const auto loaded = load(); !loaded) return loaded;
    in_doubt_ = false;
    return {};
}

Result<std::optional<SecretBuffer>> SealedStore::read(std::string_view name) {
    if (const auto settled = settle(); !settled) return Failure(settled.error());
    const auto entry = index_.find(name);
    if (entry == index_.end()) return std::nullopt;
    const auto record = store_->read(hidden_name(keys_, name));
    if (!record) return Failure(record.error());
    if (!*record) return Failure(Error::damaged_store);
    auto opened = open_record(keys_.records, name, **record);
    if (!opened) return Failure(opened.error());
    // Genuine, but of an earlier commit: one record of an older copy put back among newer ones.
    if (opened->generation != entry->second) return Failure(Error::damaged_store);
    return std::move(opened->plaintext);
}

Result<std::vector<std::string>> SealedStore::names(std::string_view prefix) {
    if (const auto settled = settle(); !settled) return Failure(settled.error());
    std::vector<std::string> found;
    for (auto entry = index_.lower_bound(prefix); entry != index_.end() && entry->first.starts_with(prefix); ++entry) {
        found.push_back(entry->first);
    }
    return found;
}

Change SealedStore::seal_head(const StoreIndex& index, std::uint64_t generation) {
    const SecretBuffer plaintext = write_index(index);
    return {std::string(head_name), seal_record(keys_.records, head_binding, generation, plaintext.reveal(), *random_)};
}

Result<void> SealedStore::commit(std::span<const SecretChange> changes) {
    if (const auto settled = settle(); !settled) return settled;
    const std::uint64_t next = last_tried_ + 1;
    StoreIndex index = index_;
    std::vector<Change> sealed;
    for (const auto& [name, value] : changes) {
        if (name.empty() || name.size() > Store::max_name) return Failure(Error::invalid_argument);
        Change change{hidden_name(keys_, name), std::nullopt};
        if (value != nullptr) {
            change.value = seal_record(keys_.records, name, next, value->reveal(), *random_);
            index[name] = next;
        } else {
            index.erase(name);
        }
        sealed.push_back(std::move(change));
    }
    sealed.push_back(seal_head(index, next));
    last_tried_ = next;
    in_doubt_ = true;
    if (const auto written = store_->commit(sealed); !written) return written;
    in_doubt_ = false;
    index_ = std::move(index);
    generation_ = next;
    if (const auto anchored = store_->write_anchor(write_anchor(keys_, id_, next)); !anchored) return anchored;
    rolled_back_ = false;
    return {};
}

}  // namespace sotto::crypto
