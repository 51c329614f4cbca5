// The embedded default: a Store in one SQLite file. Not there in builds without SOTTO_SQLITE.
#pragma once

#include <memory>
#include <string>

#include "sotto/store.h"

namespace sotto {

// Opens the store at `path`, or founds one where there is no file. The file is its owner's alone (mode 0600) and one
// process has it open at a time; beside it lies PATH-wal while it is in use. The anchor is the file `anchor_path`, or
// PATH.anchor: choose a place that backups of `path` leave out.
// A file that is refused is left as it is. Errors: foreign_store (not a store of Sotto's), unsupported_version,
// damaged_store, unavailable (it is open already, here or in another process), io_failed.
SOTTO_API Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& path,
                                                           const std::string& anchor_path = {});

}  // namespace sotto
