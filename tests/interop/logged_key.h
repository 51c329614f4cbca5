// Reads lines of the key log with nothing of Sotto's own code for it.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>

#include "sotto/bytes.h"

namespace sotto::test {

struct LoggedKey {
    std::string call;  // 32 hexadecimal digits
    std::uint32_t epoch = 0;
    std::uint32_t ssrc = 0;
    Buffer key;  // 32 bytes of master key, 12 of master salt
};

inline bool consists_of(const std::string& text, std::string_view letters) {
    return text.find_first_not_of(letters) == std::string::npos;
}

// SRTP <call> <epoch> <ssrc hex> AEAD_AES_256_GCM <base64 key||salt>; nothing if the line is anything else.
inline std::optional<LoggedKey> parse_logged_key(const std::string& line) {
    constexpr std::string_view hexadecimal = "0123456789abcdef";
    std::istringstream words(line);
    std::string type, call, epoch, ssrc, profile, encoded;
    words >> type >> call >> epoch >> ssrc >> profile >> encoded;
    const bool spaced = line == "SRTP " + call + ' ' + epoch + ' ' + ssrc + " AEAD_AES_256_GCM " + encoded;
    if (!spaced || call.size() != 32 || !consists_of(call, hexadecimal) || ssrc.size() != 8 ||
        !consists_of(ssrc, hexadecimal) || epoch.empty() || epoch.size() > 10 || !consists_of(epoch, "0123456789") ||
        encoded.size() != 60) {
        return std::nullopt;
    }
    LoggedKey logged{.call = call,
                     .epoch = static_cast<std::uint32_t>(std::stoul(epoch)),
                     .ssrc = static_cast<std::uint32_t>(std::stoul(ssrc, nullptr, 16)),
                     .key = Buffer(45)};
    if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(logged.key.data()),
                        reinterpret_cast<const unsigned char*>(encoded.data()), 60) != 45) {
        return std::nullopt;
    }
    logged.key.resize(44);  // EVP_DecodeBlock counts the padding as a byte
    return logged;
}

// The key of that stream in that epoch; nothing if the log has none, or holds two that differ.
inline std::optional<Buffer> logged_key(std::span<const std::string> lines, std::uint32_t ssrc,
                                        std::uint32_t epoch = 0) {
    std::optional<Buffer> found;
    for (const std::string& line : lines) {
        const auto logged = parse_logged_key(line);
        if (!logged || logged->ssrc != ssrc || logged->epoch != epoch) continue;
        if (found && *found != logged->key) return std::nullopt;
        found = logged->key;
    }
    return found;
}

}  // namespace sotto::test
