#include "lib/resilience/outlier_detector.hpp"

#include <algorithm>
#include <cmath>

namespace weir {
namespace {

constexpr std::uint64_t enough_results = 100;
constexpr std::size_t enough_times = 20;  // a median that is three times another's by chance: once in 10^4, twice never
constexpr std::size_t enough_servers = 3;
constexpr auto memory = 60s;
constexpr double least_gap = 0.1;
constexpr double gap_in_mads = 3 * 1.4826;  // 3 standard deviations, were the shares normal
constexpr double slow_ratio = 3;
constexpr nanoseconds slow_gap = 50ms;
constexpr unsigned sweeps_to_believe = 2;
constexpr double jitter = 0.2;

/// Reorders the values; there must be some.
double median_of(std::span<double> values) noexcept {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2) return *middle;
    return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

}  // namespace

void outlier_detector::thinned_times::add(nanoseconds time) noexcept {
    if (skip_ > 0) {
        --skip_;
        return;
    }
    if (kept_ == times_.size()) {
        kept_ /= 2;
        for (std::size_t i = 0; i < kept_; ++i) times_[i] = times_[2 * i];
        stride_ *= 2;
    }
    times_[kept_++] = time;
    skip_ = stride_ - 1;
}

std::optional<nanoseconds> outlier_detector::thinned_times::median() const noexcept {
    if (kept_ < enough_times) return std::nullopt;
    auto sorted = times_;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(kept_ / 2);
    std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<std::ptrdiff_t>(kept_));
    return *middle;
}

outlier_detector::outlier_detector(const outlier_policy& policy, std::size_t servers)
    : policy_{policy}, servers_(servers) {
    decisions_.reserve(3 * servers);  // one can be returned, ejected and restored in one sweep
    values_.reserve(servers);
    suspects_.reserve(servers);
}

void outlier_detector::count(std::size_t server, bool ok, nanoseconds first_byte) noexcept {
    auto& r = servers_[server];
    ++r.results;
    if (ok) ++r.good;
    if (first_byte >= 0ns) r.times.add(first_byte);
}

std::span<const outlier_detector::decision> outlier_detector::sweep(std::span<server_condition> conditions,
                                                                    const group_guard& guard, time_point now,
                                                                    random_source& chance) {
    decisions_.clear();
    let_back(now);
    find(now);
    for (std::size_t i = 0; i < servers_.size(); ++i) conditions[i].ejected = servers_[i].ejected;
    judge_shares(conditions, guard, now, chance);
    judge_times(now);
    return decisions_;
}

std::span<const outlier_detector::decision> outlier_detector::release(time_point now) {
    decisions_.clear();
    let_back(now);
    return decisions_;
}

void outlier_detector::let_back(time_point now) {
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        auto& r = servers_[i];
        if (!r.ejected || now < r.until) continue;
        r.ejected = false;
        forget(r, now);
        decisions_.push_back({i, verdict::returned});
    }
}

void outlier_detector::forget(record& r, time_point now) noexcept {
    r.results = r.good = 0;
    r.times.clear();
    r.share_since = r.times_since = now;
    r.share = {};
    r.median = {};
}

/// Makes findings of what has been summed up, where there is enough of it, and drops what is too old.
void outlier_detector::find(time_point now) noexcept {
    for (auto& r : servers_) {
        if (r.ejected) {
            forget(r, now);
            continue;
        }
        if (r.results >= enough_results) r.share = {static_cast<double>(r.good) / static_cast<double>(r.results), now};
        if (r.share.at == now || now - r.share_since.value_or(now) >= memory) {
            r.results = r.good = 0;
            r.share_since = now;
        }
        if (!r.share_since) r.share_since = now;

        if (const auto median = r.times.median()) r.median = {*median, now};
        if (r.median.at == now || now - r.times_since.value_or(now) >= memory) {
            r.times.clear();
            r.times_since = now;
        }
        if (!r.times_since) r.times_since = now;
    }
}

void outlier_detector::judge_shares(std::span<server_condition> conditions, const group_guard& guard, time_point now,
                                    random_source& chance) {
    values_.clear();
    for (const auto& r : servers_)
        if (r.share.at && now - *r.share.at < memory) values_.push_back(r.share.value);
    if (values_.size() < enough_servers) return;

    const double median = median_of(values_);
    for (auto& v : values_) v = std::abs(v - median);
    const double gap = std::max(least_gap, gap_in_mads * median_of(values_));

    suspects_.clear();
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        auto& r = servers_[i];
        if (r.share.at != now) continue;
        if (r.share.value < median - gap) suspects_.push_back(i);
        else if (r.in_a_row > 0) --r.in_a_row;
    }
    std::ranges::stable_sort(suspects_, {}, [&](std::size_t i) { return servers_[i].share.value; });
    for (const auto i : suspects_) {
        if (!guard.may_eject(conditions, i)) continue;
        conditions[i].ejected = true;
        eject(i, median, now, chance);
    }
}

void outlier_detector::eject(std::size_t i, double median, time_point now, random_source& chance) {
    auto& r = servers_[i];
    if (r.in_a_row * policy_.eject_first < policy_.eject_most) ++r.in_a_row;
    const auto usual = std::min(r.in_a_row * policy_.eject_first, policy_.eject_most);
    const auto factor = 1 + jitter * (2 * chance.unit() - 1);
    r.until = now + nanoseconds{std::llround(factor * static_cast<double>(nanoseconds{usual}.count()))};
    r.ejected = true;
    ++r.ejections;
    r.slowed = false;
    r.contrary = 0;
    decisions_.push_back({i, verdict::ejected, r.share.value, median});
    forget(r, now);
}

void outlier_detector::judge_times(time_point now) {
    values_.clear();
    for (const auto& r : servers_)
        if (r.median.at && now - *r.median.at < memory) values_.push_back(static_cast<double>(r.median.value.count()));
    const bool comparable = values_.size() >= enough_servers;
    const nanoseconds usual{comparable ? static_cast<std::int64_t>(median_of(values_)) : 0};

    for (std::size_t i = 0; i < servers_.size(); ++i) {
        auto& r = servers_[i];
        if (comparable && r.median.at == now) {
            const bool slow =
                static_cast<double>(r.median.value.count()) > slow_ratio * static_cast<double>(usual.count()) &&
                r.median.value >= usual + slow_gap;
            r.contrary = slow == r.slowed ? 0 : r.contrary + 1;
        } else if (r.slowed && (!comparable || !r.median.at || now - *r.median.at >= memory)) {
            r.contrary = sweeps_to_believe;  // nothing says any longer that it is slow
        }
        if (r.contrary < sweeps_to_believe) continue;
        r.contrary = 0;
        r.slowed = !r.slowed;
        decisions_.push_back({i, r.slowed ? verdict::slowed : verdict::restored,
                              static_cast<double>(r.median.value.count()), static_cast<double>(usual.count())});
    }
}

}  // namespace weir
