#include "lib/resilience/circuit_breaker.hpp"

#include <algorithm>

namespace weir {
namespace {

constexpr auto lease = 5s;
constexpr unsigned probes_to_pass = 2;
constexpr std::array<unsigned, 4> ramp_permille{100, 250, 500, 1000};
constexpr auto ramp_step = 1s;
constexpr auto calm = 30s;  // closed, for one step down of the open interval
constexpr std::chrono::seconds longest_pause{300};

enum window_kind : std::size_t { ok, bad, slow_too };  // slow ones are ok or bad as well

}  // namespace

bool circuit_breaker::allows(time_point now, random_source& chance) noexcept {
    settle(now, chance);
    switch (phase_) {
    case phase::forced_open: return false;
    case phase::forced_closed: return true;
    case phase::open: return now >= open_until_ && !leased_;
    case phase::closed: break;
    }
    if (now >= full_at_) return true;
    const auto step = std::max<std::int64_t>((now - since_) / ramp_step, 0);
    random_source drawn{ramp_seed_ + static_cast<std::uint64_t>(now.time_since_epoch() / 1ms)};
    return drawn.below(1000) < ramp_permille[static_cast<std::size_t>(step)];
}

circuit_breaker::ticket circuit_breaker::begin(time_point now) noexcept {
    if (phase_ != phase::open || now < open_until_ || leased_) return {generation_, false};
    leased_ = true;
    lease_until_ = now + lease;
    ++probes_;
    return {++generation_, true};
}

void circuit_breaker::report(ticket from, outcome how, nanoseconds took, time_point now,
                             random_source& chance) noexcept {
    if (!policy_.on) return;
    settle(now, chance);
    const bool slow = policy_.slow && took >= *policy_.slow;
    if (from.generation == generation_ && phase_ == phase::closed) return count(how, slow, now, chance);
    if (from.generation == generation_ && leased_ && from.probe) return report_probe(how, slow, now, chance);
    ++ignored_;
}

void circuit_breaker::abandon(ticket from, time_point now, random_source& chance) noexcept {
    settle(now, chance);
    if (from.generation == generation_ && leased_ && from.probe) open(cause::probe_lost, now, chance);
}

void circuit_breaker::report_probe(outcome how, bool slow, time_point now, random_source& chance) noexcept {
    if (slow || how == outcome::bad || how == outcome::limited) return open(cause::probe_failed, now, chance);
    leased_ = false;
    if (how != outcome::ignored && ++passed_ == probes_to_pass) recover(now);
}

void circuit_breaker::count(outcome how, bool slow, time_point now, random_source& chance) noexcept {
    if (how == outcome::ignored && !slow) return;
    const bool failed = how == outcome::bad || how == outcome::limited;
    recent_.add(failed ? bad : ok, now);
    if (how == outcome::good) streak_ = 0;
    if (how == outcome::bad && ++streak_ >= policy_.failures) return open(cause::streak, now, chance);
    if (slow) recent_.add(slow_too, now);
    if (!failed && !slow) return;

    const auto& seen = recent_.total(now);
    const std::uint64_t requests = std::uint64_t{seen[ok]} + seen[bad];
    if (requests < policy_.min_requests) return;
    const auto reaches = [&](std::uint64_t part, unsigned permille) { return part * 1000 >= requests * permille; };
    if (failed && reaches(seen[bad], policy_.share_permille)) open(cause::share, now, chance);
    else if (slow && reaches(seen[slow_too], policy_.slow_permille)) open(cause::slow, now, chance);
}

/// A lease that ran out is a failed probe as of the moment it did, however much later that is noticed.
void circuit_breaker::settle(time_point now, random_source& chance) noexcept {
    if (leased_ && now >= lease_until_) open(cause::probe_lost, lease_until_, chance);
}

void circuit_breaker::open(cause by, time_point when, random_source& chance) noexcept {
    if (phase_ == phase::closed && when > full_at_)
        exponent_ -= static_cast<unsigned>(std::min<std::int64_t>((when - full_at_) / calm, exponent_));
    nanoseconds interval = policy_.open_first;
    for (unsigned n = 0; n < exponent_; ++n) interval *= 2;
    if (interval < policy_.open_most) ++exponent_;  // no further than that, or calm could not take it back soon
    interval = std::min<nanoseconds>(interval, policy_.open_most);
    change(phase::open, by, when);
    ramp_seed_ = chance();
    open_until_ = when + interval / 2 + nanoseconds{static_cast<std::int64_t>(chance.unit() * interval.count() / 2)};
}

void circuit_breaker::recover(time_point now) noexcept {
    change(phase::closed, cause::recovered, now);
    full_at_ = now + ramp_step * ramp_permille.size();
}

void circuit_breaker::reset(time_point now) noexcept {
    change(phase::closed, cause::reset, now);
    full_at_ = now;
    exponent_ = 0;
}

void circuit_breaker::change(phase to, cause by, time_point when) noexcept {
    phase_ = to;
    why_ = by;
    since_ = when;
    leased_ = false;
    passed_ = 0;
    streak_ = 0;
    recent_.clear();
    ++generation_;
    ++changes_[static_cast<std::size_t>(by)];
}

void circuit_breaker::retry_after(std::chrono::seconds pause, time_point now) noexcept {
    if (at(now) == state::open) open_until_ = std::max(open_until_, now + std::min(pause, longest_pause));
}

void circuit_breaker::check_passed(time_point now) noexcept {
    if (at(now) == state::open) open_until_ = now;
}

circuit_breaker::state circuit_breaker::at(time_point now) const noexcept {
    switch (phase_) {
    case phase::forced_open: return state::forced_open;
    case phase::forced_closed: return state::forced_closed;
    case phase::open: return now < open_until_ ? state::open : state::half_open;
    case phase::closed: break;
    }
    return now < full_at_ ? state::ramp : state::closed;
}

nanoseconds circuit_breaker::in_state(time_point now) const noexcept {
    const auto is = at(now);
    const auto from = is == state::half_open ? open_until_ : is == state::closed ? full_at_ : since_;
    return std::max<nanoseconds>(now - from, 0ns);
}

nanoseconds circuit_breaker::open_for(time_point now) const noexcept {
    return at(now) == state::open ? open_until_ - now : 0ns;
}

std::uint64_t circuit_breaker::opened() const noexcept {
    std::uint64_t all = 0;
    for (const auto by :
         {cause::streak, cause::share, cause::slow, cause::probe_failed, cause::probe_lost, cause::forced_open})
        all += changes(by);
    return all;
}

std::string_view word(circuit_breaker::state of) noexcept {
    using enum circuit_breaker::state;
    switch (of) {
    case closed: return "closed";
    case open: return "open";
    case half_open: return "half_open";
    case ramp: return "ramp";
    case forced_open: return "forced_open";
    case forced_closed: break;
    }
    return "forced_closed";
}

std::string_view word(circuit_breaker::cause of) noexcept {
    using enum circuit_breaker::cause;
    switch (of) {
    case none: return "none";
    case streak: return "streak";
    case share: return "share";
    case slow: return "slow";
    case probe_failed: return "probe_failed";
    case probe_lost: return "probe_lost";
    case recovered: return "recovered";
    case forced_open: return "forced_open";
    case forced_closed: return "forced_closed";
    case reset: break;
    }
    return "reset";
}

}  // namespace weir
