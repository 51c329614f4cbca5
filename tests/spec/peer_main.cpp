// The library's end of second_implementation_test.py. One command a line on stdin, its arguments in hexadecimal ("-" is
// empty); one line on stdout: "ok" and what came of it, or "error" and its name. Plays one session and one call.
// usage: spec_peer SEED
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>

#include "crypto/session.h"
#include "sotto/account.h"
#include "sotto/verification.h"
#include "support/policy.h"
#include "support/random.h"

namespace {

using namespace sotto;
using Arguments = std::vector<Buffer>;
using Reply = Result<std::string>;  // the words after "ok", each after a space

std::string word(Bytes bytes) { return bytes.empty() ? " -" : " " + to_hex(bytes); }

class Peer {
  public:
    explicit Peer(std::uint64_t seed) : random_(seed) {}

    Reply run(const std::string& line) {
        std::istringstream words(line);
        std::string command, argument;
        words >> command;
        Arguments arguments;
        while (words >> argument) {
            auto bytes = from_hex(argument == "-" ? "" : argument);
            if (!bytes) return Failure(bytes.error());
            arguments.push_back(std::move(*bytes));
        }
        const auto found = commands.find(command);
        if (found == commands.end() || found->second.arguments != arguments.size()) {
            return Failure(Error::invalid_argument);
        }
        return (this->*found->second.run)(arguments);
    }

  private:
    Reply bundle(const Arguments&) { return word(crypto::encode(prekeys_.publish(device_))); }

    Reply initiate(const Arguments& arguments) {
        const auto bundle = crypto::parse_bundle(arguments[0]);
        if (!bundle) return Failure(bundle.error());
        auto session = crypto::Session::initiate(device_, *bundle, random_);
        if (!session) return Failure(session.error());
        session_ = std::move(*session);
        return "";
    }
    Reply accept(const Arguments& arguments) {
        auto accepted = crypto::Session::accept(device_, prekeys_, arguments[0], random_);
        if (!accepted) return Failure(accepted.error());
        session_ = std::move(accepted->session);
        return word(accepted->first.plaintext) + word(accepted->first.exported.reveal());
    }
    Reply seal(const Arguments& arguments) {
        if (!session_) return Failure(Error::wrong_state);
        const bool asks = arguments[1] == Buffer{std::byte{1}};
        const auto sealed = session_->seal(arguments[0], asks ? crypto::Step::fresh : crypto::Step::keep);
        if (!sealed) return Failure(sealed.error());
        return word(sealed->message) + word(sealed->exported.reveal()) + (sealed->stepped ? " 01" : " 00");
    }
    Reply open(const Arguments& arguments) {
        if (!session_) return Failure(Error::wrong_state);
        const auto opened = session_->open(arguments[0]);
        if (!opened) return Failure(opened.error());
        return word(opened->plaintext) + word(opened->exported.reveal());
    }

    Reply account(const Arguments&) { return word(account_.identity().key) + word(*account_.bundle()); }

    static Result<PublicIdentity> identity(const Buffer& bytes) {
        PublicIdentity identity;
        if (bytes.size() != identity.key.size()) return Failure(Error::invalid_argument);
        std::ranges::copy(bytes, identity.key.begin());
        return identity;
    }
    Reply code(const Arguments& arguments) {
        const auto theirs = identity(arguments[0]);
        if (!theirs) return Failure(theirs.error());
        return word(qr_payload(account_.identity(), *theirs));
    }
    Reply scan(const Arguments& arguments) {
        const auto theirs = identity(arguments[1]);
        if (!theirs) return Failure(theirs.error());
        if (const auto checked = check_qr(arguments[0], account_.identity(), *theirs); !checked) {
            return Failure(checked.error());
        }
        return "";
    }

    Reply devices(const Arguments&) {
        const auto list = account_.publish_devices();
        return list ? Reply(word(*list)) : Failure(list.error());
    }
    Reply learn(const Arguments& arguments) {
        if (const auto learned = account_.learn_devices(arguments[0]); !learned) return Failure(learned.error());
        return "";
    }

    // A contact from now on, and nobody rings but by a capability.
    Reply know(const Arguments& arguments) {
        const auto theirs = identity(arguments[0]);
        if (!theirs) return Failure(theirs.error());
        if (const auto met = account_.contacts().meet("them", *theirs); !met) return Failure(met.error());
        CallPolicy policy;
        policy.limits.window = std::chrono::seconds(0);
        if (const auto set = account_.set_policy(policy); !set) return Failure(set.error());
        return "";
    }
    Reply grant(const Arguments& arguments) {
        const auto theirs = identity(arguments[0]);
        if (!theirs) return Failure(theirs.error());
        const auto signal = account_.grant(*theirs, arguments[1]);
        return signal ? Reply(word(*signal)) : Failure(signal.error());
    }
    Reply revoke(const Arguments& arguments) {
        const auto theirs = identity(arguments[0]);
        if (!theirs) return Failure(theirs.error());
        if (const auto revoked = account_.revoke(*theirs); !revoked) return Failure(revoked.error());
        return "";
    }
    Reply hashes(const Arguments&) {
        std::string words;
        for (const CapabilityHash& hash : account_.capability_hashes()) words += word(hash.bytes);
        return words;
    }

