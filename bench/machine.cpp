#include "bench/machine.h"

#include <link.h>
#include <opus/opus.h>
#include <sodium.h>
#include <srtp2/srtp.h>
#include <sys/utsname.h>
#include <vpx/vpx_codec.h>

#include <ctime>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>
#include <thread>

namespace sotto::bench {
namespace {

// The first line of /proc/cpuinfo that begins so; empty if none does.
std::string cpu_info(std::string_view name, std::string_view other_name) {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(name) && !line.starts_with(other_name)) continue;
        const std::size_t colon = line.find(": ");
        if (colon != std::string::npos) return line.substr(colon + 2);
    }
    return {};
}

// x86 names its processor; ARM kernels often give no more than numbers.
std::string cpu_model() {
    const std::string model = cpu_info("model name", "Hardware");
    return model.empty() ? "unknown" : model;
}

std::vector<std::string> cpu_flags() {
    std::istringstream words(cpu_info("flags", "Features"));  // x86, ARM
    return {std::istream_iterator<std::string>(words), {}};
}

std::string governor() {
    std::ifstream file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    std::string name;
    return file >> name ? name : "unknown";
}

std::string compiler() {
#ifdef __clang__
    return __VERSION__;
#else
    return "GCC " __VERSION__;
#endif
}

std::string system_name() {
    utsname names{};
    if (uname(&names) != 0) return "unknown";
    return std::string(names.sysname) + " " + names.release + " " + names.machine;
}

// Of the libraries in this process only libsrtp2 needs one of these, but for OpenSSL, which peers are
// made of: where that is built in, finding it says nothing.
std::string srtp_crypto() {
#ifdef SOTTO_BENCH_CRYPTO
    std::string found = "OpenSSL, or its own AES, or linked in";
#else
    std::string found = "its own AES, or linked in";
#endif
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* out) {
            const std::string_view path = info->dlpi_name;
            auto& name = *static_cast<std::string*>(out);
            if (path.find("libnss3") != path.npos) name = "NSS";
#ifndef SOTTO_BENCH_CRYPTO
            if (path.find("libcrypto") != path.npos) name = "OpenSSL";
#endif
            if (path.find("libmbedcrypto") != path.npos) name = "Mbed TLS";
            return 0;
        },
        &found);
    return found;
}

std::string utc_now() {
    const std::time_t now = std::time(nullptr);
    char text[32];
    std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
    return text;
}

}  // namespace

Machine describe_machine() {
    return {.cpu = cpu_model(),
            .cpu_flags = cpu_flags(),
            .governor = governor(),
            .cores = std::thread::hardware_concurrency(),
            .system = system_name(),
            .compiler = compiler(),
            .build_type = SOTTO_BUILD_TYPE,
            .sotto = SOTTO_VERSION,
            .git_revision = SOTTO_GIT_REVISION,
            .libsodium = sodium_version_string(),
            .libsrtp2 = srtp_get_version_string(),
            .opus = opus_get_version_string(),
            .vpx = vpx_codec_version_str(),
            .srtp_crypto = srtp_crypto(),
            .date = utc_now()};
}

std::string Machine::to_text() const {
    std::string text =
        "sotto " + sotto + " (" + git_revision + "), " + build_type + ", " + compiler + ", " + date + "\n";
    text += cpu + ", " + std::to_string(cores) + " cores, governor " + governor + ", " + system + "\n";
    text += "libsodium " + libsodium + ", " + libsrtp2 + " on " + srtp_crypto + ", " + opus + ", libvpx " + vpx + "\n";
    if (build_type != "Release") text += "NOT A RELEASE BUILD: the figures say little\n";
    return text;
}

nlohmann::json Machine::to_json() const {
    return {
        {"date", date},
        {"machine",
         {{"cpu", cpu}, {"cores", cores}, {"system", system}, {"cpu_flags", cpu_flags}, {"governor", governor}}},
        {"build", {{"version", sotto}, {"type", build_type}, {"compiler", compiler}, {"git_revision", git_revision}}},
        {"libraries",
         {{"libsodium", libsodium},
          {"libsrtp2", libsrtp2},
          {"libsrtp2_crypto", srtp_crypto},
          {"opus", opus},
          {"vpx", vpx}}}};
}

}  // namespace sotto::bench
