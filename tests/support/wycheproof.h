// Wycheproof's test files: every case of a file is run, unless our types or our use have no place for it.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sotto/identity.h"

namespace sotto::test {

using Json = nlohmann::json;

inline Buffer hex_field(const Json& object, const char* name) {
    const auto bytes = from_hex(object.at(name).get<std::string>());
    REQUIRE(bytes);
    return *bytes;
}

// A Wycheproof field as a fixed-size type of ours, whose bytes `room` gives; nothing if the size is another.
template <class T>
std::optional<T> fitted(const Json& object, const char* name, auto&& room) {
    std::optional<T> value(std::in_place);
    const Buffer bytes = hex_field(object, name);
    const MutableBytes into = room(*value);
    if (bytes.size() != into.size()) return std::nullopt;
    std::ranges::copy(bytes, into.begin());
    return value;
}

template <class S>
std::optional<S> secret_field(const Json& object, const char* name) {
    return fitted<S>(object, name, [](S& secret) -> MutableBytes { return secret.fill(); });
}

template <class P>
std::optional<P> public_field(const Json& object, const char* name) {
    return fitted<P>(object, name, [](P& key) -> MutableBytes { return key.bytes; });
}

enum class Ran {
    yes,
    inexpressible,  // our types cannot hold the input, so it must be an invalid one
    no_concern,     // of a size of key or nonce that we do not use
};

// Calls run(group, test, result) for each case of `file`.
template <class Run>
void for_each_case(const char* file, Run&& run) {
    const std::filesystem::path folder = std::filesystem::path(SOTTO_VECTORS) / "wycheproof";
    if (!std::filesystem::exists(folder)) {
        MESSAGE("skipped: no Wycheproof vectors beside the project");
        return;
    }
    std::ifstream in(folder / file);
    CAPTURE(std::string(file));
    REQUIRE(in.good());  // a renamed file must not pass silently
    const Json document = Json::parse(in);
    std::size_t seen = 0, ran = 0, no_concern = 0;
    for (const Json& group : document.at("testGroups")) {
        for (const Json& test : group.at("tests")) {
            const std::string result = test.at("result");
            INFO("test case ", test.at("tcId").get<int>(), ", ", result, ": ", test.value("comment", ""));
            const Ran how = run(group, test, result);
            if (how == Ran::inexpressible) CHECK(result == "invalid");
            ran += how == Ran::yes ? 1 : 0;
            no_concern += how == Ran::no_concern ? 1 : 0;
            ++seen;
        }
    }
    MESSAGE(std::string(file), ": ", ran, " of ", seen, " ran, ", seen - ran - no_concern, " do not fit our types, ",
            no_concern, " are of sizes that we do not use");
    CHECK(ran > 0);
    CHECK(seen == document.at("numberOfTests").get<std::size_t>());
}

inline bool flagged(const Json& test, const std::string& flag) {
    const auto flags = test.value("flags", std::vector<std::string>());
    return std::ranges::find(flags, flag) != flags.end();
}

}  // namespace sotto::test
