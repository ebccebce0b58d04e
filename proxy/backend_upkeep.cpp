// What a backend does when it is made and from time to time.
#include <algorithm>

#include "lib/resilience/stable_hash.hpp"
#include "proxy/backend.hpp"

namespace weir {
namespace {

balancing kind_of(conf::balance how) {
    switch (how) {
    case conf::balance::least_latency: return balancing::least_latency;
    case conf::balance::p2c: return balancing::p2c;
    case conf::balance::least_requests: return balancing::least_requests;
    case conf::balance::round_robin: return balancing::round_robin;
    case conf::balance::hash: return balancing::least_requests;  // for requests whose servers the ring cannot offer
    }
    std::unreachable();
}

retry_budget_policy budget_of(const conf::backend& settings) {
    return {.share_permille = settings.retry.budget_permille, .reserve = settings.retry.reserve};
}

hedge_policy hedges_of(const conf::hedging& how, unsigned budget_permille) {
    hedge_policy policy;
    if (how.how == conf::hedging::kind::delay) policy.fixed = how.delay;
    else policy.permille = how.permille;
    policy.budget_permille = budget_permille;
    return policy;
}

constexpr unsigned fewest_places = 64, most_places = 8192, places_per_permit = 10;
constexpr auto first_patience = 100ms;
constexpr int patience_per_base = 8;  // less than places_per_permit: waiting time binds, not length

}  // namespace

backend::backend(const conf::backend& settings, std::uint64_t seed, journal& events)
    : settings_{settings}, events_{events},
      patience_ns_{nanoseconds{settings.patience.value_or(first_patience)}.count()}, chance_{seed},
      balancer_{kind_of(settings.how)}, guard_{settings.panic_permille}, conditions_(settings.servers.size()),
      uses_(settings.servers.size()), queue_{queue_policy{}}, budget_{budget_of(settings)},
      hedges_{weir::hedges_of(settings.hedge, settings.hedge_budget_permille)},
      outliers_{outlier_policy{settings.outliers.eject_first, settings.outliers.eject_most}, settings.servers.size()} {
    std::vector<maglev_server> members;
    for (const auto& each : settings.servers) {
        auto& made = servers_.emplace_back(each, settings);
        sticky_.push_back(stable_hash(made.name()));
        members.push_back({sticky_.back(), each.backup ? 0 : each.weight});
    }
    if (settings.how == conf::balance::hash) ring_.emplace(members);
    judge(now_);
    adapt(now_);
}

void backend::prepare(route_state& way) {
    if (way.settings.own_breakers)
        for (std::size_t i = 0; i < servers_.size(); ++i)
            way.breakers.emplace_back(breaker_policy_of(settings_.breaker));
    if (way.settings.own_breakers || way.settings.limit) own_rules_.push_back(&way);
    if (way.settings.hedge) way.hedges.emplace(weir::hedges_of(*way.settings.hedge, settings_.hedge_budget_permille));
}

/// Brings up to date who may be used.
void backend::judge(time_point now) {
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        const auto& g = servers_[i].guarded_;
        const auto state = g.breaker.at(now);
        auto& c = conditions_[i];
        c.breaker_open = state == circuit_breaker::state::open || state == circuit_breaker::state::half_open;
        c.draining = state == circuit_breaker::state::forced_open;
        c.ejected = outliers_.ejected(i);
        c.health_down = !g.health.up();
        note_breaker(i, now);
    }
    view_ = guard_.judge(conditions_, uses_);
    note_panic();
}

/// The queue's size and patience follow the limits and the usual times.
void backend::adapt(time_point now) {
    unsigned limit = 0;
    if (settings_.limit.how == conf::in_flight_limit::kind::fixed) {
        limit = settings_.limit.places;
    } else {
        for (const auto& each : servers_) limit += each.settings().limit.value_or(each.guarded_.limit.limit());
    }
    const auto usual = times_.at(500, now).value_or(0ns);
    usual_ns_.store(usual.count(), std::memory_order_relaxed);
    late_ns_.store(times_.at(950, now).value_or(0ns).count(), std::memory_order_relaxed);
    queue_policy policy;
    policy.places = settings_.queue.value_or(std::clamp(limit * places_per_permit, fewest_places, most_places));
    const auto base = std::chrono::duration_cast<milliseconds>(quickest_base());
    policy.patience =
        settings_.patience.value_or(base > 0ms ? std::clamp(patience_per_base * base, 20ms, 500ms) : first_patience);
    // Not less than 10 ms, for a wait of few milliseconds may be the machine's doing: the scheduler's tick alone is up to 10.
    policy.strict = std::clamp(base / 2, 10ms, 50ms);
    policy.strict = std::min(policy.strict, policy.patience);
    queue_.set_policy(policy);
    places_ = policy.places;
    patience_ns_.store(nanoseconds{policy.patience}.count(), std::memory_order_relaxed);
}

/// A response time without a queue, as the limits have learned it; zero while unknown.
nanoseconds backend::quickest_base() const noexcept {
    nanoseconds least{};
    for (const auto& each : servers_) {
        const auto base = each.guarded_.limit.base();
        if (base > 0ns && (least == 0ns || base < least)) least = base;
    }
    return least;
}

void backend::tick(loop& here) {
    const std::lock_guard lock{mutex_};
    const auto now = advance(here.now());
    const auto heed = [&](std::span<const outlier_detector::decision> decisions) {
        for (const auto& each : decisions) {
            note_outlier(each, now);
            if (each.what == outlier_detector::verdict::returned && view_.usable > 0)
                servers_[each.server].guarded_.warming.begin(now);
        }
    };
    heed(outliers_.release(now));
    if (settings_.outliers.on && now >= next_sweep_) {
        heed(outliers_.sweep(conditions_, guard_, now, chance_));
        next_sweep_ = now + settings_.outliers.every;
    }
    judge(now);
    adapt(now);
    for (std::size_t i = 0; i < servers_.size(); ++i) note_limit(i);
    dispatch(here, now);
}

time_point backend::expire(loop& here) {
    const std::lock_guard lock{mutex_};
    dispatch(here, advance(here.now()));
    return queue_.next_expiry();
}

bool backend::check_result(std::size_t i, bool passed, time_point when) {
    const std::lock_guard lock{mutex_};
    const auto now = advance(when);
    auto& g = servers_[i].guarded_;
    if (passed) {
        g.breaker.check_passed(now);
        conditions_[i].known_dead = false;
    }
    const bool changed = g.health.record(passed);
    if (changed && passed && view_.usable > 0) g.warming.begin(now);
    judge(now);
    return changed;
}

bool backend::order(std::size_t i, breaker_order what, time_point when) {
    if (i >= servers_.size()) return false;
    const std::lock_guard lock{mutex_};
    const auto now = advance(when);
    auto& breaker = servers_[i].guarded_.breaker;
    switch (what) {
    case breaker_order::open: breaker.force_open(now); break;
    case breaker_order::close: breaker.force_close(now); break;
    case breaker_order::reset: breaker.reset(now); break;
    }
    judge(now);
    return true;
}

std::optional<std::size_t> backend::server_of(std::uint64_t sticky) const noexcept {
    const auto found = std::ranges::find(sticky_, sticky);
    if (found == sticky_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - sticky_.begin());
}

}  // namespace weir
