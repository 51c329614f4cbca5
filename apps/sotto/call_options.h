// What `sotto call` and `sotto answer` take: media, the way to the other side, whom to talk to.
#pragma once

#include <string>
#include <vector>

#include "apps/sotto/conversation.h"
#include "apps/sotto/expected.h"
#include "apps/sotto/profile.h"

namespace CLI {
class App;
}

namespace sotto::app {

struct CallOptions {
    ConversationSettings conversation;
    ProfileOptions profile;
    std::string name;      // of whom to call, by the state
    std::string carrier;   // without a name; empty: people by the state
    std::string identity;  // file
    std::string peer;      // hex
    std::string size = "640x360";
    int video_kbps = 800;
    int audio_kbps = 32;
    bool stereo = false;
    bool yes = false;
    std::vector<std::string> blocked;  // hex
    bool silence_strangers = false;
};

void add_profile_options(CLI::App& command, ProfileOptions& options);
void add_relay_options(CLI::App& command, PathSettings& path);
void add_call_options(CLI::App& command, CallOptions& options);
void add_answer_options(CLI::App& command, CallOptions& options);

// What stands in files that add_relay_options() named.
Expected<void> read_relay_files(PathSettings& path);
// Into the settings of the conversation.
Expected<void> apply(CallOptions& options);

// 64 hexadecimal digits; `option` is for the error.
Expected<PublicIdentity> parse_identity(const std::string& option, const std::string& hex);

}  // namespace sotto::app
