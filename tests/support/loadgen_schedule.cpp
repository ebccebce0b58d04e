#include "tests/support/loadgen_schedule.hpp"

#include <utility>

namespace loadgen {

schedule::schedule(double rate, std::vector<loadgen::step> steps, std::optional<std::uint64_t> seed)
    : rate_{rate}, steps_{std::move(steps)}, random_{seed.has_value()}, chance_{seed.value_or(0)} {
    if (steps_.empty()) steps_.emplace_back();
    if (random_) area_ = std::exponential_distribution{rate_}(chance_);
    place();
}

void schedule::advance() {
    ++n_;
    if (random_) area_ += std::exponential_distribution{rate_}(chance_);
    else area_ = static_cast<double>(n_) / rate_;
    place();
}

void schedule::place() {
    const auto seconds = [](nanoseconds t) { return static_cast<double>(t.count()) / 1e9; };
    for (; at_ + 1 < steps_.size(); ++at_) {
        const double area = seconds(steps_[at_ + 1].from - steps_[at_].from) * steps_[at_].factor;
        if (area_ < area_before_ + area) break;
        area_before_ += area;
    }
    const auto& here = steps_[at_];
    const double since = here.factor > 0 ? (area_ - area_before_) / here.factor : seconds(never);
    next_ = since >= seconds(never) ? never : here.from + nanoseconds{static_cast<std::int64_t>(since * 1e9)};
}

}  // namespace loadgen
