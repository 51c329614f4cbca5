#include "apps/sotto/keys.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace sotto::app {
namespace {

constexpr std::size_t longest_line = 1024;

constexpr std::array<std::pair<std::string_view, Wish>, 7> words{{{"mute", Wish::mute},
                                                                  {"camera", Wish::camera},
                                                                  {"hold", Wish::hold},
                                                                  {"pictures", Wish::pictures},
                                                                  {"yes", Wish::yes},
                                                                  {"no", Wish::no},
                                                                  {"hang_up", Wish::hang_up}}};

std::optional<Wish> wish_of(char key) {
    for (const auto& [word, wish] : words) {
        if (static_cast<char>(wish) == key) return wish;
    }
    return std::nullopt;
}

nlohmann::json to_json(std::string_view event, const MediaStatus& media) {
    return {{"event", event}, {"muted", media.muted}, {"camera_off", media.camera_off}, {"held", media.held}};
}

// "muted, camera off", or nothing.
std::string to_words(const MediaStatus& media) {
    std::string text;
    const auto add = [&](bool is, const char* word) {
        if (is) text.append(text.empty() ? "" : ", ").append(word);
    };
    add(media.muted, "muted");
    add(media.camera_off, "camera off");
    add(media.held, "on hold");
    return text;
}

void tell_refusal(EventLog& log, std::string_view what, std::string_view why) {
    log.event({{"event", "refused"}, {"what", what}, {"why", why}});
}

}  // namespace

Expected<Order> parse_order(std::string_view line) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("do") || !json["do"].is_string()) {
        return std::unexpected("not of the form {\"do\":\"mute\"}");
    }
    const auto word = json["do"].get<std::string>();
    for (const auto& [name, wish] : words) {
        if (name != word) continue;
        Order order{.wish = wish};
        if (!json.contains("on")) return order;
        const bool holds_back = wish == Wish::mute || wish == Wish::camera || wish == Wish::hold;
        if (!holds_back || !json["on"].is_boolean())
            return std::unexpected("\"on\" is true or false, of mute, camera, hold");
        order.on = json["on"].get<bool>();
        return order;
    }
    return std::unexpected("nothing that can be done");
}

// Unbuffered, or a question asked before would take the lines behind its answer along.
Keys::Keys(bool json, bool pictures) : json_(json), agreed_(pictures) { std::setvbuf(stdin, nullptr, _IONBF, 0); }

Keys::~Keys() {
    if (before_) tcsetattr(STDIN_FILENO, TCSADRAIN, &*before_);
}

// A program in the background would be stopped for touching the terminal.
void Keys::listen() {
    const bool terminal = isatty(STDIN_FILENO) != 0;
    if (terminal && tcgetpgrp(STDIN_FILENO) != getpgrp()) return;
    open_ = json_;
    termios keys{};
    if (json_ || !terminal || tcgetattr(STDIN_FILENO, &keys) != 0) return;
    before_ = keys;
    keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);  // Ctrl-C still interrupts
    open_ = tcsetattr(STDIN_FILENO, TCSADRAIN, &keys) == 0;
}

void Keys::read(Call& call, EventLog& log) {
    if (!open_) return;
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    if (::poll(&input, 1, 0) <= 0) return;
    std::array<char, 256> typed{};
    const auto size = ::read(STDIN_FILENO, typed.data(), typed.size());
    if (size <= 0) {
        open_ = false;
        return;
    }
    const std::string_view text(typed.data(), static_cast<std::size_t>(size));
    if (json_) {
        line_ += text;
        return take_lines(call, log);
    }
    for (const char key : text) {
        if (const auto wish = wish_of(key)) take({.wish = *wish}, call, log);
    }
}

void Keys::take_lines(Call& call, EventLog& log) {
    for (auto end = line_.find('\n'); end != std::string::npos; end = line_.find('\n')) {
        const auto order = parse_order(std::string_view(line_).substr(0, end));
        line_.erase(0, end + 1);
        if (order) take(*order, call, log);
        if (!order) tell_refusal(log, "line", order.error());
    }
    if (line_.size() <= longest_line) return;
    line_.clear();
    tell_refusal(log, "line", "too long");
}

void Keys::take(Order order, Call& call, EventLog& log) {
    switch (order.wish) {
        case Wish::hang_up: hangs_up_ = true; return;
        case Wish::mute:
        case Wish::camera:
        case Wish::hold: return set_media(order, call, log);
        case Wish::pictures:
        case Wish::yes:
        case Wish::no: return take_pictures(order.wish, call, log);
    }
}

// To ask while the peer asks is to agree.
void Keys::take_pictures(Wish wish, Call& call, EventLog& log) {
    const bool asks = wish == Wish::pictures && !asked_;
    const bool agrees = wish != Wish::no;
    const auto done = asks ? call.ask_video() : call.answer_video(agrees);
    const std::string_view what = asks ? "asking for pictures" : "an answer about pictures";
    if (!done) return tell_refusal(log, what, name(done.error()));
    if (asks) return log.event({{"event", "pictures_asked"}, {"by", "us"}});
    asked_ = false;
    agreed_ = agreed_ || agrees;
    log.event({{"event", "pictures_answered"}, {"by", "us"}, {"agreed", agrees}});
}

void Keys::set_media(Order order, Call& call, EventLog& log) {
    MediaStatus wanted = ours_;
    bool& one = order.wish == Wish::mute ? wanted.muted : order.wish == Wish::hold ? wanted.held : wanted.camera_off;
    one = order.on.value_or(!one);
    const auto set = call.set_media(wanted);
    if (!set) return tell_refusal(log, "holding back", name(set.error()));
    ours_ = wanted;
    log.event(to_json("media", ours_));
}

std::optional<std::string> Keys::hear(const Output& output, EventLog& log) {
    if (const auto* media = std::get_if<PeerMedia>(&output)) {
        theirs_ = media->status;
        log.event(to_json("peer_media", theirs_));
        const std::string held = to_words(theirs_);
        return "The other side: " + (held.empty() ? std::string("holds nothing back") : held);
    }
    if (std::holds_alternative<VideoAsked>(output)) {
        asked_ = true;
        log.event({{"event", "pictures_asked"}, {"by", "peer"}});
        return "The other side asks for pictures: y or n";
    }
    if (const auto* answered = std::get_if<VideoAnswered>(&output)) {
        agreed_ = agreed_ || answered->agreed;
        asked_ = asked_ && !answered->agreed;
        log.event({{"event", "pictures_answered"}, {"by", "peer"}, {"agreed", answered->agreed}});
        return answered->agreed ? "Pictures from now on" : "The other side wants no pictures";
    }
    return std::nullopt;
}

std::string Keys::to_text() const {
    std::string text;
    if (const auto ours = to_words(ours_); !ours.empty()) text += "  [" + ours + "]";
    if (const auto theirs = to_words(theirs_); !theirs.empty()) text += "  [there: " + theirs + "]";
    if (asked_) text += "  [pictures? y/n]";
    return text;
}

}  // namespace sotto::app
