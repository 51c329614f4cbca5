// A Store in one SQLite file. SQLite's own guarantees carry it: a transaction in the write-ahead log, synced before
// COMMIT returns (sqlite.org/wal.html, sqlite.org/pragma.html#pragma_synchronous).
#include "sotto/store_sqlite.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/byte_reader.h"
#include "crypto/durable_file.h"

namespace sotto {
namespace {

// sqlite.org/fileformat.html §1.3: where the first 100 bytes say whose file it is, of which version, and that it has a
// write-ahead log (both format numbers 2).
constexpr std::size_t header_size = 100, formats_at = 18, user_version_at = 60, application_id_at = 68;
constexpr std::string_view magic{"SQLite format 3\0", 16};
constexpr std::uint32_t application_id = 0x536f7474;  // "Sott"
constexpr std::uint32_t user_version = 1;

constexpr std::size_t anchor_limit = 128;

struct CloseConnection {
    void operator()(sqlite3* connection) const { sqlite3_close(connection); }
};
using Connection = std::unique_ptr<sqlite3, CloseConnection>;

struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

Error cause(int code) {
    switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return Error::unavailable;
        case SQLITE_IOERR: return code == SQLITE_IOERR_SHORT_READ ? Error::damaged_store : Error::io_failed;
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_FULL:
        case SQLITE_NOMEM: return Error::io_failed;
        default: return Error::damaged_store;  // corrupt, or without what every store of ours has
    }
}

// A statement with its arguments, run from the first row to the last.
class Query {
  public:
    Query(sqlite3* connection, std::string_view sql) {
        sqlite3_stmt* prepared = nullptr;
        code_ = sqlite3_prepare_v2(connection, sql.data(), static_cast<int>(sql.size()), &prepared, nullptr);
        statement_.reset(prepared);
    }
    // The bytes are looked at until the query is gone.
    Query& with(Bytes bytes) {
        constexpr std::byte none{};  // an empty value is not NULL
        const void* const data = bytes.empty() ? &none : bytes.data();
        if (code_ == SQLITE_OK) {
            code_ = sqlite3_bind_blob64(statement_.get(), ++bound_, data, bytes.size(), SQLITE_STATIC);
        }
        return *this;
    }
    // Whether there is a row, or another one.
    Result<bool> next() {
        if (code_ == SQLITE_OK || code_ == SQLITE_ROW) code_ = sqlite3_step(statement_.get());
        if (code_ != SQLITE_ROW && code_ != SQLITE_DONE) return Failure(cause(code_));
        return code_ == SQLITE_ROW;
    }
    Bytes column() const {
        const void* const data = sqlite3_column_blob(statement_.get(), 0);
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), 0));
        return {static_cast<const std::byte*>(data), data == nullptr ? 0 : size};
    }

  private:
    std::unique_ptr<sqlite3_stmt, FinalizeStatement> statement_;
    int code_ = SQLITE_OK;
    int bound_ = 0;
};

Result<void> run(sqlite3* connection, const char* sql) {
    const int code = sqlite3_exec(connection, sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return Failure(cause(code));
    return {};
}

Result<Connection> connect(const std::string& path) {
    sqlite3* opened = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &opened,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    Connection connection(opened);
    if (code != SQLITE_OK) return Failure(cause(code));
    return connection;
}

// Builds the file under another name, so that at `path` there is a whole store or none.
Result<void> found(const std::string& path) {
    const auto beside = crypto::make_file_beside(path);
    if (!beside) return Failure(beside.error());
    const auto build = [&]() -> Result<void> {
        const auto connection = connect(*beside);
        if (!connection) return Failure(connection.error());
        const std::string sql =
            "PRAGMA synchronous=FULL; PRAGMA journal_mode=WAL; BEGIN;"
            "PRAGMA application_id=" +
            std::to_string(application_id) +
            ";"
            "PRAGMA user_version=" +
            std::to_string(user_version) +
            ";"
            "CREATE TABLE record (name BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT;"
            "COMMIT;";
        return run(connection->get(), sql.c_str());
    };
    auto built = build();  // closed again: everything stands in the file itself
    if (built) built = crypto::move_into_place(*beside, path);
    std::error_code ignored;
    if (!built) std::filesystem::remove(*beside, ignored);
    return built;
}

// Looks at the file before SQLite does, through its descriptor: another one that we closed would take SQLite's locks
// with it (sqlite.org/howtocorrupt.html §2.2).
Result<void> check_header(sqlite3* connection) {
    sqlite3_file* file = nullptr;
    if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, static_cast<void*>(&file)) != SQLITE_OK) {
        return Failure(Error::io_failed);
    }
    std::array<std::byte, header_size> header;
    const int code = file->pMethods->xRead(file, header.data(), static_cast<int>(header.size()), 0);
    if (code == SQLITE_IOERR_SHORT_READ) return Failure(Error::foreign_store);
    if (code != SQLITE_OK) return Failure(Error::io_failed);
    const auto number_at = [&](std::size_t place) { return ByteReader(Bytes(header).subspan(place)).u32().value(); };
    if (!std::ranges::equal(Bytes(header).first(magic.size()), as_bytes(magic))) return Failure(Error::foreign_store);
    if (number_at(application_id_at) != application_id) return Failure(Error::foreign_store);
    if (number_at(user_version_at) != user_version) return Failure(Error::unsupported_version);
    if (header[formats_at] != std::byte{2} || header[formats_at + 1] != std::byte{2}) {
        return Failure(Error::damaged_store);
    }
    return {};
}