    Reply dial(const Arguments& arguments) {
        const auto callee = identity(arguments[0]);
        if (!callee) return Failure(callee.error());
        auto call = account_.dial(*callee, arguments[1], {}, now);
        if (!call) return Failure(call.error());
        call_ = std::move(*call);
        return outputs();
    }
    Reply receive(const Arguments& arguments) {
        auto call = account_.receive(arguments[0], now);
        if (!call) return Failure(call.error());
        if (*call) call_ = std::move(**call);
        return outputs();
    }
    Reply answer(const Arguments& arguments) {
        if (!call_) return Failure(Error::wrong_state);
        if (const auto accepted = call_->accept({}, now); !accepted) return Failure(accepted.error());
        if (const auto set = call_->set_route(arguments[0]); !set) return Failure(set.error());
        return outputs();
    }
    Reply rekey(const Arguments&) {
        if (!call_) return Failure(Error::wrong_state);
        if (const auto asked = call_->rekey(); !asked) return Failure(asked.error());
        return outputs();
    }
    Reply hang_up(const Arguments&) {
        if (!call_) return Failure(Error::wrong_state);
        call_->hang_up(now);
        return outputs();
    }

    // All that the call gives out but its media, a word each: NAME:HEX.
    std::string outputs() {
        std::string words;
        const auto add = [&](std::string_view name, Bytes value) {
            words.append(" ").append(name) += ":" + to_hex(value);
        };
        while (const auto output = call_->poll(now)) {
            if (const auto* signal = std::get_if<Signal>(&*output)) {
                add("signal", signal->bytes);
                if (signal->capability) add("capability", signal->capability->bytes);
            }
            if (const auto* active = std::get_if<Activated>(&*output))
                add("activated", as_bytes(active->safety_number));
            if (const auto* ready = std::get_if<ShortAuthReady>(&*output)) {
                std::string symbols;
                for (const SasSymbol& symbol : ready->symbols) (symbols += symbols.empty() ? "" : " ") += symbol.word;
                add("short_auth", as_bytes(symbols));
            }
            if (const auto* route = std::get_if<RemoteRoute>(&*output)) add("route", route->route);
            if (const auto* ended = std::get_if<Ended>(&*output)) add("ended", as_bytes(name(ended->reason)));
        }
        return words;
    }

    struct Command {
        std::size_t arguments;
        Reply (Peer::*run)(const Arguments&);
    };
    static const std::map<std::string, Command> commands;
    static constexpr Instant now{};

    test::SeededRandom random_;
    crypto::Device device_ = crypto::Device::generate(crypto::Identity::generate(random_), random_);
    crypto::PrekeyStore prekeys_ = crypto::PrekeyStore::generate(1, random_);
    std::optional<crypto::Session> session_;
    Account account_ = test::open_to_everyone(random_);
    std::optional<Call> call_;
};

const std::map<std::string, Peer::Command> Peer::commands = {
    {"bundle", {0, &Peer::bundle}},  {"initiate", {1, &Peer::initiate}}, {"accept", {1, &Peer::accept}},
    {"seal", {2, &Peer::seal}},      {"open", {1, &Peer::open}},         {"account", {0, &Peer::account}},
    {"code", {1, &Peer::code}},      {"scan", {2, &Peer::scan}},         {"devices", {0, &Peer::devices}},
    {"learn", {1, &Peer::learn}},    {"dial", {2, &Peer::dial}},         {"receive", {1, &Peer::receive}},
    {"know", {1, &Peer::know}},      {"grant", {2, &Peer::grant}},       {"revoke", {1, &Peer::revoke}},
    {"hashes", {0, &Peer::hashes}},  {"answer", {1, &Peer::answer}},     {"rekey", {0, &Peer::rekey}},
    {"hang_up", {0, &Peer::hang_up}}};

}  // namespace

int main(int argc, char** argv) {
    Peer peer(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 0);
    for (std::string line; std::getline(std::cin, line);) {
        const auto reply = peer.run(line);
        std::cout << (reply ? "ok" + *reply : "error " + std::string(name(reply.error()))) << std::endl;
    }
}
