#pragma once
/// Turns the results of active checks into up or down: so many of the other kind in a row, and it changes.
///
///     health_counter health{2, 3};                     // rise 2, fall 3
///     if (health.record(passed)) log(health.up());     // true: it has changed
///
/// Up until checks say otherwise: a server that nobody has checked yet may get requests. One check that differs is not
/// believed, so that neither a lost packet nor a lucky answer moves the traffic. The caller locks.
#include <algorithm>

namespace weir {

class health_counter {
public:
    /// Both count from 1; 0 is taken for 1.
    health_counter(unsigned rise, unsigned fall) noexcept : rise_{std::max(rise, 1u)}, fall_{std::max(fall, 1u)} {}

    bool up() const noexcept { return up_; }

    /// One more result. True if the server went up or down by it.
    [[nodiscard]] bool record(bool passed) noexcept {
        contrary_ = passed == up_ ? 0 : contrary_ + 1;
        if (contrary_ < (up_ ? fall_ : rise_)) return false;
        up_ = !up_;
        contrary_ = 0;
        return true;
    }

private:
    unsigned rise_, fall_;
    unsigned contrary_ = 0;  // results in a row that say it is not as we think
    bool up_ = true;
};

}  // namespace weir
