#include "lib/resilience/peak_ewma.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace weir {
namespace {

/// e^-(elapsed / memory): as a power of two, whose whole part only scales, and a polynomial for the rest (the series of
/// 2^-x, its last coefficient such that the two ends meet; off by less than 1e-5).
double remaining_share(nanoseconds elapsed) noexcept {
    if (elapsed <= 0ns) return 1;
    constexpr double log2_e = 1.4426950408889634;
    const double halvings = log2_e * static_cast<double>(elapsed.count()) / nanoseconds{peak_ewma::memory}.count();
    if (halvings > 64) return 0;
    const auto whole = static_cast<int>(halvings);
    const double x = halvings - whole;
    const double part =
        1 + x * (-0.6931471806 + x * (0.2402265070 + x * (-0.0555041087 + x * (0.0096181291 + x * -0.0011933467))));
    return std::ldexp(part, -whole);
}

}  // namespace

void peak_ewma::started(time_point now) noexcept {
    if (unanswered_++ == 0) silent_since_ = now;
}

void peak_ewma::answered(nanoseconds took, time_point now) noexcept {
    ended();
    silent_since_ = now;
    const auto took_ns = static_cast<double>(std::max(took, 1ns).count());
    if (took_ns < average_ns_) {
        const auto kept = remaining_share(now - updated_);
        average_ns_ = average_ns_ * kept + took_ns * (1 - kept);
    } else {
        average_ns_ = took_ns;
    }
    updated_ = std::max(updated_, now);
}

void peak_ewma::failed(nanoseconds elapsed, nanoseconds usual_p99, time_point now) noexcept {
    ended();
    raise(std::max({elapsed, 2 * usual_p99, nanoseconds{least_penalty}}), now);
}

void peak_ewma::cancelled(nanoseconds elapsed, time_point now) noexcept {
    ended();
    raise(elapsed, now);
}

nanoseconds peak_ewma::value(time_point now) const noexcept {
    const nanoseconds average{static_cast<nanoseconds::rep>(decayed(now))};
    return unanswered_ > 0 ? std::max(average, now - silent_since_) : average;
}

double peak_ewma::decayed(time_point now) const noexcept { return average_ns_ * remaining_share(now - updated_); }

void peak_ewma::raise(nanoseconds to, time_point now) noexcept {
    const auto to_ns = static_cast<double>(to.count());
    if (to_ns <= decayed(now)) return;
    average_ns_ = to_ns;
    updated_ = std::max(updated_, now);
}

void peak_ewma::ended() noexcept {
    assert(unanswered_ > 0);
    --unanswered_;
}

}  // namespace weir
