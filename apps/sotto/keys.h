// What a user does while a call runs: keys at a terminal, or lines of JSON on standard input ({"do":"mute"}).
#pragma once

#include <termios.h>

#include <optional>
#include <string>
#include <string_view>

#include "apps/sotto/event_log.h"
#include "sotto/call.h"

namespace sotto::app {

// m mute, v camera, h hold, p ask for pictures, y and n to the peer's question, q hang up.
enum class Wish : char { mute = 'm', camera = 'v', hold = 'h', pictures = 'p', yes = 'y', no = 'n', hang_up = 'q' };

// A wish, and for the first three what is wished; without it, the other of what is.
struct Order {
    Wish wish;
    std::optional<bool> on{};
};

// "mute", "camera", "hold" (each may have "on", true or false: muted, camera off, held), "pictures", "yes", "no",
// "hang_up". An error is what is wrong with the line.
Expected<Order> parse_order(std::string_view line);

class Keys {
  public:
    // `json`: lines; else keys, if standard input is a terminal and ours to read. `pictures`: the call begins with
    // them.
    Keys(bool json, bool pictures);
    ~Keys();
    Keys(const Keys&) = delete;
    Keys& operator=(const Keys&) = delete;

    // Before it, questions are asked by line. Terminals give single keys, unseen, from here until the end.
    void listen();
    // Readable when there may be something; -1: nothing comes.
    int descriptor() const { return open_ ? 0 : -1; }
    // Does what was typed, and tells the log.
    void read(Call& call, EventLog& log);
    // What the peer holds back, asks and answers, in words for people, if it is that.
    std::optional<std::string> hear(const Output& output, EventLog& log);

    bool hangs_up() const { return hangs_up_; }
    // Whether pictures go out: agreed on, and neither the camera off nor the call held.
    bool shows() const { return agreed_ && !ours_.camera_off && !ours_.held; }
    // For the live line: what either side holds back, and a question that waits.
    std::string to_text() const;

  private:
    void take(Order order, Call& call, EventLog& log);
    void take_lines(Call& call, EventLog& log);
    void set_media(Order order, Call& call, EventLog& log);
    void take_pictures(Wish wish, Call& call, EventLog& log);

    bool json_;
    bool agreed_;
    bool open_ = false;
    bool hangs_up_ = false;
    bool asked_ = false;  // by the peer, and not answered
    MediaStatus ours_, theirs_;
    std::string line_;
    std::optional<termios> before_;
};

}  // namespace sotto::app
