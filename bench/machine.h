// Where and with what the figures were taken: without it they say nothing.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace sotto::bench {

struct Machine {
    std::string cpu;
    std::vector<std::string> cpu_flags;  // instruction sets and more, as the kernel names them
    std::string governor;                // of the clock rate; "unknown" in most virtual machines
    unsigned cores = 0;
    std::string system;  // operating system, its release and the processor's architecture
    std::string compiler;
    std::string build_type;
    std::string sotto;         // versions
    std::string git_revision;  // when it was configured, "-dirty" where files had changed; or "unknown"
    std::string libsodium, libsrtp2, opus, vpx;
    std::string srtp_crypto;  // the library that does AES for libsrtp2, which decides what a packet costs
    std::string date;         // UTC

    std::string to_text() const;
    // {"date","machine":{...},"build":{...},"libraries":{...}}
    nlohmann::json to_json() const;
};

Machine describe_machine();

}  // namespace sotto::bench
