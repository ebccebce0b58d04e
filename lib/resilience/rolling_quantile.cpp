#include "lib/resilience/rolling_quantile.hpp"

#include <algorithm>

namespace weir {

constexpr std::size_t rolling_quantile::bucket_of(std::uint64_t us) noexcept {
    us = std::min(us, largest_us);
    const int shift = std::max(static_cast<int>(std::bit_width(us)) - (steps_log2 + 1), 0);
    return (static_cast<std::size_t>(shift) << steps_log2) + static_cast<std::size_t>(us >> shift);
}

constexpr rolling_quantile::range rolling_quantile::range_of(std::size_t bucket) noexcept {
    const int shift = std::max(static_cast<int>(bucket >> steps_log2) - 1, 0);
    const auto lowest = (std::uint64_t{bucket} - (std::uint64_t(shift) << steps_log2)) << shift;
    return {std::chrono::microseconds{lowest}, std::chrono::microseconds{(std::uint64_t{1} << shift) - 1}};
}

void rolling_quantile::add(nanoseconds took, time_point now) noexcept {
    rotate(now);
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(std::max(took, 0ns)).count();
    auto& into = histograms_[newer_];
    ++into.buckets[bucket_of(static_cast<std::uint64_t>(us))];
    ++into.total;
}

std::optional<nanoseconds> rolling_quantile::at(unsigned permille, time_point now, unsigned at_least) noexcept {
    rotate(now);
    if (histograms_[0].total + histograms_[1].total < std::max(at_least, 1u)) return std::nullopt;
    if (now >= answers_until_) {
        answer_count_ = 0;
        answers_until_ = now + answer_age;
    }
    const auto known = answers_.begin() + static_cast<std::ptrdiff_t>(answer_count_);
    const auto found = std::find_if(answers_.begin(), known, [&](const answer& a) { return a.permille == permille; });
    if (found != known) return found->value;
    const auto value = count_up_to(permille);
    if (answer_count_ < answers_.size()) answers_[answer_count_++] = {permille, value};
    return value;
}

void rolling_quantile::rotate(time_point now) noexcept {
    if (now < rotates_at_) return;
    const bool both = now >= rotates_at_ + period;
    newer_ ^= 1;
    histograms_[newer_] = {};
    if (both) histograms_[newer_ ^ 1] = {};
    rotates_at_ = both ? now + period : rotates_at_ + period;
}

nanoseconds rolling_quantile::count_up_to(unsigned permille) const noexcept {
    const auto& [a, b] = histograms_;
    const auto total = std::uint64_t{a.total} + b.total;
    const auto rank = std::max<std::uint64_t>((total * std::min(permille, 1000u) + 999) / 1000, 1);
    std::uint64_t below = 0;
    for (std::size_t i = 0;; ++i) {
        const auto here = std::uint64_t{a.buckets[i]} + b.buckets[i];
        if (below + here < rank) {
            below += here;
            continue;
        }
        // As if those of one bucket were spread evenly over it.
        const auto [lowest, width] = range_of(i);
        const double part = (static_cast<double>(rank - below) - 0.5) / static_cast<double>(here);
        return lowest + nanoseconds{static_cast<nanoseconds::rep>(part * static_cast<double>(width.count()))};
    }
}

}  // namespace weir
