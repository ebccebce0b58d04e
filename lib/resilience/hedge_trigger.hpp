#pragma once
/// When a second server is asked, because the first has not answered for longer than nearly all do.
///
///     hedge_trigger hedge{{.permille = 950, .budget_permille = 50}};
///     hedge.request(now);                                                  // every request that might be hedged
///     if (const auto after = hedge.delay(first_byte_times, now)) ...       // none: this one is not hedged
///     if (hedge.charge(now) && budget.charge(now)) start_second_try();     // after `after`, no head yet
///
/// Dean and Barroso, "The Tail at Scale" (CACM 2013): repeating the slowest 5 % costs 5 % more tries and cuts the
/// tail many times. The delay is that percentile of the last ten seconds and at least 5 ms, because below that the
/// loop's own delay is measured, not the server's; none before 100 samples are known. Or a fixed delay. When all
/// servers turn slow at once, everything passes yesterday's percentile: so hedges are at most a share of the requests
/// of ten seconds, and each costs a token of the retry budget besides, which the caller charges after this. O(1).
/// Pure; the caller locks.
#include <optional>

#include "lib/resilience/rolling_quantile.hpp"
#include "lib/resilience/share_cap.hpp"

namespace weir {

struct hedge_policy {
    std::optional<nanoseconds> fixed{};  // this delay; none: the percentile
    unsigned permille = 950;
    milliseconds least{5};  // of the percentile
    unsigned min_samples = 100;
    unsigned budget_permille = 50;  // of the requests
};

class hedge_trigger {
public:
    explicit hedge_trigger(const hedge_policy& policy) noexcept;

    void request(time_point now) noexcept { hedges_.event(now); }
    /// How long after its start a try is hedged.
    std::optional<nanoseconds> delay(rolling_quantile& times, time_point now) const noexcept;
    bool charge(time_point now) noexcept { return hedges_.take(now); }

private:
    hedge_policy policy_;
    share_cap hedges_;
};

}  // namespace weir
