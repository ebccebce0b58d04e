#pragma once
/// What the parts of the table (schema_top.cpp and its sisters) are written with.
///
///     {.name = "N", .what = kind::number, .in = FIELD(backend->retry.times), .fallback = "2", .high = 10}
///
/// FIELD names the member of a target that an argument is stored in, CHOICE one that is an enumeration; the table would drown
/// in lambdas otherwise. SHAPED is for values that values.hpp reads and writes.
#include "conf/schema.hpp"
#include "conf/values.hpp"

namespace weir::conf {

#define FIELD(of) [](target t) -> field { return &t.of; }
#define CHOICE(of) [](target t) -> field { return choice_of(t.of); }

/// `.in` and `.read` and `.print` of a shaped argument: `from` makes a value of `text`, `to` stores it, `back` prints it.
#define SHAPED(from, to, back)                                                                                         \
    .what = kind::shaped, .in = [](target t) -> field { return t; },                                                   \
    .read = [](std::string_view text, target t) -> reading<void> {                                                     \
        auto value = from;                                                                                             \
        if (!value) return std::unexpected{value.error()};                                                             \
        to;                                                                                                            \
        return {};                                                                                                     \
    }, .print = [](target t) -> std::string { return back; }

template <class E> field choice_of(E& of) {
    static_assert(sizeof(E) == 1);
    return choice{reinterpret_cast<std::uint8_t*>(&of)};
}

constexpr std::uint64_t second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
constexpr std::uint64_t KiB = 1024, MiB = 1024 * KiB, GiB = 1024 * MiB;

inline const std::vector<std::string_view> key_words = {"client_address", "header:"};
inline const std::vector<std::string_view> on_off = {"off", "on"};  // as false and true

}  // namespace weir::conf
