#include "lib/resilience/shed_ladder.hpp"

#include <algorithm>
#include <chrono>

#include "lib/resilience/stable_hash.hpp"

namespace weir {
namespace {

// How the share follows pressure, for each unit of pressure off `held_at`. Delay builds up within one sample when the
// load doubles, so a controller cannot react its way out: it must find the share that fits and keep to it. Hence a weak
// immediate part, and an integral that forgets more slowly than it learns until pressure is so low that the overload is
// over.
constexpr double proportional = 0.5;  // above only
constexpr double learn_per_second = 0.5, forget_per_second = 0.2, let_go_per_second = 1;

constexpr double smallest_idle_scale = 0.1;
constexpr std::chrono::nanoseconds cohort_time = std::chrono::minutes{1};

/// Where in [0, 1) the client stands this minute.
double cohort(std::uint64_t key, time_point now) noexcept {
    const auto hash = mix_bits(key);
    const auto minute = static_cast<std::uint64_t>(cohort_time.count());
    const auto since_start = static_cast<std::uint64_t>(now.time_since_epoch().count());
    return static_cast<double>(mix_bits(hash + (since_start + hash % minute) / minute) >> 11) * 0x1p-53;
}

}  // namespace

std::string_view word(shed_step step) noexcept {
    switch (step) {
    case shed_step::no_hedges: return "no_hedges";
    case shed_step::close_idle: return "close_idle";
    case shed_step::no_retry_reserve: return "no_retry_reserve";
    case shed_step::refuse_sheddable: return "refuse_sheddable";
    case shed_step::refuse_normal: return "refuse_normal";
    case shed_step::refuse_unparsed: return "refuse_unparsed";
    case shed_step::pause_accept: return "pause_accept";
    }
    return "";
}

std::optional<shed_step> shed_ladder::highest() const noexcept {
    const auto taken = std::ranges::count_if(thresholds, [this](double each) { return pressure_ >= each; });
    if (taken == 0) return std::nullopt;
    return static_cast<shed_step>(taken - 1);
}

void shed_ladder::update(double pressure, double memory_pressure, time_point now) noexcept {
    for (std::size_t i = 0; i < shed_steps; ++i)
        if (pressure_ < thresholds[i] && pressure >= thresholds[i]) ++taken_[i];
    const auto elapsed = last_ ? std::chrono::duration<double>{now - *last_}.count() : 0.0;
    last_ = now;
    pressure_ = pressure;
    memory_ = memory_pressure;

    const auto error = pressure - held_at;
    const auto gain = error > 0                         ? learn_per_second
                      : on(shed_step::refuse_sheddable) ? forget_per_second
                                                        : let_go_per_second;
    integral_ = std::clamp(integral_ + gain * error * elapsed, 0.0, 1.0);
    share_ = std::min(integral_ + proportional * std::max(error, 0.0), 1.0);
}

double shed_ladder::idle_timeout_scale() const noexcept {
    constexpr auto from = threshold(shed_step::close_idle), to = threshold(shed_step::pause_accept);
    return 1 - (1 - smallest_idle_scale) * std::clamp((pressure_ - from) / (to - from), 0.0, 1.0);
}

bool shed_ladder::reset_largest_buffers() const noexcept { return memory_ >= threshold(shed_step::pause_accept); }

bool shed_ladder::refuse(priority_class cls, std::uint64_t cohort_key, time_point now) noexcept {
    const bool refused = refuses(cls, cohort_key, now);
    if (refused) ++refused_[static_cast<std::size_t>(cls)];
    return refused;
}

bool shed_ladder::refuses(priority_class cls, std::uint64_t cohort_key, time_point now) const noexcept {
    if (on(shed_step::refuse_unparsed)) return true;
    switch (cls) {
    case priority_class::critical: return false;
    case priority_class::normal: return share_ > 0 && cohort(cohort_key, now) < share_;
    case priority_class::sheddable: return on(shed_step::refuse_sheddable) || share_ > 0;
    }
    return false;
}

}  // namespace weir
