#include "lib/resilience/adaptive_limit.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace weir {
namespace {

constexpr nanoseconds second = 1s;
constexpr unsigned warm_up_windows = 3;

// Steering.
constexpr double permits_short_share = 0.1;  // of the time
constexpr double growth = 1.1, fast_growth = 1.5;
constexpr double surely_calm = 1.1, hot = 1.6;  // times base
constexpr double headroom = 3;                  // times the recent peak: else the limit runs away while idle
constexpr double deepest_cut = 0.5;
constexpr unsigned few_samples = 5;
constexpr nanoseconds peak_memory = 5s;

// Experiments.
constexpr nanoseconds shortest_trial = 150ms, first_gap = 1s, longest_hot_gap = 10s, routine_gap = 10s,
                      longest_routine_gap = 60s, trial_patience = 5s, new_incident_after = 300ms;
constexpr double trial_medians = 4;       // some servers answer in volleys, one each median
constexpr double settling_medians = 1.5;  // until what was queued before the cut is gone
constexpr unsigned trial_samples = 100;
constexpr double worsened = 1.4;              // times the level since the last experiment: something new
constexpr double clear_share = 0.35;          // of the effect that a step has if there is no queue
constexpr double clear_deviations = 1.5;      // and of the noise
constexpr double least_of_experiment = 0.15;  // of the limit: deeper cuts tell nothing new
constexpr double surely_less = 0.75;          // of the throughput
constexpr double gap_jitter = 0.2;

nanoseconds to_ns(double count) noexcept { return nanoseconds{static_cast<std::int64_t>(count)}; }

}  // namespace

adaptive_limit::adaptive_limit(const adaptive_limit_policy& policy) noexcept
    : policy_{policy}, warm_up_{warm_up_windows}, hot_gap_{first_gap}, routine_gap_{routine_gap} {
    set_limit(policy.start);
}

adaptive_limit::state adaptive_limit::now_in() const noexcept {
    if (phase_ != phase::steady) return state::experiment;
    return hot_ ? state::hot : state::calm;
}

std::uint64_t adaptive_limit::started(time_point now, unsigned in_flight) noexcept {
    account(now, in_flight);
    if (now - peak_since_ > peak_memory) {
        earlier_peak_ = now - peak_since_ > 2 * peak_memory ? 0 : peak_;
        peak_ = 0;
        peak_since_ = now;
    }
    peak_ = std::max(peak_, in_flight);
    if (phase_ == phase::trial && now >= void_at_) {  // traffic ceased: who comes now must not pay for it
        set_limit(before_incident_);
        phase_ = phase::steady;
        incident_ = false;
        ++epoch_;
        measure_from(now);
    }
    return epoch_;
}

void adaptive_limit::finished(std::uint64_t epoch, nanoseconds took, evidence what, unsigned in_flight, time_point now,
                              random_source& chance) noexcept {
    account(now, in_flight);
    // Tries from just before the last change do count once it has settled: by then each of them took longer than the
    // median, which is all that a median asks. Leaving them out would leave out the slow ones only.
    if (what == evidence::none || now < from_ || epoch + 1 < epoch_) return;
    if (what == evidence::answered) {
        latency_.add(took);
        ++answers_;
    } else {
        if (static_cast<double>(took.count()) < base_) return;
        latency_.add(took);
        ++unanswered_;
    }
    if (!window_complete(now)) return;

    const auto measured_in = phase_;
    const auto w = close_window(now);
    switch (measured_in) {
    case phase::steady: steer(w, now); break;
    case phase::trial: judge(w, now, chance); break;
    case phase::reference:
        phase_ = phase::steady;
        if (!w.short_of_permits || w.unanswered) break;
        before_incident_ = limit_;
        begin_experiment(w, now);
        break;
    }
}

void adaptive_limit::account(time_point now, unsigned in_flight) noexcept {
    const auto since = std::max(from_, last_event_);
    if (in_flight_ >= limit() && now > since) without_permits_ += now - since;
    in_flight_ = in_flight;
    last_event_ = now;
}

void adaptive_limit::measure_from(time_point from) noexcept {
    from_ = from;
    latency_.clear();
    answers_ = unanswered_ = 0;
    without_permits_ = without_permits_.zero();
}

void adaptive_limit::measure_after(time_point now, double settling) noexcept {
    measure_from(now + std::min(to_ns(settling), second));
}

