// sotto: private calls from the command line. `sotto call`, `sotto answer`, and `sotto report` on a finished call.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "apps/sotto/broker_command.h"
#include "apps/sotto/conversation.h"
#include "apps/sotto/interrupt.h"
#include "apps/sotto/report.h"
#include "sotto/account.h"

namespace sotto::app {
namespace {

constexpr int exit_failed = 1;         // the call was declined, not answered or lost
constexpr int exit_unusable = 2;       // an argument, file, device or codec is no good
constexpr int exit_interrupted = 130;  // before there was a call to hang up

// Whoever interrupts us needs no explanation.
int complain(const std::string& line) {
    if (interrupted()) return exit_interrupted;
    std::fprintf(stderr, "sotto: %s\n", line.c_str());
    return exit_unusable;
}

struct Options {
    ConversationSettings conversation;
    std::string carrier = "unix:/tmp/sotto.sock";
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

// 64 hexadecimal digits and a line's end, wiped afterwards: no string or stream keeps a copy of the seed.
using SeedText = Secret<struct SeedTextRole, 2 * AccountSeed::size + 1>;

Expected<Account> make_identity(const std::string& path) {
    const transport::net::Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    Account made = Account::create();
    const auto seed = made.seed();  // a new identity's secret is here
    SeedText text;
    for (std::size_t i = 0; i < AccountSeed::size; ++i) {
        std::string digits = to_hex(seed->reveal().subspan(i, 1));
        text.fill()[2 * i] = static_cast<std::byte>(digits[0]);
        text.fill()[2 * i + 1] = static_cast<std::byte>(digits[1]);
    }
    text.fill().back() = std::byte{'\n'};
    const auto written = fd ? ::write(fd.get(), text.reveal().data(), SeedText::size) : -1;
    if (written != static_cast<ssize_t>(SeedText::size)) return std::unexpected("cannot write the identity to " + path);
    return made;
}

// The seed lies in a file only its owner may read; made anew where there is none.
Expected<Account> open_account(const std::string& path) {
    if (path.empty()) return Account::create();
    const transport::net::Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return make_identity(path);
    SeedText text;
    const auto size = ::read(fd.get(), text.fill().data(), SeedText::size);
    AccountSeed seed;
    bool whole = size >= static_cast<ssize_t>(2 * AccountSeed::size);
    for (std::size_t i = 0; whole && i < AccountSeed::size; ++i) {
        const auto* const digits = reinterpret_cast<const char*>(text.reveal().data()) + 2 * i;
        const auto byte = from_hex(std::string_view(digits, 2));
        whole = byte.has_value();
        if (whole) seed.fill()[i] = byte->front();
    }
    if (!whole) return std::unexpected(path + " holds no identity");
    return Account::restore(seed);
}

Expected<PublicIdentity> parse_identity(const std::string& option, const std::string& hex) {
    const auto bytes = from_hex(hex);
    if (!bytes || bytes->size() != PublicIdentity::size)
        return std::unexpected(option + " takes 64 hexadecimal digits");
    PublicIdentity identity;
    std::ranges::copy(*bytes, identity.key.begin());
    return identity;
}

Expected<std::optional<PublicIdentity>> parse_peer(const std::string& hex) {
    if (hex.empty()) return std::nullopt;
    const auto peer = parse_identity("--peer", hex);
    if (!peer) return std::unexpected(peer.error());
    return *peer;
}

Expected<void> apply(Options& options) {
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

int finish(const Expected<EndReason>& ended) {
    if (!ended) return complain(ended.error());
    if (*ended == EndReason::hung_up) return 0;
    std::fprintf(stderr, "sotto: the call ended: %s\n", std::string(name(*ended)).c_str());
    return exit_failed;
}

// What both commands need before anybody's telephone rings.
struct Ready {
    std::optional<PublicIdentity> expected;  // the only peer to talk to
    Account account;
    std::unique_ptr<Conversation> conversation;
};

Expected<Ready> get_ready(Options& options) {
    const auto applied = apply(options);
    if (!applied) return std::unexpected(applied.error());
    const auto expected = parse_peer(options.peer);
    if (!expected) return std::unexpected(expected.error());
    auto account = open_account(options.identity);
    if (!account) return std::unexpected(account.error());
    auto conversation = Conversation::prepare(options.conversation);
    if (!conversation) return std::unexpected(conversation.error());
    return Ready{*expected, std::move(*account), std::move(*conversation)};
}

int run_call(Options options) {
    options.conversation.caller = true;
    auto ready = get_ready(options);
    if (!ready) return complain(ready.error());
    auto& [expected, account, conversation] = *ready;
    auto carrier = Carrier::connect(options.carrier);
    if (!carrier) return complain(carrier.error());
    const auto bundle = carrier->wait(5);
    if (!bundle) return complain(bundle.error());

    const auto owner = bundle_owner(*bundle);
    if (!owner) return complain("the prekey bundle is refused: " + std::string(describe(owner.error())));
    auto call = account.dial(expected.value_or(*owner), *bundle, conversation->call_settings(), now());
    if (!call) return complain("cannot call: " + std::string(describe(call.error())));
    // The number takes a while to compute: better while it rings than between the answer and the first packet.
    conversation->log().event(
        {{"event", "calling"}, {"peer", to_hex(call->peer().key)}, {"safety_number", call->safety_number()}});
    return finish(conversation->run(account, std::move(*call), std::move(*carrier)));
}

// What the call has to say while our user decides: that it rings here.
Expected<void> tell_signals(Call& call, Carrier& carrier) {
    while (const auto output = call.poll(now())) {
        const auto* signal = std::get_if<Signal>(&*output);
        const auto sent = signal != nullptr ? carrier.send(signal->bytes) : Expected<void>{};
        if (!sent) return sent;
    }
    return {};
}

// Rings until our user decides; the caller learns nothing else before.
bool user_accepts(const Call& call) {
    std::fprintf(stderr, "Call from %s\nSafety number %s\n%s. Accept? [y/N] ", to_hex(call.peer().key).c_str(),
                 call.safety_number().c_str(), call.offers_video() ? "Video and audio" : "Audio");
    constexpr auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(ring_timeout);
    if (!wait_readable(STDIN_FILENO, static_cast<int>(patience.count()))) return false;
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

Expected<Call> wait_for_ring(Account& account, Carrier& carrier, EventLog& log) {
    for (;;) {
        const auto signal = carrier.wait(60);
        if (!signal) return std::unexpected(signal.error());
        auto received = account.receive(*signal, now());
        if (received && *received) return std::move(**received);
        // Whoever may not ring must not see us leave: we stay with the host that stands between.
        if (carrier.via_host()) {
            const auto why = received ? "no offer" : name(received.error());
            log.event({{"event", "refused"}, {"what", "signal"}, {"why", why}});
            continue;
        }
        if (!received) return std::unexpected("the offer is refused: " + std::string(describe(received.error())));
        return std::unexpected("the other side sent something else than an offer");
    }
}

// Our user is asked about whoever calls, or only one person rings at all.
Expected<CallPolicy> policy_for(const std::optional<PublicIdentity>& expected, const Options& options) {
    CallPolicy policy{.who = expected ? WhoMayRing::nobody : WhoMayRing::everyone,
                      .silence_strangers = options.silence_strangers};
    if (expected) policy.exceptions[*expected] = Exception::allow;
    for (const std::string& hex : options.blocked) {
        const auto blocked = parse_identity("--block", hex);
        if (!blocked) return std::unexpected(blocked.error());
        policy.exceptions[*blocked] = Exception::block;
    }
    return policy;
}

int run_answer(Options options) {
    auto ready = get_ready(options);
    if (!ready) return complain(ready.error());
    auto& [expected, account, conversation] = *ready;
    const auto policy = policy_for(expected, options);
    if (!policy) return complain(policy.error());
    const auto agreed = account.set_policy(*policy);
    if (!agreed) return complain(std::string(describe(agreed.error())));
    conversation->log().event({{"event", "waiting"}, {"identity", to_hex(account.identity().key)}});
    auto carrier = Carrier::accept_one(options.carrier);
    if (!carrier) return complain(carrier.error());
    const auto published = carrier->send(*account.bundle());
    if (!published) return complain(published.error());

    auto call = wait_for_ring(account, *carrier, conversation->log());
    if (!call) return complain(call.error());
    conversation->log().event(
        {{"event", "ringing"}, {"peer", to_hex(call->peer().key)}, {"safety_number", call->safety_number()}});
    const auto rings = options.yes ? Expected<void>{} : tell_signals(*call, *carrier);
    if (!rings) return complain(rings.error());
    if (!options.yes && !user_accepts(*call)) {
        call->hang_up(now());
        return finish(conversation->run(account, std::move(*call), std::move(*carrier)));
    }
    const auto accepted = call->accept(conversation->call_settings(), now());
    if (!accepted) call->hang_up(now());  // the caller is told, whatever failed here
    const auto ended = conversation->run(account, std::move(*call), std::move(*carrier));
    return accepted ? finish(ended) : complain("cannot answer: " + std::string(describe(accepted.error())));
}

int run_report(const ReportInput& input, bool json) {
    const auto report = make_report(input);
    if (!report) return complain(report.error());
    const std::string text = to_text(*report, input);
    std::fputs(text.c_str(), json ? stderr : stdout);
    if (json) std::printf("%s\n", report->dump().c_str());
    return (*report)["safety_number_match"] && (*report)["short_auth_match"] ? 0 : exit_failed;
}

void add_options(CLI::App& command, Options& options) {
    ConversationSettings& settings = options.conversation;
    command.add_option("--signal", options.carrier, "carries signals: unix:PATH, tcp:HOST:PORT, or via:HOST:PORT")
        ->capture_default_str();
    command.add_option("--video", settings.video, "file, v4l2:DEVICE, test or none")->capture_default_str();
    command.add_option("--audio", settings.audio, "file[,file...], alsa:DEVICE, pulse:DEVICE, test or none")
        ->capture_default_str();
    command.add_option("--record", settings.record, "write the received call to this WebM file");
    command.add_option("--log", settings.log, "write events and frame traces as JSON lines to this file");
    command.add_option("--identity", options.identity,
                       "file with our identity; made if missing, else one for this call");
    command.add_option("--peer", options.peer, "the only identity to talk to, 64 hexadecimal digits");
    PathSettings& path = settings.path;
    command.add_option("--relay", path.relay, "turn:HOST:PORT[?transport=udp|tcp] or turns:HOST:PORT");
    command.add_option("--relay-user", path.relay_user, "for the relay; with --relay-secret, a name for its logs");
    command.add_option("--relay-password", path.relay_password, "for the relay");
    command.add_option("--relay-secret", path.relay_secret, "the relay's secret, in place of a password");
    command.add_option("--relay-ca", path.relay_ca, "certificates that vouch for a turns: relay; else the system's");
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

int run(int argc, char** argv) {
    CLI::App app("Private audio and video calls, end-to-end encrypted", "sotto");
    app.require_subcommand(1);
    Options call, answer;
    ReportInput report;
    bool report_json = false;
    CLI::App& call_command = *app.add_subcommand("call", "call whoever waits at --signal");
    CLI::App& answer_command = *app.add_subcommand("answer", "wait at --signal for one call");
    CLI::App& report_command = *app.add_subcommand("report", "tell how a finished call was at the far end");
    add_options(call_command, call);
    add_options(answer_command, answer);
    answer_command.add_flag("--yes", answer.yes, "accept without asking");
    answer_command.add_option("--block", answer.blocked, "an identity that never rings, 64 hexadecimal digits");
    answer_command.add_flag("--silence-strangers", answer.silence_strangers,
                            "strangers, who are all but --peer, never ring");
    report_command.add_option("--sender-log", report.sender_log)->required();
    report_command.add_option("--receiver-log", report.receiver_log)->required();
    report_command.add_option("--recording", report.recording, "of the receiver")->required();
    report_command.add_option("--video", report.video, "the sender's source");
    report_command.add_option("--audio", report.audio, "the sender's source");
    report_command.add_option("--video-origin", report.video_origin, "what the pictures are");
    report_command.add_flag("--json", report_json, "one JSON object on standard output");
    BrokerCommand broker(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_unusable;
    }
    if (broker.parsed()) {
        const auto ran = broker.run();
        return ran ? 0 : complain(ran.error());
    }
    listen_for_interrupt();
    if (call_command.parsed()) return run_call(std::move(call));
    if (answer_command.parsed()) return run_answer(std::move(answer));
    return run_report(report, report_json);
}

}  // namespace
}  // namespace sotto::app

int main(int argc, char** argv) {
    try {
        return sotto::app::run(argc, argv);
    } catch (const std::exception& error) {  // of the JSON and option libraries, or no memory
        return sotto::app::complain(error.what());
    }
}
