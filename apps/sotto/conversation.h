// One call at the command line: media in, datagrams and signals through, media out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/sotto/event_log.h"
#include "apps/sotto/feed.h"
#include "apps/sotto/keys.h"
#include "apps/sotto/live_line.h"
#include "apps/sotto/media_path.h"
#include "apps/sotto/media_source.h"
#include "apps/sotto/recorder.h"
#include "apps/sotto/signal_path.h"
#include "sotto/account.h"
#include "transport/net/udp_socket.h"

namespace sotto::app {

struct ConversationSettings {
    CallSettings call;
    std::string video = "test";  // a source, see media_source.h; empty: none
    std::string audio = "test";
    std::string record;  // a WebM file for what is received; empty: discarded
    std::string log;     // JSON lines with every frame's trace; empty: none
    PathSettings path;
    bool caller = false;
    int seconds = 0;          // hang up after so long; 0: when told
    bool json = false;        // events on standard output instead of the live line
    bool sound_only = false;  // at first: pictures once both have agreed to them
};

class Conversation {
  public:
    // Opens sources and files, so that what is missing shows before anybody's telephone rings.
    static Expected<std::unique_ptr<Conversation>> prepare(const ConversationSettings& settings);

    // What the call should send: the sources' frame rate is known now.
    const CallSettings& call_settings() const { return settings_.call; }
    EventLog& log() { return log_; }
    // Whether this call may do without a relay, if the other side allows it too. Before the call is dialled or
    // accepted.
    void allow_direct(bool allowed);
    // The call turned out to be theirs: they take the lead in finding a way.
    void is_callee() { settings_.caller = false; }
    bool has_relay() const { return path_.has_relay(); }

    // Runs the call until it ends; gives why.
    Expected<EndReason> run(Account& account, Call call, SignalPath& carrier);

  private:
    Conversation(const ConversationSettings& settings, MediaPath&& path, EventLog&& log);
    Expected<void> open_sources();

    Expected<void> run_until_ended(Account& account, Call& call, SignalPath& carrier);

    // The loop's parts, in the order in which they run.
    Expected<void> take_outputs(Call& call, SignalPath& carrier);
    Expected<void> take(const Output& output, Call& call, SignalPath& carrier);
    void tell(const std::string& event, const std::string& words);
    void say(const std::string& words) const;
    void tell_short_auth(const ShortAuth& symbols);
    Expected<void> show(const ShownFrame& frame);
    Expected<void> play(const PlayedBlock& block);
    Expected<void> begin(Call& call, const Activated& activated);
    void lose_carrier(Call& call);
    void send_media(Call& call);
    void send_picture(Call& call);
    void send_sound(Call& call);
    void tell_failure(const std::string& what, const std::string& why);
    void report(Call& call);
    void wait(const Call& call, const SignalPath& carrier, bool hanging_up);
    void take_signal(Account& account, const Buffer& signal, SignalPath& carrier);
    Expected<void> read_network(Account& account, Call& call, SignalPath& carrier);

    ConversationSettings settings_;
    MediaPath path_;
    transport::net::Descriptor wake_;
    EventLog log_;
    Keys keys_;
    std::unique_ptr<VideoSource> video_source_;
    std::unique_ptr<AudioSource> audio_source_;
    std::unique_ptr<Feed<codec::I420Buffer>> pictures_;
    std::unique_ptr<Feed<std::vector<std::int16_t>>> sounds_;
    std::unique_ptr<Recorder> recorder_;
    std::unique_ptr<LiveLine> live_;
    Instant active_since_ = never;
    Instant media_since_ = never;  // when there was a path
    Instant next_report_ = never;
    std::uint64_t pictures_sent_ = 0;
    std::uint64_t sounds_sent_ = 0;
    bool heard_ = false;
    std::vector<pollfd> descriptors_;  // that a turn waits on
    bool carrier_fails_ = false;       // to send
    bool carrier_gone_ = false;
    std::optional<EndReason> ended_;
};

}  // namespace sotto::app
