#pragma once
/// Finds the servers of a group that do clearly worse than the others, and takes them out for a while.
///
///     outlier_detector outliers{{}, servers.size()};
///     outliers.count(i, ok, took);                                         // each result; took < 0: not measured
///     for (const auto [i, what] : outliers.sweep(conditions, guard, now, chance)) ...          // every 10 s
///     for (const auto [i, what] : outliers.release(now)) ...               // often: who is back
///     weight * outliers.weight(i)                                          // 0.1 for a slow server
///
/// Failures: a server is ejected when its share of good results is more than max(10 points, 3 * 1.4826 * MAD) under the
/// median server's (so never one that is good nine times of ten); worst first, as long as the group guard agrees. The
/// median and the median absolute deviation stay with the majority: mean and standard deviation, which others use, move
/// with those they should find, and with 22 % of bad servers find none. A share needs 100 results since the last one;
/// fewer are summed up for at most 60 s (with 20 results and 1 % of chance errors, good servers would go out every day;
/// few results are the breaker's job).
///
/// Slowness: a server whose median time to the first byte is over 3 times, and 50 ms above, the median server's, twice
/// in a row, gets 10 % of its weight: slow ones still do useful work. Twice in a row not, or unmeasured for 60 s: all of
/// it again.
///
/// Fewer than three servers with results have no median to compare with; then nothing happens.
///
/// An ejection lasts eject_first times the number of ejections, at most eject_most, give or take a fifth so that several
/// proxies do not let a server back in the same second. The number falls by one with each sweep that finds the server
/// good. Results of an ejected server (in panic) count nothing.
///
/// count() is O(1), a sweep O(n log n); memory is taken in the constructor. The caller locks. After Envoy's outlier
/// detection, with another rule.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lib/async/loop.hpp"
#include "lib/resilience/group_guard.hpp"
#include "lib/resilience/random.hpp"

namespace weir {

struct outlier_policy {
    milliseconds eject_first{30'000};
    milliseconds eject_most{300'000};
};

class outlier_detector {
public:
    enum class verdict : std::uint8_t { ejected, returned, slowed, restored };
    struct decision {
        std::size_t server;
        verdict what;
        double own = 0,
               usual = 0;  // shares of good results when ejected, medians in ns when slowed: its own, and of all
    };

    outlier_detector(const outlier_policy& policy, std::size_t servers);

    void count(std::size_t server, bool ok, nanoseconds first_byte) noexcept;

    /// Judges all, releasing who is due first. Sets `ejected` in the conditions, which are otherwise the caller's. What it
    /// returns is valid until the next call.
    std::span<const decision> sweep(std::span<server_condition> conditions, const group_guard& guard, time_point now,
                                    random_source& chance);
    /// Lets back those whose time is over.
    std::span<const decision> release(time_point now);

    bool ejected(std::size_t server) const noexcept { return servers_[server].ejected; }
    /// When it may return; only while ejected.
    time_point ejected_until(std::size_t server) const noexcept { return servers_[server].until; }
    /// What to multiply its weight by.
    double weight(std::size_t server) const noexcept { return servers_[server].slowed ? slow_weight : 1; }
    /// So many in all.
    std::uint64_t ejections(std::size_t server) const noexcept { return servers_[server].ejections; }

private:
    static constexpr double slow_weight = 0.1;

    /// Times evenly thinned out: when full, every other one goes, and from then on half as many come in.
    class thinned_times {
    public:
        void add(nanoseconds time) noexcept;
        std::optional<nanoseconds> median() const noexcept;  // none: too few
        void clear() noexcept { kept_ = 0, skip_ = 0, stride_ = 1; }

    private:
        std::array<nanoseconds, 64> times_;
        std::size_t kept_ = 0;
        std::uint64_t skip_ = 0, stride_ = 1;
    };

    template <class Value>
    struct finding {  // the last that there was enough to judge by
        Value value{};
        std::optional<time_point> at;
    };

    struct record {
        std::uint64_t results = 0, good = 0;
        thinned_times times;
        std::optional<time_point> share_since, times_since;  // what is being summed up
        finding<double> share;
        finding<nanoseconds> median;

        bool ejected = false;
        time_point until{};
        unsigned in_a_row = 0;  // ejections, less the good sweeps
        std::uint64_t ejections = 0;
        bool slowed = false;
        unsigned contrary = 0;  // sweeps in a row that say `slowed` is wrong
    };

    void forget(record& r, time_point now) noexcept;
    void find(time_point now) noexcept;
    void judge_shares(std::span<server_condition> conditions, const group_guard& guard, time_point now,
                      random_source& chance);
    void judge_times(time_point now);
    void eject(std::size_t i, double median, time_point now, random_source& chance);
    void let_back(time_point now);

    outlier_policy policy_;
    std::vector<record> servers_;
    std::vector<decision> decisions_;
    std::vector<double> values_;         // scratch: the servers to compare with
    std::vector<std::size_t> suspects_;  // scratch
};

}  // namespace weir
