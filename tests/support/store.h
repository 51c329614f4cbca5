// Stores that misbehave as real ones do, and a seeded account of what a store should hold after each commit.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "crypto/sealed_store.h"
#include "support/random.h"

namespace sotto::test {

inline StoreKey store_key(std::uint8_t fill) {
    StoreKey key;
    std::ranges::fill(key.fill(), std::byte{fill});
    return key;
}

inline SecretBuffer secret(Bytes bytes) {
    SecretBuffer copy(bytes.size());
    std::ranges::copy(bytes, copy.fill().begin());
    return copy;
}
inline SecretBuffer secret(std::string_view text) { return secret(as_bytes(text)); }

// Passes everything on to another store.
class PassingStore : public Store {
  public:
    explicit PassingStore(Store& inner) : inner_(inner) {}

    Result<std::optional<Buffer>> read(std::string_view name) override { return inner_.read(name); }
    Result<std::vector<std::string>> names(std::string_view prefix) override { return inner_.names(prefix); }
    Result<void> commit(std::span<const Change> changes) override { return inner_.commit(changes); }
    Result<std::optional<Buffer>> read_anchor() override { return inner_.read_anchor(); }
    Result<void> write_anchor(Bytes anchor) override { return inner_.write_anchor(anchor); }

  protected:
    Store& inner_;
};

// Fails when told to: before it writes, after it has written, or at the anchor.
class FailingStore final : public PassingStore {
  public:
    using PassingStore::PassingStore;
    enum class Failing { nowhere, before, after, at_anchor };
    Failing failing = Failing::nowhere;

    Result<void> commit(std::span<const Change> changes) override {
        if (failing == Failing::before) return Failure(Error::io_failed);
        const auto written = inner_.commit(changes);
        if (failing == Failing::after) return Failure(Error::io_failed);
        return written;
    }
    Result<void> write_anchor(Bytes anchor) override {
        if (failing == Failing::at_anchor) return Failure(Error::io_failed);
        return inner_.write_anchor(anchor);
    }
};

class CountingStore final : public PassingStore {
  public:
    using PassingStore::PassingStore;
    int commits = 0;

    Result<void> commit(std::span<const Change> changes) override {
        ++commits;
        return inner_.commit(changes);
    }
};

using Contents = std::map<std::string, Buffer>;

// Commits drawn from a seed, and the contents after each: contents[g] belongs to generation g.
struct Script {
    std::vector<std::vector<std::pair<std::string, std::optional<Buffer>>>> commits;
    std::vector<Contents> contents{{}};

    Script(std::uint64_t seed, int count, std::size_t largest) {
        SeededRandom random(seed);
        for (int n = 0; n < count; ++n) {
            Contents next = contents.back();
            auto& changes = commits.emplace_back();
            for (std::size_t left = 1 + random.below(3); left > 0; --left) {
                const std::string name = "record/" + std::to_string(random.below(5));
                std::optional<Buffer> value;
                if (!random.chance(0.25)) random.fill(value.emplace(random.below(largest + 1)));
                if (value) next[name] = *value;
                if (!value) next.erase(name);
                changes.emplace_back(name, std::move(value));
            }
            contents.push_back(std::move(next));
        }
    }

    Result<void> run(crypto::SealedStore& store, std::size_t number) const {
        std::vector<SecretBuffer> values;
        std::vector<crypto::SecretChange> changes;
        values.reserve(commits[number].size());
        for (const auto& [name, value] : commits[number]) {
            changes.push_back({name, value ? &values.emplace_back(secret(*value)) : nullptr});
        }
        return store.commit(changes);
    }
};

// All that a store holds, if all of it opens.
inline Result<Contents> all_of(crypto::SealedStore& store) {
    Contents found;
    const auto names = store.names("");
    if (!names) return Failure(names.error());
    for (const auto& name : *names) {
        const auto value = store.read(name);
        if (!value) return Failure(value.error());
        if (!*value) return Failure(Error::damaged_store);
        found[name] = to_buffer((*value)->reveal());
    }
    return found;
}

}  // namespace sotto::test
