// What the worked example and the vectors are made of: plain randomness, names and values, and the files that hold
// them.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "crypto/primitives.h"
#include "sotto/identity.h"
#include "sotto/random.h"

namespace sotto::test {

// The k-th draw, from 0, is the two bytes `who`, k as often as they fit.
class PlainRandom final : public Random {
  public:
    explicit PlainRandom(int who) : who_(static_cast<std::byte>(who)) {}

    void fill(MutableBytes out) override { write(made_++, out); }
    std::size_t made() const { return made_; }
    // What draw k gives, for whoever repeats it.
    Buffer draw(std::size_t k, std::size_t size) const {
        Buffer drawn(size);
        write(k, drawn);
        return drawn;
    }
    template <class Secret>
    Secret draw(std::size_t k) const {
        Secret drawn;
        write(k, drawn.fill());
        return drawn;
    }

  private:
    void write(std::size_t k, MutableBytes out) const {
        if (k > 255 || out.size() % 2 != 0) std::abort();  // beyond the scheme
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = i % 2 == 0 ? who_ : static_cast<std::byte>(k);
    }

    std::byte who_;
    std::size_t made_ = 0;
};

// Names and values in sections, in the order in which they are made.
class Example {
  public:
    void section(const std::string& title) {
        json_[title] = nlohmann::ordered_json::object();
        title_ = title;
    }
    void value(const std::string& name, Bytes bytes) { text(name, to_hex(bytes)); }
    void text(const std::string& name, const std::string& text) {
        REQUIRE_MESSAGE(!json_[title_].contains(name), name);
        json_[title_][name] = text;
    }
    void list(const std::string& title, nlohmann::ordered_json&& entries) { json_[title] = std::move(entries); }

    std::string as_json() const { return json_.dump(2) + "\n"; }
    std::string as_markdown() const {
        std::ostringstream out;
        for (const auto& [title, values] : json_.items()) {
            out << "\n### " << title << "\n\n```\n";
            for (const auto& [name, value] : values.items()) out << line(name, value.get<std::string>());
            out << "```\n";
        }
        return out.str();
    }

  private:
    static std::string line(const std::string& name, const std::string& value) {
        const std::string padded = name + std::string(name.size() < 28 ? 28 - name.size() : 1, ' ');
        const auto bytes = from_hex(value);
        if (!bytes || bytes->size() <= 64) return padded + value + "\n";
        const auto digest = crypto::sha512({*bytes});
        return padded + std::to_string(bytes->size()) + " bytes, SHA-512 " + to_hex(Bytes(digest).first(16)) + "...\n";
    }
    nlohmann::ordered_json json_ = nlohmann::ordered_json::object();
    std::string title_;
};

inline std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// The file says this; with SOTTO_REGENERATE in the environment it is made to.
inline void holds(const std::string& path, const std::string& text) {
    if (std::getenv("SOTTO_REGENERATE") != nullptr) std::ofstream(path, std::ios::binary) << text;
    CHECK(read(path) == text);
}

inline void vectors_hold(const std::string& name, const Example& example) {
    holds(std::string(SOTTO_TEST_DATA "/") + name, example.as_json());
}

}  // namespace sotto::test
