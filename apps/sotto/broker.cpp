#include "apps/sotto/broker.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "apps/sotto/broker_certificate.h"
#include "apps/sotto/mqtt_topics.h"
#include "crypto/durable_file.h"
#include "sotto/identity.h"
#include "sotto/random.h"
#include "transport/net/relay_server.h"
#include "transport/net/udp_socket.h"

namespace sotto::app {
namespace {

using transport::net::Descriptor;

constexpr std::uint16_t default_port = 8883;
constexpr std::size_t max_packet = 20480;  // a letter, its topic and its properties
static_assert(max_packet > max_letter + 512);

// The broker vouches for a letter's sender: nobody writes in another's name, nor reads what is not for them.
constexpr const char* rules =
    "# Written by `sotto broker`. %u is the name that somebody is let in by.\n"
    "pattern read sotto/1/bundle/#\n"
    "pattern write sotto/1/bundle/%u/+\n"
    "pattern read sotto/1/inbox/%u/#\n"
    "pattern write sotto/1/inbox/+/+/%u/+\n";

// Once the folder is mosquitto's, whatever it becomes may put links here, to what root alone may read or change: of
// what lies in the folder no link is followed.
std::string contents(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    std::string text;
    std::array<char, 4096> room;
    for (ssize_t size = 1; file && size > 0;) {
        size = ::read(file.get(), room.data(), room.size());
        if (size > 0) text.append(room.data(), static_cast<std::size_t>(size));
    }
    return text;
}

// mosquitto gives up root for a user of its own, who has to read and write here then. Null: we are not root.
const passwd* mosquitto_user() { return ::geteuid() == 0 ? ::getpwnam("mosquitto") : nullptr; }

void hand_to_mosquitto(const std::string& path) {
    const passwd* const user = mosquitto_user();
    if (user != nullptr && ::lchown(path.c_str(), user->pw_uid, user->pw_gid) != 0) return;  // it will say so itself
}

// All of it or nothing, for ourselves and mosquitto alone.
Expected<void> write_file(const std::string& path, const std::string& text) {
    if (!crypto::replace_file(path, as_bytes(text))) return std::unexpected("cannot write " + path);
    hand_to_mosquitto(path);
    return {};
}

// `links`: O_NOFOLLOW, or 0 for the broker's own folder, which may well be a link of the user's.
Expected<void> make_folder(const std::string& path, int links) {
    std::error_code failed;
    std::filesystem::create_directories(path, failed);
    const Descriptor made(::open(path.c_str(), O_RDONLY | O_DIRECTORY | links | O_CLOEXEC));
    if (failed || !made || ::fchmod(made.get(), 0700) != 0)
        return std::unexpected("cannot use " + path + ": not a folder of ours");
    const passwd* const user = mosquitto_user();
    if (user != nullptr && ::fchown(made.get(), user->pw_uid, user->pw_gid) != 0) return {};  // it will say so itself
    return {};
}

std::string configuration(const std::string& folder, const transport::net::HostAndPort& at) {
    std::ostringstream out;
    out << "# Written by `sotto broker` at each start. What lies in conf.d/ stays, and is read, too.\n"
        << "listener " << (at.port != 0 ? at.port : default_port) << (at.host.empty() ? "" : " ") << at.host << "\n"
        << "certfile " << folder << "/broker.pem\nkeyfile " << folder << "/broker.key\n"
        << "\n# Who is let in, and to what.\n"
        << "allow_anonymous false\npassword_file " << folder << "/passwords\nacl_file " << folder << "/acl\n"
        << "\n# Letters wait here for devices that are off, for a week.\n"
        << "persistence true\npersistence_location " << folder << "/\nautosave_interval 10\n"
        << "persistent_client_expiration 8d\n"
        << "\n# Against floods: of one letter, of one person's, of all.\n"
        << "max_packet_size " << max_packet << "\n"
        << "max_inflight_messages 16\nmax_queued_messages 256\nmax_queued_bytes 1048576\nqueue_qos0_messages false\n"
        << "max_keepalive 120\nmax_connections 4096\nmemory_limit 268435456\n"
        << "\n# A letter's last part does not wait until what went before is acknowledged.\nset_tcp_nodelay true\n"
        << "\n# Who connects from where is nobody's business.\n"
        << "connection_messages false\nlog_dest stderr\nlog_type error\nlog_type warning\n"
        << "\ninclude_dir " << folder << "/conf.d\n";
    return out.str();
}

// Ours are always good for a broker on this machine.
std::vector<std::string> hosts_of(const BrokerSettings& settings, const std::string& address) {
    std::vector<std::string> hosts{"localhost", "127.0.0.1", "::1"};
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0') hosts.emplace_back(name.data());
    const bool everywhere = address.empty() || address == "0.0.0.0" || address == "::";
    if (!everywhere) hosts.push_back(address);
    hosts.insert(hosts.end(), settings.hosts.begin(), settings.hosts.end());
    return hosts;
}

// mosquitto's hash of a password: "NAME:$7$...", without a word of it on a command line, nor in a folder of others'.
Expected<std::string> hashed_line(const std::string& name, const std::string& password) {
    std::error_code failed;
    std::string folder = (std::filesystem::temp_directory_path(failed) / "sotto.XXXXXX").string();
    if (failed || ::mkdtemp(folder.data()) == nullptr)
        return std::unexpected("cannot write in the folder for temporary files");
    const std::string path = folder + "/password";
    const bool written = crypto::replace_file(path, as_bytes(name + ":" + password + "\n")).has_value();
    const pid_t child = written ? ::fork() : -1;
    if (child == 0) {
        ::execlp("mosquitto_passwd", "mosquitto_passwd", "-U", path.c_str(), nullptr);
        ::_exit(127);
    }
    int status = -1;
    if (child > 0) ::waitpid(child, &status, 0);
    std::string line = contents(path);
    std::filesystem::remove_all(folder, failed);
    if (status != 0 || line.starts_with(name + ":" + password)) {
        return std::unexpected("mosquitto_passwd makes no password: is mosquitto installed?");
    }
    return line;
}

// A broker that runs on this folder reads who may come in anew.
void tell_broker(const std::string& folder) {
    const int pid = std::atoi(contents(folder + "/pid").c_str());
    if (pid > 1 && contents("/proc/" + std::to_string(pid) + "/comm") == "mosquitto\n") ::kill(pid, SIGHUP);
}

}  // namespace

Expected<void> prepare_broker(const BrokerSettings& settings) {
    const std::string& folder = settings.folder;
    transport::net::HostAndPort at;
    if (!settings.listen.empty()) {
        const auto parsed = transport::net::parse_host_and_port(settings.listen);
        if (!parsed) return std::unexpected("--listen is ADDRESS[:PORT], not " + settings.listen);
        at = *parsed;
    }
    if (folder.contains('\n')) return std::unexpected("not a folder: " + folder);
    auto usable = make_folder(folder, 0);
    if (usable) usable = make_folder(folder + "/conf.d", O_NOFOLLOW);
    if (!usable) return usable;
    const auto certified = keep_certificates(folder, hosts_of(settings, at.host));
    if (!certified) return certified;
    for (const char* const file : {"/broker.pem", "/broker.key"}) hand_to_mosquitto(folder + file);
    std::error_code failed;
    const bool has_people = std::filesystem::exists(folder + "/passwords", failed);
    const auto people = has_people ? Expected<void>{} : write_file(folder + "/passwords", "");
    if (!people) return people;
    const auto ruled = write_file(folder + "/acl", rules);
    if (!ruled) return ruled;
    return write_file(folder + "/mosquitto.conf", configuration(folder, at));
}

std::string become_broker(const std::string& folder) {
    const auto known = write_file(folder + "/pid", std::to_string(::getpid()) + "\n");
    if (!known) return known.error();
    const std::string path = folder + "/mosquitto.conf";
    ::execlp("mosquitto", "mosquitto", "-c", path.c_str(), nullptr);
    ::execl("/usr/sbin/mosquitto", "mosquitto", "-c", path.c_str(), nullptr);
    return "mosquitto does not start, is it installed? " + std::string(std::strerror(errno));
}

Expected<std::string> add_person(const std::string& folder, const std::string& name, bool anew) {
    if (!valid_name(name)) return std::unexpected("a name is 1 to 64 of a-z, 0-9, '-', '_' and '.', not " + name);
    const std::string path = folder + "/passwords";
    std::error_code failed;
    if (!std::filesystem::exists(path, failed))
        return std::unexpected("no broker in " + folder + ": run `sotto broker` first");
    std::string people;
    std::istringstream lines(contents(path));
    for (std::string line; std::getline(lines, line);) {
        const bool theirs = line.starts_with(name + ":");
        if (theirs && !anew) return std::unexpected(name + " has a password already; --anew gives another");
        if (!theirs && !line.empty()) people += line + "\n";
    }
    std::array<std::byte, 16> drawn{};
    system_random().fill(drawn);
    std::string password = to_hex(drawn);
    const auto line = hashed_line(name, password);
    if (!line) return std::unexpected(line.error());
    const auto written = write_file(path, people + *line);
    if (!written) return std::unexpected(written.error());
    tell_broker(folder);
    return password;
}

}  // namespace sotto::app