bool adaptive_limit::window_complete(time_point now) const noexcept {
    const auto samples = latency_.count();
    const auto length = now - from_;
    if (phase_ == phase::steady) {
        const auto two_medians = 2 * std::min(base(), second);
        if (samples >= policy_.samples) return length >= std::max<nanoseconds>(policy_.window, two_medians);
        return samples >= few_samples && length >= second + two_medians;
    }
    const auto least = std::clamp(to_ns(trial_medians * static_cast<double>(last_median_.count())), shortest_trial,
                                  second + second / 2);
    return length >= (samples >= trial_samples ? least : least + second);
}

adaptive_limit::window adaptive_limit::close_window(time_point now) noexcept {
    last_median_ = latency_.value();
    const double seconds = std::chrono::duration<double>(now - from_).count();
    const window w{
        .median = std::max(static_cast<double>(last_median_.count()), 1.0),
        .rate = answers_ / seconds,
        .samples = static_cast<double>(latency_.count()),
        .short_of_permits = std::chrono::duration<double>(without_permits_).count() >= permits_short_share * seconds,
        .unanswered = 2 * unanswered_ >= latency_.count(),
    };
    measure_from(now);
    return w;
}

void adaptive_limit::steer(const window& w, time_point now) noexcept {
    if (policy_.floor == policy_.most) {
        if (!w.unanswered) learn_base(w);
        return;
    }
    if (w.unanswered) return halve(w, now);
    if (base_ == 0) next_routine_ = now + first_gap;  // it may have been born into an overload
    learn_base(w);
    if (level_ == 0) level_ = w.median;
    hot_ = w.median > policy_.tolerance * base_;
    if (!hot_) grow(w, now);
    else if (w.short_of_permits) hold_back(w, now);
}

void adaptive_limit::learn_base(const window& w) noexcept {
    if (warm_up_ > 0) {  // the first to end are the fastest: not the lowest of these medians, then
        --warm_up_;
        base_ = std::max(base_, w.median);
        return;
    }
    constexpr double step =
        0.003;  // one for each window up or down: follows the median of the medians, deaf to outliers
    if (w.median < base_ * (1 - 2.5 / std::sqrt(w.samples))) base_ += 0.2 * (w.median - base_);
    else if (!w.short_of_permits && w.median <= hot * base_) base_ *= w.median < base_ ? 1 - step : 1 + step;
}

void adaptive_limit::grow(const window& w, time_point now) noexcept {
    incident_ = false;
    const bool fast = w.short_of_permits && warm_up_ == 0 && w.median <= surely_calm * base_;
    const double needed = headroom * std::max(peak_, earlier_peak_);
    set_limit(std::min((fast ? fast_growth : growth) * limit_ + 1, std::max<double>(policy_.start, needed)));
    unproven_ = std::max(unproven_, policy_.cut * limit_);
    if (!w.short_of_permits) return;
    if (now >= next_routine_) phase_ = phase::reference;
    measure_after(now, w.median);  // what it did shows only then
}

/// The first cut of an incident is made at once; the next hot window is the reference of an experiment. (The first one
/// may be half from before, and cannot be.) Where none is due the limit is only nudged.
void adaptive_limit::hold_back(const window& w, time_point now) noexcept {
    const bool very_hot = w.median > hot * base_ * (1 + 2.5 / std::sqrt(w.samples));
    const bool due = now >= next_when_hot_ || (w.median > worsened * level_ && now >= ended_ + new_incident_after);
    const double before = limit_, wanted = target(w.median);
    if (very_hot && due) {
        if (incident_) return begin_experiment(w, now);
        incident_ = true;
        before_incident_ = limit_;
        set_limit(wanted);
    } else {
        set_limit(wanted > limit_ ? std::min(wanted, growth * limit_)
                                  : std::max((limit_ + wanted) / 2, std::min(unproven_, limit_)));
        if (now >= next_routine_) phase_ = phase::reference;
    }
    if (limit_ > 0.87 * before) return;  // a nudge: need not be waited for
    ++epoch_;
    measure_after(now, settling_medians * w.median);
}

void adaptive_limit::halve(const window& w, time_point now) noexcept {
    hot_ = true;
    const double before = limit_;
    set_limit(limit_ / 2);
    if (limit_ == before) return;
    ++epoch_;
    measure_after(now, w.median);
}

void adaptive_limit::begin_experiment(const window& reference, time_point now) noexcept {
    ++experiments_;
    phase_ = phase::trial;
    reference_ = previous_ = reference;
    before_experiment_ = limit_;
    const bool up = policy_.cut * limit_ < policy_.floor;
    if (up) return try_limit(std::ceil(limit_ / policy_.cut), reference.median / policy_.cut, now);
    const double wanted = std::clamp(target(reference.median), deepest_cut * limit_, policy_.cut * limit_);
    try_limit(wanted, reference.median, now);
}

