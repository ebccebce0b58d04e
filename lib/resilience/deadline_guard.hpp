#pragma once
/// Refuses what cannot finish: whoever waits for it will have left, and the server's work would be for nothing.
///
///     deadline_guard guard;
///     if (guard.refuses(deadline - now, times.at(500, now), now)) ...      // reason::cannot_finish
///
/// A request is refused when less time is left to it than half of its kind take. Ask once for each request, before it
/// takes a permit. At most a fifth of the requests of ten seconds are refused so (Finagle's DeadlineFilter has the
/// same cap): where callers send deadlines that never suffice, or the p50 is that of another kind of request, the
/// guess is wrong, and the samples that would correct it come only from requests that are let through. O(1). Pure;
/// the caller locks.
#include <optional>

#include "lib/resilience/share_cap.hpp"

namespace weir {

class deadline_guard {
public:
    explicit deadline_guard(unsigned most_permille = 200) noexcept : refusals_{most_permille} {}

    /// `usual`: the p50 from dispatch to response head; none while it is not known.
    bool refuses(nanoseconds left, std::optional<nanoseconds> usual, time_point now) noexcept;

private:
    share_cap refusals_;
};

}  // namespace weir
