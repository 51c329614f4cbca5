// What tests of sealed stores do over and over: open, write, read, and reach under the seal.
#pragma once

#include <doctest/doctest.h>

#include "support/store.h"

namespace sotto::test {

inline Result<crypto::SealedStore> open_sealed(Store& store, std::uint8_t key = 1) {
    return crypto::SealedStore::open(store, store_key(key), system_random());
}

inline Result<void> put(crypto::SealedStore& store, const std::string& name, std::string_view text) {
    const SecretBuffer value = secret(text);
    const crypto::SecretChange change{name, &value};
    return store.commit({&change, 1});
}

inline std::string text_of(auto&& store, std::string_view name) {
    const auto value = store.read(name);
    REQUIRE(value);
    REQUIRE(*value);
    const Bytes bytes = (*value)->reveal();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Buffer record(MemoryStore& store, std::string_view name) { return store.read(name).value().value(); }

inline void overwrite(Store& store, const std::string& name, std::optional<Buffer> value) {
    const Change change{name, std::move(value)};
    REQUIRE(store.commit({&change, 1}));
}

// The one record besides header and head.
inline std::string only_record(MemoryStore& store) {
    auto names = store.names("").value();
    std::erase_if(names, [](const auto& name) { return name.size() != 64; });
    REQUIRE(names.size() == 1);
    return names[0];
}

}  // namespace sotto::test