void adaptive_limit::try_limit(double limit, double expected_median, time_point now) noexcept {
    previous_limit_ = limit_;
    set_limit(limit);
    ++epoch_;
    measure_after(now, settling_medians * expected_median);
    void_at_ = from_ + trial_patience;
}

/// By Little's law permits = throughput * latency: one of the two has to follow the permits. `lean` says which one it
/// was, > 0 for throughput; both are noisy, but not in the same way, so they are weighed together.
void adaptive_limit::judge(const window& w, time_point now, random_source& chance) noexcept {
    const double base_before = base_;
    const bool up = limit_ > previous_limit_, first = previous_limit_ == before_experiment_;
    if (!w.short_of_permits || w.unanswered || w.samples < policy_.samples || limit_ == previous_limit_)
        return end_experiment(before_incident_, base_before, w.median, now, chance);  // void: nothing was tried

    const auto p = std::exchange(previous_, w);
    const double effect = std::log(w.median / p.median) - std::log(w.rate / p.rate);
    const double lean = up ? -effect : effect;
    const bool throughput_followed = lean >= std::max(clear_share * std::abs(std::log(limit_ / previous_limit_)),
                                                      clear_deviations * std::sqrt(1 / w.samples + 1 / p.samples));
    if (throughput_followed && first) {
        last_verdict_ = verdict::not_a_queue;
        base_ = proven_base_ = std::max(base_, w.median);
        return end_experiment(up ? std::max(limit_, before_incident_) : before_incident_, base_before, w.median, now,
                              chance);
    }
    last_verdict_ = verdict::queue;
    if (up) return end_experiment(previous_limit_, base_before, p.median, now, chance);

    const double kept = w.rate / reference_.rate;  // of the throughput, over all steps
    if (throughput_followed || kept < surely_less) {
        base_ = w.median;
        if (throughput_followed) proven_base_ = base_;
    } else {
        const bool as_expected = base_proven() && w.median > 0.8 * base_ && w.median < 1.15 * base_;
        if (as_expected) return end_experiment(before_experiment_, base_before, w.median, now, chance);
        base_ = std::min(base_, w.median);
        if (limit_ > policy_.floor && limit_ > least_of_experiment * before_experiment_)
            return try_limit(policy_.cut * limit_, w.median, now);
    }
    const double just_busy = limit_ / std::min(kept, 1.0);
    end_experiment(std::min(std::max(policy_.tolerance * just_busy + slack(just_busy), limit_), before_incident_),
                   base_before, w.median, now, chance);
}

void adaptive_limit::end_experiment(double limit, double base_before, double settling, time_point now,
                                    random_source& chance) noexcept {
    set_limit(limit);
    ++epoch_;
    phase_ = phase::steady;
    incident_ = false;
    level_ = 0;
    unproven_ = policy_.cut * limit_;
    measure_after(now, settling);

    const bool news = base_ > 1.3 * base_before || base_ < 0.75 * base_before;
    hot_gap_ = news ? first_gap : std::min(2 * hot_gap_, longest_hot_gap);
    routine_gap_ = news ? routine_gap : std::min(2 * routine_gap_, longest_routine_gap);
    const double jitter = 1 + gap_jitter * chance.unit();
    const auto jittered = [&](nanoseconds gap) { return to_ns(jitter * static_cast<double>(gap.count())); };
    ended_ = now;
    next_when_hot_ = now + jittered(hot_gap_);
    next_routine_ = now + jittered(news ? first_gap : base_proven() ? routine_gap_ : hot_gap_);
}

bool adaptive_limit::base_proven() const noexcept { return base_ <= surely_calm * proven_base_; }

double adaptive_limit::target(double median) const noexcept {
    return limit_ * std::max(deepest_cut, policy_.tolerance * base_ / median) + slack(limit_);
}

/// So many more keep it busy through the gaps between arrivals.
double adaptive_limit::slack(double permits) const noexcept { return std::sqrt(permits); }

void adaptive_limit::set_limit(double limit) noexcept {
    limit_ = std::clamp<double>(limit, policy_.floor, policy_.most);
}

std::string_view word(adaptive_limit::verdict of) noexcept {
    switch (of) {
    case adaptive_limit::verdict::none: return "none";
    case adaptive_limit::verdict::queue: return "queue";
    case adaptive_limit::verdict::not_a_queue: return "not_a_queue";
    }
    return "";
}

std::string_view word(adaptive_limit::state of) noexcept {
    switch (of) {
    case adaptive_limit::state::calm: return "calm";
    case adaptive_limit::state::hot: return "hot";
    case adaptive_limit::state::experiment: return "experiment";
    }
    return "";
}

}  // namespace weir
