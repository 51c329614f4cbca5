#include "crypto/key_log.h"

#ifdef SOTTO_KEYLOG

#include <sodium.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

namespace sotto::crypto {
namespace {

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

// Null where nothing is to be logged.
const char* log_path() {
    const char* const path = std::getenv("SOTTO_KEYLOGFILE");
    return path != nullptr && *path != '\0' ? path : nullptr;
}

}  // namespace

void announce_key_log() {
    const char* const path = log_path();
    if (path == nullptr) return;
    std::fprintf(stderr,
                 "\n*** SOTTO_KEYLOG: this DEVELOPER build writes the keys of every call to %s.\n"
                 "*** Whoever reads that file can hear and see the calls. Never ship this build.\n\n",
                 path);
}

void log_srtp_key(const CallId& call, std::uint32_t epoch, Ssrc ssrc, Bytes key) {
    const char* const path = log_path();
    if (path == nullptr || key.size() != 44) return;
    const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path, "a"));
    if (file == nullptr) {
        std::fprintf(stderr, "*** SOTTO_KEYLOG: cannot write %s\n", path);
        return;
    }
    std::error_code ignored;
    using enum std::filesystem::perms;
    std::filesystem::permissions(path, owner_read | owner_write, ignored);
    std::array<char, sodium_base64_ENCODED_LEN(44, sodium_base64_VARIANT_ORIGINAL)> encoded{};
    sodium_bin2base64(encoded.data(), encoded.size(), reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                      sodium_base64_VARIANT_ORIGINAL);
    std::fprintf(file.get(), "SRTP %s %u %08x AEAD_AES_256_GCM %s\n", to_hex(call.bytes).c_str(), epoch, ssrc.value,
                 encoded.data());
}

}  // namespace sotto::crypto

#endif
