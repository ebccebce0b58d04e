#pragma once
/// Finds how many tries a server bears at once, from nothing but how long its answers take: enough that it is never
/// short of work, few enough that no queue builds up inside it.
///
///     adaptive_limit limit{{}};                                            // one per server
///     if (in_flight >= limit.limit()) wait_or_refuse();
///     auto epoch = limit.started(now, ++in_flight);                        // the try counts itself
///     ...
///     limit.finished(epoch, head_at - sent_at, adaptive_limit::evidence::answered, --in_flight, now, chance);
///
/// What counts. A sample is the time from dispatch to the response head, so a slow client is not held against the
/// server. A try that ended without a head after some time (timeout, cancelled, reset) is `at_least`: its time is a
/// lower bound, so it counts as slow when it took longer than the usual median, else not at all; a fast failure thus
/// never looks like a fast server. Tunnels, upgrades and long polls are `none`: they only occupy a permit.
///
/// How it works. Samples are taken in windows, whose median is compared with `base`, the median without a queue.
///     calm      median <= tolerance * base: the limit grows, up to three times what was needed of late
///     else      and only while permits are short (a tenth of the time none was free: otherwise nothing is gained by
///               cutting), the limit moves towards limit * tolerance * base / median + sqrt(limit)
/// Latency may also rise for reasons that no cut can cure, and base may be wrong. So a real cut is an experiment: take
/// permits away and see what falls. If latency falls and throughput holds, there was a queue: go on cutting until
/// throughput falls too; that is where the server is just busy, which gives both base and the limit. If throughput
/// falls and latency holds at the first cut, there was none: the limit is restored and base is what was seen. At the
/// floor, where no cut is left, the experiment goes upwards. It is made when the median is far over base, and now and
/// then (10 s to 60 s) whenever permits are short, because base may have been learnt from a queue.
/// Windows where most tries gave no answer halve the limit without asking: then nothing useful is lost.
///
/// Follows the gradient limits of Netflix/concurrency-limits and Envoy's adaptive concurrency filter, and the trial of
/// failsafe-go and Cinnamon that relates throughput to concurrency. In a model (16 slots, 10 ms, 20 seeds) goodput is
/// at least 98 % of capacity at twice and at ten times the load, and the p99 of what is accepted at most 1.2 times the
/// unloaded one (2 times when all answers take equally long).
/// Known bounds: a server that bears fewer than `floor` at once keeps a short queue; with under 20 answers a second
/// medians are noise, and a fixed limit is the better choice; when the work itself becomes several times slower while
/// permits are short, it may take ten seconds and more to learn that this is no queue.
///
/// Durations are of the caller's clock, and many events may share one `now`. O(1) per try, and a pass over 2 KB per
/// window. 2.4 KB, no allocation, no errors. The caller locks; the same calls and seed give the same limits.
#include <cstdint>
#include <string_view>

#include "lib/async/loop.hpp"
#include "lib/resilience/random.hpp"
#include "lib/resilience/sample_median.hpp"

namespace weir {

struct adaptive_limit_policy {
    unsigned start = 32;  // also what an idle server may be given at once
    unsigned floor = 4;
    unsigned most = 4096;      // as `floor`: the limit is given, and only base() is learned
    milliseconds window{100};  // at least; and at least two medians
    unsigned samples = 20;     // at least, or a second has passed
    double tolerance = 1.25;   // medians up to this many times base are calm
    double cut = 0.7;          // what an experiment leaves of the limit
};

class adaptive_limit {
public:
    enum class evidence : std::uint8_t { answered, at_least, none };
    enum class verdict : std::uint8_t { none, queue, not_a_queue };
    enum class state : std::uint8_t { calm, hot, experiment };

    explicit adaptive_limit(const adaptive_limit_policy& policy) noexcept;

    /// How many tries may be in flight now. After a cut more of them may be, until they end.
    unsigned limit() const noexcept { return static_cast<unsigned>(limit_); }

    /// A try starts, and `in_flight` are on their way with it. The epoch is to be given back when it ends.
    std::uint64_t started(time_point now, unsigned in_flight) noexcept;

    /// The try ended, and `in_flight` are left. `took`: from dispatch to head, or to the end when there was no head.
    void finished(std::uint64_t epoch, nanoseconds took, evidence what, unsigned in_flight, time_point now,
                  random_source& chance) noexcept;

    nanoseconds base() const noexcept { return nanoseconds{static_cast<std::int64_t>(base_)}; }  // 0: not known yet
    nanoseconds last_median() const noexcept { return last_median_; }
    verdict last_verdict() const noexcept { return last_verdict_; }
    std::uint64_t experiments() const noexcept { return experiments_; }
    state now_in() const noexcept;

private:
    enum class phase : std::uint8_t { steady, reference, trial };

    struct window {
        double median = 0;  // ns
        double rate = 0;    // answers a second
        double samples = 0;
        bool short_of_permits = false;
        bool unanswered = false;  // most of the samples
    };

    void account(time_point now, unsigned in_flight) noexcept;
    void measure_from(time_point from) noexcept;
    void measure_after(time_point now, double settling) noexcept;
    bool window_complete(time_point now) const noexcept;
    window close_window(time_point now) noexcept;

    void steer(const window& w, time_point now) noexcept;
    void learn_base(const window& w) noexcept;
    void grow(const window& w, time_point now) noexcept;
    void hold_back(const window& w, time_point now) noexcept;
    void halve(const window& w, time_point now) noexcept;

    void begin_experiment(const window& reference, time_point now) noexcept;
    void try_limit(double limit, double expected_median, time_point now) noexcept;
    void judge(const window& w, time_point now, random_source& chance) noexcept;
    void end_experiment(double limit, double base_before, double settling, time_point now,
                        random_source& chance) noexcept;

    bool base_proven() const noexcept;
    double target(double median) const noexcept;
    double slack(double permits) const noexcept;
    void set_limit(double limit) noexcept;

    adaptive_limit_policy policy_;
    double limit_;
    double base_ = 0;         // ns
    double proven_base_ = 0;  // as the last experiment that reached the bottom of the queue found it
    unsigned warm_up_;        // windows left in which base is only being learnt
    bool hot_ = false;
    phase phase_ = phase::steady;
    std::uint64_t epoch_ = 1;

    // The window now being measured.
    time_point from_{};
    sample_median latency_;
    std::uint32_t answers_ = 0, unanswered_ = 0;
    nanoseconds without_permits_{0};  // how long no permit was free

    // What is in flight, and the most of the last five to ten seconds.
    time_point last_event_{}, peak_since_{};
    unsigned in_flight_ = 0, peak_ = 0, earlier_peak_ = 0;

    // The incident (from the first hot window on) and its experiment.
    bool incident_ = false;
    double before_incident_ = 0;    // the limit to go back to
    double before_experiment_ = 0;  // the limit when its reference was measured
    double previous_limit_ = 0;     // of the step before
    window reference_{}, previous_{};
    time_point void_at_{};

    // Between experiments.
    time_point ended_{}, next_when_hot_{}, next_routine_{};
    nanoseconds hot_gap_, routine_gap_;
    double level_ = 0;     // the first median after the last experiment
    double unproven_ = 0;  // what the limit may fall to without one

    nanoseconds last_median_{0};
    verdict last_verdict_ = verdict::none;
    std::uint64_t experiments_ = 0;
};

/// As in metrics and the journal.
std::string_view word(adaptive_limit::verdict of) noexcept;
std::string_view word(adaptive_limit::state of) noexcept;

}  // namespace weir
