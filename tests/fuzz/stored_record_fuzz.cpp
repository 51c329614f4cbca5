// Stored records: none opens but the genuine one, and an index that is understood is written as exactly its bytes.
#include "fuzz/stored_record.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes plan = fuzz::input(data, size);
    const fuzz::StoredRecord genuine;
    const Buffer foreign = fuzz::tampered(genuine.sealed, plan);
    if (const auto parsed = crypto::parse_record(foreign)) check(fuzz::inside(parsed->sealed, foreign));
    const auto opened = crypto::open_record(genuine.key, genuine.name, foreign);
    check(opened.has_value() == (foreign == genuine.sealed));
    if (const auto index = crypto::parse_index(plan)) {
        check(std::ranges::equal(crypto::write_index(*index).reveal(), plan));
    }
    return 0;
}
