#include "lib/async/seed.hpp"

#include <sys/random.h>

namespace weir {

std::uint64_t random_seed() {
    std::uint64_t seed = 0;
    while (::getrandom(&seed, sizeof seed, 0) != sizeof seed) {
    }  // interrupted, or too early in the life of the machine
    return seed;
}

}  // namespace weir
