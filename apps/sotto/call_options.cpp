#include "apps/sotto/call_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "apps/sotto/private_file.h"

namespace sotto::app {

void add_profile_options(CLI::App& command, ProfileOptions& options) {
    command.add_option("--state", options.directory,
                       "directory with our account, contacts and settings; else $XDG_DATA_HOME/sotto, "
                       "or ~/.local/share/sotto");
    command.add_option("--passphrase-file", options.passphrase_file,
                       "its first line opens the state, where no key file does; else $SOTTO_PASSPHRASE");
}

void add_relay_options(CLI::App& command, PathSettings& path) {
    command.add_option(
        "--relay", path.relay,
        "turn:HOST:PORT[?transport=udp|tcp] or turns:HOST:PORT; or several that take the same credentials, with "
        "commas between them");
    command.add_option("--relay-user", path.relay_user, "for the relay; with --relay-secret, a name for its logs");
    command.add_option("--relay-password-file", path.relay_password_file, "its first line is the password there");
    command.add_option("--relay-secret-file", path.relay_secret_file,
                       "its first line is the relay's secret, in place of a password");
    command.add_option("--relay-password", path.relay_password,
                       "that password in words, which others on this machine see while the command runs");
    command.add_option("--relay-secret", path.relay_secret, "that secret in words, likewise");
    command.add_option("--relay-ca", path.relay_ca, "certificates that vouch for a turns: relay; else the system's");
}

void add_call_options(CLI::App& command, CallOptions& options) {
    ConversationSettings& settings = options.conversation;
    command.add_option("--signal", options.carrier, "carries signals: unix:PATH, tcp:HOST:PORT, or via:HOST:PORT");
    add_profile_options(command, options.profile);
    command.add_option("--video", settings.video, "file, v4l2:DEVICE, test or none")->capture_default_str();
    command.add_option("--audio", settings.audio, "file[,file...], alsa:DEVICE, pulse:DEVICE, test or none")
        ->capture_default_str();
    command.add_option("--record", settings.record, "write the received call to this WebM file");
    command.add_option("--log", settings.log, "write events and frame traces as JSON lines to this file");
    command.add_option("--identity", options.identity,
                       "file with our identity, for --signal; made if missing, else one for this call");
    command.add_option("--peer", options.peer, "the only identity to talk to, 64 hexadecimal digits; for --signal");
    PathSettings& path = settings.path;
    add_relay_options(command, path);
    command.add_flag("--direct", path.direct, "no relay if both sides say so: each learns the other's address");
    command.add_option("--bind", path.bind, "numeric address for media, the only one to use");
    command.add_option("--size", options.size, "of the pictures we send")->capture_default_str();
    command.add_option("--fps", settings.call.video_frame_rate, "frames a second at most")->capture_default_str();
    command.add_option("--video-kbps", options.video_kbps, "bit rate of the pictures")->capture_default_str();
    command.add_option("--audio-kbps", options.audio_kbps, "bit rate of the sound")->capture_default_str();
    command.add_option("--block-ms", settings.call.audio_block_ms, "10 or 20")->capture_default_str();
    command.add_flag("--stereo", options.stereo, "two channels of sound");
    command.add_option("--seconds", settings.seconds, "hang up after so long");
    command.add_flag("--json", settings.json, "events as JSON lines on standard output, orders on standard input");
    command.add_flag("--sound-only", settings.sound_only, "begin with sound alone; pictures once both agree (p, y, n)");
}

void add_answer_options(CLI::App& command, CallOptions& options) {
    command.add_flag("--yes", options.yes, "accept without asking");
    command.add_option("--block", options.blocked, "an identity that never rings, 64 hexadecimal digits; for --signal");
    command.add_flag("--silence-strangers", options.silence_strangers,
                     "strangers, who are all but --peer, never ring; for --signal");
}

Expected<void> read_relay_files(PathSettings& path) {
    for (const auto& [file, word] : {std::pair(&path.relay_password_file, &path.relay_password),
                                     std::pair(&path.relay_secret_file, &path.relay_secret)}) {
        if (file->empty()) continue;
        if (!word->empty()) return std::unexpected("the relay's password or secret is given in words, or in a file");
        const auto line = read_first_line(*file);
        if (!line) return std::unexpected(line.error());
        *word = text_in(*line);
    }
    return {};
}

Expected<void> apply(CallOptions& options) {
    const auto relay = read_relay_files(options.conversation.path);
    if (!relay) return relay;
    CallSettings& call = options.conversation.call;
    char extra = 0;
    if (std::sscanf(options.size.c_str(), "%dx%d%c", &call.video_width, &call.video_height, &extra) != 2) {
        return std::unexpected("--size is WIDTHxHEIGHT, not " + options.size);
    }
    call.video_bitrate = options.video_kbps * 1000;
    call.audio_bitrate = options.audio_kbps * 1000;
    call.audio_channels = options.stereo ? 2 : 1;
    for (std::string* const source : {&options.conversation.video, &options.conversation.audio}) {
        if (*source == "none") source->clear();
    }
    return {};
}

Expected<PublicIdentity> parse_identity(const std::string& option, const std::string& hex) {
    const auto bytes = from_hex(hex);
    if (!bytes || bytes->size() != PublicIdentity::size)
        return std::unexpected(option + " takes 64 hexadecimal digits");
    PublicIdentity identity;
    std::ranges::copy(*bytes, identity.key.begin());
    return identity;
}

}  // namespace sotto::app
