#include "sotto/store.h"

namespace sotto {

Result<std::optional<Buffer>> MemoryStore::read(std::string_view name) {
    const auto record = records_.find(name);
    if (record == records_.end()) return std::nullopt;
    return record->second;
}

Result<std::vector<std::string>> MemoryStore::names(std::string_view prefix) {
    std::vector<std::string> found;
    for (auto record = records_.lower_bound(prefix); record != records_.end() && record->first.starts_with(prefix);
         ++record) {
        found.push_back(record->first);
    }
    return found;
}

Result<void> MemoryStore::commit(std::span<const Change> changes) {
    for (const auto& change : changes) {
        if (change.name.empty() || change.name.size() > max_name) return Failure(Error::invalid_argument);
    }
    for (const auto& [name, value] : changes) {
        if (value) {
            records_.insert_or_assign(name, *value);
        } else {
            records_.erase(name);
        }
    }
    return {};
}

Result<std::optional<Buffer>> MemoryStore::read_anchor() { return anchor_; }

Result<void> MemoryStore::write_anchor(Bytes anchor) {
    anchor_ = to_buffer(anchor);
    return {};
}

}  // namespace sotto
