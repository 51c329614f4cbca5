// One record as a store keeps it, the same in every run.
#pragma once

#include "crypto/sealed_record.h"
#include "crypto/store_index.h"
#include "fuzz/harness.h"
#include "support/random.h"

namespace sotto::fuzz {

struct StoredRecord {
    test::SeededRandom random{1};
    crypto::RecordKey key;
    std::string_view name = "session";
    Buffer sealed = crypto::seal_record(key, name, 7, as_bytes("a session's state"), random);
};

}  // namespace sotto::fuzz
