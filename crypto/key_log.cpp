#include "crypto/key_log.h"

#ifdef SOTTO_KEYLOG

#include <sodium.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace sotto::crypto {
namespace {

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

void warn_once(const char* path) {
    static const bool warned = [path] {
        std::fprintf(stderr,
                     "\n*** SOTTO_KEYLOG: this DEVELOPER build writes the keys of every call to %s.\n"
                     "*** Whoever reads that file can hear and see the calls. Never ship this build.\n\n",
                     path);
        return true;
    }();
    static_cast<void>(warned);
}

}  // namespace

void log_srtp_key(const CallId& call, std::uint32_t epoch, Ssrc ssrc, Bytes key) {
    const char* path = std::getenv("SOTTO_KEYLOGFILE");
    if (path == nullptr || *path == '\0') return;
    warn_once(path);
    const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path, "a"));
    if (file == nullptr) {
        std::fprintf(stderr, "*** SOTTO_KEYLOG: cannot write %s\n", path);
        return;
    }
    std::array<char, sodium_base64_ENCODED_LEN(44, sodium_base64_VARIANT_ORIGINAL)> encoded{};
    if (key.size() != 44) return;
    sodium_bin2base64(encoded.data(), encoded.size(), reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                      sodium_base64_VARIANT_ORIGINAL);
    std::fprintf(file.get(), "SRTP %s %u %08x AEAD_AES_256_GCM %s\n", to_hex(call.bytes).c_str(), epoch, ssrc.value,
                 encoded.data());
}

}  // namespace sotto::crypto

#endif