// The lock is taken with the first read and kept: no other process reads or writes, and no file of shared memory is
// needed. What is erased is overwritten with zeros. Until somebody commits, closing copies nothing out of the log, so
// that a file which is refused further up stays as it is.
Result<void> settle_in(sqlite3* connection) {
    sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    return run(connection,
               "PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
               "PRAGMA cell_size_check=ON; SELECT name FROM record LIMIT 1;");
}

class SqliteStore final : public Store {
  public:
    SqliteStore(Connection connection, std::string anchor_path)
        : connection_(std::move(connection)), anchor_path_(std::move(anchor_path)) {}

    Result<std::optional<Buffer>> read(std::string_view name) override {
        Query query(connection_.get(), "SELECT value FROM record WHERE name = ?");
        const auto found = query.with(as_bytes(name)).next();
        if (!found) return Failure(found.error());
        if (!*found) return std::nullopt;
        return to_buffer(query.column());
    }

    Result<std::vector<std::string>> names(std::string_view prefix) override {
        Query query(connection_.get(), "SELECT name FROM record WHERE substr(name, 1, length(?1)) = ?1");
        query.with(as_bytes(prefix));
        std::vector<std::string> found;
        for (;;) {
            const auto more = query.next();
            if (!more) return Failure(more.error());
            if (!*more) return found;
            const Bytes name = query.column();
            found.emplace_back(reinterpret_cast<const char*>(name.data()), name.size());
        }
    }

    Result<void> commit(std::span<const Change> changes) override {
        for (const auto& change : changes) {
            if (change.name.empty() || change.name.size() > max_name) return Failure(Error::invalid_argument);
        }
        auto written = run(connection_.get(), "BEGIN IMMEDIATE");
        if (!written) return written;
        for (auto change = changes.begin(); written && change != changes.end(); ++change) written = apply(*change);
        if (written) written = run(connection_.get(), "COMMIT");
        if (!written) {
            static_cast<void>(run(connection_.get(), "ROLLBACK"));  // SQLite may have done so itself
            return written;
        }
        sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
        return {};
    }

    // One that is too long is none of ours: as good as lost.
    Result<std::optional<Buffer>> read_anchor() override {
        auto anchor = crypto::read_small_file(anchor_path_, anchor_limit);
        if (!anchor && anchor.error() == Error::too_large) return Buffer{};
        return anchor;
    }

    Result<void> write_anchor(Bytes anchor) override { return crypto::replace_file(anchor_path_, anchor); }

  private:
    Result<void> apply(const Change& change) {
        Query query(connection_.get(), change.value ? "INSERT OR REPLACE INTO record (name, value) VALUES (?, ?)"
                                                    : "DELETE FROM record WHERE name = ?");
        query.with(as_bytes(change.name));
        if (change.value) query.with(*change.value);
        const auto done = query.next();
        if (!done) return Failure(done.error());
        return {};
    }

    Connection connection_;
    std::string anchor_path_;
};

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& path, const std::string& anchor_path) {
    std::error_code failed;
    const bool exists = std::filesystem::exists(path, failed);
    if (failed) return Failure(Error::io_failed);
    if (!exists) {
        if (const auto founded = found(path); !founded) return Failure(founded.error());
    }
    auto connection = connect(path);
    if (!connection) return Failure(connection.error());
    if (const auto checked = check_header(connection->get()); !checked) return Failure(checked.error());
    if (const auto settled = settle_in(connection->get()); !settled) return Failure(settled.error());
    return std::make_unique<SqliteStore>(std::move(*connection), anchor_path.empty() ? path + ".anchor" : anchor_path);
}

}  // namespace sotto
