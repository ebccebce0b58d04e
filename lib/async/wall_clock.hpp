#pragma once
/// The time of day, for what has to do with the world outside: certificates, and before there is a loop. Where there is
/// one, loop::wall_us() is the same and costs nothing.
#include <chrono>

namespace weir {

inline std::chrono::system_clock::time_point wall_clock() noexcept { return std::chrono::system_clock::now(); }

}  // namespace weir
