#pragma once
/// Lets traffic grow on a server that has just come (back): caches are cold, code is not compiled, pools are empty.
///
///     slow_start warming{10s};
///     warming.begin(now);
///     weight * warming.factor(now)                     // 0.1 at first, then linear, 1 after 10 s
///
/// Begin it only while others are warm: when all servers start at once there is nobody to spare them. Never begun, or
/// with a duration of zero, the factor is 1. The caller locks.
#include "lib/async/loop.hpp"

namespace weir {

class slow_start {
public:
    explicit slow_start(nanoseconds duration) noexcept : duration_{duration} {}

    void begin(time_point now) noexcept {
        from_ = now;
        until_ = now + duration_;
    }

    double factor(time_point now) const noexcept {
        if (now >= until_) return 1;
        if (now <= from_) return least;
        return least +
               (1 - least) * (static_cast<double>((now - from_).count()) / static_cast<double>(duration_.count()));
    }

private:
    static constexpr double least = 0.1;  // not zero: it must get some to warm up by

    nanoseconds duration_;
    time_point from_ = time_point::min();
    time_point until_ = time_point::min();
};

}  // namespace weir
