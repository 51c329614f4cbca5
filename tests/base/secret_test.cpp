// Secret<>: what cannot be done with one does not compile; what is left of one is nothing.
#include "sotto/secret.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <new>
#include <ostream>
#include <string>

using namespace sotto;

namespace {

using Key = Secret<struct KeyRole, 32>;
using OtherKey = Secret<struct OtherKeyRole, 32>;

// Neither copied, nor taken for another's, nor turned into bytes in passing.
static_assert(!std::is_copy_constructible_v<Key> && !std::is_copy_assignable_v<Key>);
static_assert(std::is_nothrow_move_constructible_v<Key> && std::is_nothrow_move_assignable_v<Key>);
static_assert(!std::is_constructible_v<Key, OtherKey&&> && !std::is_assignable_v<Key&, OtherKey&&>);
static_assert(!std::is_constructible_v<Key, Bytes> && !std::is_constructible_v<Key, std::array<std::byte, 32>>);
static_assert(!std::is_convertible_v<Key, Bytes> && !std::is_convertible_v<const Key&, Bytes>);
static_assert(sizeof(Key) == 32);

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };
template <class T>
concept Comparable = requires(const T& a) { a == a; } || requires(const T& a) { a < a; };
template <class T>
concept Iterable =
    requires(const T& a) { a.begin(); } || requires(const T& a) { a.data(); } || requires(T& a) { a[0]; };
static_assert(Printable<int> && !Printable<Key>);
static_assert(Comparable<int> && !Comparable<Key>);  // an ordinary comparison stops at the first difference
static_assert(Iterable<std::string> && !Iterable<Key>);

Key filled(int value) {
    Key key;
    std::ranges::fill(key.fill(), static_cast<std::byte>(value));
    return key;
}

bool holds(Bytes bytes, int value) {
    return std::ranges::all_of(bytes, [&](std::byte b) { return b == static_cast<std::byte>(value); });
}

}  // namespace

TEST_CASE("a secret that was moved from holds zeros, and its successor the secret") {
    Key first = filled(7);
    const Bytes first_place = first.reveal();
    Key second = std::move(first);
    CHECK(holds(first_place, 0));
    CHECK(holds(second.reveal(), 7));
    const Bytes second_place = second.reveal();
    Key third = filled(9);
    third = std::move(second);
    CHECK(holds(second_place, 0));
    CHECK(holds(third.reveal(), 7));
    Key& same = third;
    third = std::move(same);
    CHECK(holds(third.reveal(), 7));
}

TEST_CASE("a secret copies only by name") {
    const Key first = filled(3);
    const Key second = first.duplicate();
    CHECK(holds(first.reveal(), 3));
    CHECK(holds(second.reveal(), 3));
}

TEST_CASE("a secret leaves zeros where it stood") {
    alignas(Key) std::array<std::byte, sizeof(Key)> place{};
    Key* const key = new (place.data()) Key(filled(5));
    CHECK(holds(place, 5));
    std::destroy_at(key);
    CHECK(holds(place, 0));
}

TEST_CASE("a failed check does not print a secret") {
    CHECK(std::string(doctest::toString(filled(0x41)).c_str()) == "{?}");
}
