#pragma once
/// Whole numbers, times and sizes as the language writes them: `200`, `1500ms`, `16KiB`. A unit is required on every
/// time (ms s m h d) and size (B KiB MiB GiB), because a bare number means something else in every other proxy.
///
/// Reading returns the value or, as the error, what to write instead ("a time needs a unit: 12s or 12ms"; may be
/// empty). Writing picks the largest unit that divides the value, so reading gives it back. Pure.
#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace weir::conf {

template <class T> using reading = std::expected<T, std::string>;

reading<std::uint64_t> read_number(std::string_view text);
reading<std::uint64_t> read_milliseconds(std::string_view text);
reading<std::uint64_t> read_bytes(std::string_view text);

std::string write_milliseconds(std::uint64_t count);
std::string write_bytes(std::uint64_t count);

}  // namespace weir::conf
