// Seeds of routes and of topics, for make_seeds.cpp.
#include "fuzz/seed.h"
#include "sotto/identity.h"
#include "transport/ice_description.h"

using namespace sotto;
using namespace sotto::fuzz;

void make_route_seeds(const std::filesystem::path& root);

namespace {

void udp_route(const Folder& folder) {
    folder.write("v4", as_bytes("127.0.0.1 5000"));
    folder.write("v6", as_bytes("::1 5000"));
    folder.write("no-port", as_bytes("127.0.0.1"));
    folder.write("name", as_bytes("localhost 5000"));
    folder.write("zero-byte-behind-address", as_bytes({"127.0.0.1\0.2 5000", 16}));
    folder.write("port-over-65535", as_bytes("127.0.0.1 70000"));
    folder.write("port-with-sign", as_bytes("127.0.0.1 -1"));
}

// As many candidates, every second one of IPv6.
Buffer description(std::size_t count) {
    transport::IceDescription made{.generation = 1, .fragment = {}, .password = {}};
    made.fragment.fill('f');
    made.password.fill('p');
    made.count = count;
    for (std::size_t i = 0; i < count; ++i) {
        transport::IceCandidate& candidate = made.room[i];
        candidate = {.type = static_cast<transport::CandidateType>(1 + i % 3), .priority = 1, .address = {}, .port = 9};
        candidate.address.v6 = i % 2 == 1;
        candidate.address.bytes[0] = std::byte{10};
    }
    std::array<std::byte, transport::max_ice_description> room;
    return to_buffer(Bytes(room).first(transport::write_ice_description(made, room).value()));
}

void ice_description(const Folder& folder) {
    folder.write("no-candidates", description(0));
    folder.write("one-candidate", description(1));
    folder.write("nine-candidates", description(9));
    Buffer changed = description(2);
    changed[36] = std::byte{0x35};
    folder.write("unknown-family", changed);
    changed = description(2);
    changed.pop_back();
    folder.write("cut-short", changed);
    changed = description(0);
    changed[35] = std::byte{15};
    folder.write("too-many", changed);
    changed[0] = std::byte{2};
    folder.write("later-version", changed);
}

// A topic, a zero byte, a payload.
void mqtt_letter(const Folder& folder) {
    const std::string ours = "01" + std::string(62, '0'), theirs(64, 'a');
    const std::string letter = "sotto/1/inbox/bob/" + ours + "/alice/" + theirs;
    const auto write = [&](const char* name, const std::string& topic, std::string_view payload) {
        folder.write(name, Seed{}.add(as_bytes(topic)).u8(0).add(as_bytes(payload)));
    };
    write("letter", letter, "a signal");
    write("letter-to-another", "sotto/1/inbox/bob/" + theirs + "/alice/" + theirs, "a signal");
    write("letter-too-deep", letter + "/x", "a signal");
    write("letter-upper-case", "sotto/1/inbox/bob/" + ours + "/alice/" + std::string(64, 'A'), "a signal");
    write("letter-empty", letter, "");
    write("bundle", "sotto/1/bundle/bob/" + theirs, "a bundle");
    write("bundle-of-another", "sotto/1/bundle/bobby/" + theirs, "a bundle");
}

// The size of a piece less one, then messages of a relay.
void turn_stream(const Folder& folder) {
    const auto message = [](Seed& seed, std::uint8_t first, std::uint8_t size, std::size_t rest) {
        seed.u8(first).u8(1).u8(0).u8(size);
        for (std::size_t i = 0; i < rest; ++i) seed.u8(0x55);
    };
    Seed whole;
    whole.u8(6);
    message(whole, 0, 8, 24);
    message(whole, 0x40, 5, 8);
    message(whole, 0x40, 0, 0);
    message(whole, 1, 0, 16);
    folder.write("stun-and-channel-data", whole);
    Seed part;
    part.u8(0);
    message(part, 0x40, 200, 9);
    folder.write("begun", part);
}

// RFC 8656 §7.3: what libnice is asked with, and the address that it gets.
void relay_answers(const Folder& folder) {
    const auto write = [&](const char* name, std::string_view hex) {
        folder.write(name, Seed{}.add(from_hex(hex).value()));
    };
    const std::string challenge = "2112a442b7e7a701bc34d686fa87dfae001400036f726700001500046f6e6365";
    write("challenge", "01130010" + challenge);
    write("challenge-longer-than-it-is", "01130014" + challenge);
    write("relayed-v4", "0103000c2112a442b7e7a701bc34d686fa87dfae001600080001a147e112a643");
    write("relayed-v6", "010300182112a442b7e7a701bc34d686fa87dfae001600140002a1470113a9faa5d3f179bc25f4b5bed2b9d9");
}

void relay_session(const Folder& folder) {
    const auto write = [&](const char* name, std::string_view hex) {
        folder.write(name, Seed{}.add(from_hex(hex).value()));
    };
    const std::string one = "00017200017700000000000003e800000000000005dc00020707";
    write("one", "0101" + one);
    write("two", "0102" + one + one);
    write("without-a-secret", "010100017200017700000000000003e800000000000005dc0000");
    write("ends-before-it-begins", "010100017200017700000000000005dc00000000000003e800020707");
}

}  // namespace

void make_route_seeds(const std::filesystem::path& root) {
    udp_route({root, "udp_route"});
    ice_description({root, "ice_description"});
    mqtt_letter({root, "mqtt_letter"});
    turn_stream({root, "turn_stream"});
    relay_answers({root, "relay_answers"});
    relay_session({root, "relay_session"});
}
