#include "lib/resilience/deadline_guard.hpp"

namespace weir {

bool deadline_guard::refuses(nanoseconds left, std::optional<nanoseconds> usual, time_point now) noexcept {
    refusals_.event(now);
    return usual && left < *usual && refusals_.take(now);
}

}  // namespace weir
