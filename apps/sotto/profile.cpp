#include "apps/sotto/profile.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "apps/sotto/feed.h"
#include "apps/sotto/private_file.h"
#include "sotto/store_sqlite.h"

namespace sotto::app {
namespace {

using transport::net::Descriptor;

std::string in(const std::string& directory, const char* file) { return directory + "/" + file; }

Expected<void> make_directory(const std::string& directory) {
    const auto parent = std::filesystem::path(directory).parent_path();
    std::error_code failed;
    if (!parent.empty()) std::filesystem::create_directories(parent, failed);
    if (::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return {};
    return std::unexpected("cannot make the state's directory " + directory + ": " + std::strerror(errno));
}

Expected<void> check_directory(const std::string& directory) {
    struct stat status{};
    if (::stat(directory.c_str(), &status) != 0) {
        return std::unexpected("cannot use the state's directory " + directory + ": " + std::strerror(errno));
    }
    if (!S_ISDIR(status.st_mode)) return std::unexpected("the state's directory " + directory + " is a file");
    if (status.st_uid != ::geteuid())
        return std::unexpected("the state's directory " + directory + " is another user's");
    if ((status.st_mode & 077) != 0) {
        return std::unexpected("others may use the state's directory " + directory + ": chmod 700 it");
    }
    return {};
}

// One program at a time, for as long as the descriptor is open; the lock goes with the process, however it ends.
Expected<Descriptor> take_lock(const std::string& directory) {
    Descriptor fd(::open(in(directory, "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) return std::unexpected("cannot write in the state's directory " + directory + ": " + std::strerror(errno));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
    return std::unexpected("another sotto uses the state in " + directory + ": end it first, or give --state");
}

Expected<SecretBuffer> passphrase_of(const ProfileOptions& options) {
    if (!options.passphrase_file.empty()) return read_first_line(options.passphrase_file);
    const char* const said = std::getenv("SOTTO_PASSPHRASE");
    const Bytes text = as_bytes(said == nullptr ? "" : said);
    SecretBuffer passphrase(text.size());
    std::ranges::copy(text, passphrase.fill().begin());
    return passphrase;
}

// 64 hexadecimal digits and a line's end.
Expected<StoreKey> parse_key(const std::string& path, Bytes text) {
    StoreKey key;
    const bool whole = text.size() <= 2 * StoreKey::size + 1 && read_hex_line(text, key.fill());
    if (!whole) return std::unexpected("the key file " + path + " is damaged");
    return key;
}

Expected<StoreKey> make_key(const std::string& path) {
    StoreKey key;
    system_random().fill(key.fill());
    const auto written = write_private_file(path, to_hex_line(key.reveal()).reveal());
    if (!written) return std::unexpected(written.error());
    return key;
}

// By the key file, else by the passphrase. A new state gets what the user gives, or a key file.
Expected<StoreKey> key_of(const std::string& directory, const ProfileOptions& options, Store& store, bool is_new) {
    const std::string path = in(directory, "key");
    const auto text = read_private_file(path);
    if (!text) return std::unexpected(text.error());
    if (*text) return parse_key(path, (*text)->reveal());
    const auto passphrase = passphrase_of(options);
    if (!passphrase) return std::unexpected(passphrase.error());
    const bool has_none = passphrase->size() == 0;
    if (has_none && is_new) return make_key(path);
    if (has_none) {
        return std::unexpected(
            "the state in " + directory +
            " opens by a passphrase (SOTTO_PASSPHRASE or --passphrase-file), or its file key is gone");
    }
    auto key = store_key_from_passphrase(text_in(*passphrase), store);
    if (key) return std::move(*key);
    return std::unexpected("the state in " + directory + " does not open: " + std::string(describe(key.error())));
}

std::string words_for(const std::string& path, Error error) {
    if (error == Error::unavailable) return "another program uses " + path;
    if (error == Error::damaged_store) return "the account in " + path + " is damaged: put a backup in its place";
    if (error == Error::foreign_store)
        return "the account in " + path + " does not open: another key or passphrase, or no account";
    return "the account in " + path + " does not open: " + std::string(describe(error));
}

LocalClock local_clock() {
    const std::time_t wall = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&wall, &local);
    return {.at = now(), .utc = std::chrono::seconds(wall), .utc_offset = std::chrono::minutes(local.tm_gmtoff / 60)};
}

Expected<std::optional<Settings>> read_settings(const std::string& directory) {
    const std::string path = in(directory, "settings.json");
    const auto text = read_private_file(path);
    if (!text) return std::unexpected(text.error());
    if (!*text) return std::nullopt;
    auto settings = parse_settings(text_in(**text));
    if (!settings) return std::unexpected(path + " is damaged: " + settings.error());
    return std::move(*settings);
}

std::string nobody_in(const std::string& directory) {
    return "nobody is registered in " + directory + ": sotto register NAME --broker mqtts://HOST";
}

Expected<Profile> open_account_in(const std::string& directory, Descriptor&& lock, const ProfileOptions& options,
                                  Settings settings, bool is_new, std::optional<Account> joined = std::nullopt) {
    const std::string path = in(directory, "account.db");
    auto store = open_sqlite_store(path);
    if (!store) return std::unexpected(words_for(path, store.error()));
    auto key = key_of(directory, options, **store, is_new);
    if (!key) return std::unexpected(key.error());
    const auto kept = joined ? joined->keep_in(**store, *key) : Result<void>{};
    if (!kept) return std::unexpected(words_for(path, kept.error()));
    auto account = joined ? Result<Account>(std::move(*joined)) : Account::open(**store, *key);
    if (!account) return std::unexpected(words_for(path, account.error()));
    account->set_clock(local_clock());
    return Profile{.directory = directory,
                   .lock = std::move(lock),
                   .store = std::move(*store),
                   .settings = std::move(settings),
                   .account = std::move(*account)};
}

}  // namespace

Expected<std::string> directory_of(const ProfileOptions& options) {
    if (!options.directory.empty()) return options.directory;
    // XDG Base Directory Specification: relative paths are to be ignored.
    const char* const data = std::getenv("XDG_DATA_HOME");
    if (data != nullptr && data[0] == '/') return std::string(data) + "/sotto";
    const char* const home = std::getenv("HOME");
    if (home != nullptr && home[0] == '/') return std::string(home) + "/.local/share/sotto";
    return std::unexpected("there is no HOME: give --state");
}

Expected<std::optional<Settings>> look_at_settings(const ProfileOptions& options) {
    const auto directory = directory_of(options);
    if (!directory) return std::unexpected(directory.error());
    return read_settings(*directory);
}

Expected<Profile> open_profile(const ProfileOptions& options) {
    const auto directory = directory_of(options);
    if (!directory) return std::unexpected(directory.error());
    struct stat status{};
    if (::stat(directory->c_str(), &status) != 0 && errno == ENOENT) return std::unexpected(nobody_in(*directory));
    const auto usable = check_directory(*directory);
    if (!usable) return std::unexpected(usable.error());
    auto settings = read_settings(*directory);
    if (!settings) return std::unexpected(settings.error());
    if (!*settings) return std::unexpected(nobody_in(*directory));
    auto lock = take_lock(*directory);
    if (!lock) return std::unexpected(lock.error());
    const std::string path = in(*directory, "account.db");
    // Never a new identity under an old name.
    if (::stat(path.c_str(), &status) != 0) return std::unexpected("the account " + path + " is gone");
    return open_account_in(*directory, std::move(*lock), options, std::move(**settings), false);
}

Expected<Profile> found_profile(const ProfileOptions& options, const Settings& settings,
                                std::optional<Account> joined) {
    const auto directory = directory_of(options);
    if (!directory) return std::unexpected(directory.error());
    const auto made = make_directory(*directory);
    if (!made) return std::unexpected(made.error());
    const auto usable = check_directory(*directory);
    if (!usable) return std::unexpected(usable.error());
    auto lock = take_lock(*directory);
    if (!lock) return std::unexpected(lock.error());
    const auto before = read_settings(*directory);
    if (!before) return std::unexpected(before.error());
    if (*before && (*before)->name != settings.name) {
        return std::unexpected("the state in " + *directory + " is of " + (*before)->name + ": give another --state");
    }
    if (*before && joined) return std::unexpected(std::string(joins_anew));
    struct stat status{};
    if (*before && ::stat(in(*directory, "account.db").c_str(), &status) != 0) {
        return std::unexpected("the account " + in(*directory, "account.db") + " is gone");
    }
    Settings kept = settings;
    if (*before) {
        kept.direct = (*before)->direct;
        kept.prekeys_drawn = (*before)->prekeys_drawn;
    }
    auto profile = open_account_in(*directory, std::move(*lock), options, std::move(kept), !*before, std::move(joined));
    if (!profile) return profile;
    const auto saved = save_settings(*profile);
    if (!saved) return std::unexpected(saved.error());
    return profile;
}

void abandon(Profile&& profile) {
    const std::string directory = profile.directory;
    const std::string password = profile.broker_password_file();
    static_cast<void>(Profile(std::move(profile)));  // closes the store
    for (const char* const file : {"account.db", "account.db-wal", "account.db-shm", "account.db-journal",
                                   "account.db.anchor", "key", "settings.json", "lock"}) {
        ::unlink(in(directory, file).c_str());
    }
    ::unlink(password.c_str());
    ::rmdir(directory.c_str());  // where others put something in, it stays
}

Expected<void> save_settings(const Profile& profile) {
    return write_private_file(in(profile.directory, "settings.json"), as_bytes(to_text(profile.settings)));
}

void refresh_clock(Profile& profile) { profile.account.set_clock(local_clock()); }

Expected<void> save_account(Profile& profile) {
    const auto saved = profile.account.save();
    if (saved) return {};
    return std::unexpected("cannot write the account: " + std::string(describe(saved.error())));
}

}  // namespace sotto::app
