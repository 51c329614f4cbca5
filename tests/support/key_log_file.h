// The key log as another program meets it: a file named by SOTTO_KEYLOGFILE, one line a key
// (crypto/key_log.h).
#pragma once

#include <cstdlib>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/temporary_folder.h"

namespace sotto::test {

#ifdef SOTTO_KEYLOG
inline constexpr bool key_log_is_built_in = true;
#else
inline constexpr bool key_log_is_built_in = false;
#endif

// While `open`, calls of this process log their keys here.
class KeyLogFile {
  public:
    KeyLogFile() { open(); }
    KeyLogFile(const KeyLogFile&) = delete;
    KeyLogFile& operator=(const KeyLogFile&) = delete;
    ~KeyLogFile() { close(); }

    void open() const { ::setenv("SOTTO_KEYLOGFILE", path().c_str(), 1); }
    void close() const { ::unsetenv("SOTTO_KEYLOGFILE"); }

    std::string path() const { return folder_.file("keys"); }
    std::vector<std::string> lines() const {
        std::vector<std::string> lines;
        std::istringstream in(contents(path()));
        for (std::string line; std::getline(in, line);) lines.push_back(line);
        return lines;
    }

    // In base64, whatever they are of.
    std::set<std::string> keys() const {
        std::set<std::string> keys;
        for (const std::string& line : lines()) keys.insert(line.substr(line.rfind(' ') + 1));
        return keys;
    }

  private:
    TemporaryFolder folder_;
};

}  // namespace sotto::test
