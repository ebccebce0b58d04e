#pragma once
/// Lets something be done at most for a given share of recent events, so that a wrong decision cannot do it always.
///
///     share_cap refusals{200};                         // of the requests of the last 10 s at most 20 %
///     refusals.event(now);                             // a request came
///     if (hopeless && refusals.take(now)) refuse();
///
/// What is taken now and what was taken within the window are together at most the share of the events in the window
/// (of ten buckets of 1 s: see sliding_window.hpp). Integers only. O(1). Pure; the caller locks.
#include <cstdint>

#include "lib/resilience/sliding_window.hpp"

namespace weir {

class share_cap {
public:
    explicit share_cap(unsigned permille) noexcept : permille_{permille} {}

    void event(time_point now) noexcept { recent_.add(events, now); }

    bool take(time_point now) noexcept {
        const auto& seen = recent_.total(now);
        if ((std::uint64_t{seen[taken]} + 1) * 1000 > std::uint64_t{seen[events]} * permille_) return false;
        recent_.add(taken, now);
        return true;
    }

private:
    enum : std::size_t { events, taken };

    unsigned permille_;
    sliding_window<2> recent_;
};

}  // namespace weir
