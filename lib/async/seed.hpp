#pragma once
/// The one place where true randomness comes in: a seed from the kernel, for the random sources that are passed around.
///
///     random_source chance{random_seed()};          // lib/resilience/random.hpp
///
/// From any thread.
#include <cstdint>

namespace weir {

std::uint64_t random_seed();

}  // namespace weir
