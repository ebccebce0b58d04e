// What a backend tells about itself: how it is, and in the journal what became of it.
#include <algorithm>
#include <cmath>

#include "proxy/backend.hpp"

namespace weir {
namespace {

std::string text_of(nanoseconds t) {
    if (t >= 10s) return std::to_string(t / 1s) + " s";
    return std::to_string(t / 1ms) + "." + std::to_string(t % 1ms / 100us) + " ms";
}

void describe(breaker_status& into, const circuit_breaker& breaker, time_point now) {
    into.breaker = word(breaker.at(now));
    into.breaker_cause = word(breaker.why());
    into.breaker_generation = breaker.generation();
    into.breaker_opened_total = breaker.opened();
    into.probes_total = breaker.probes();
    into.in_state = breaker.in_state(now);
    into.open_for = breaker.open_for(now);
    into.results_ignored = breaker.ignored();
    for (std::size_t cause = 0; cause < breaker_causes; ++cause)
        into.breaker_changes[cause] = breaker.changes(static_cast<circuit_breaker::cause>(cause));
}

std::string name_of(const conf::route& route) {
    return route.prefix + "@" + std::to_string(route.at.line) + ":" + std::to_string(route.at.column);
}

std::string percent(double share) { return std::to_string(std::lround(100 * share)) + " %"; }

}  // namespace

backend_status backend::status(time_point when) {
    const std::lock_guard lock{mutex_};
    const auto now = advance(when);
    backend_status out;
    out.name = name();
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        auto& from = servers_[i];
        auto& g = from.guarded_;
        auto& s = out.servers.emplace_back();
        s.name = from.name();
        const auto state = g.breaker.at(now);
        const auto& c = conditions_[i];
        const bool shut = c.breaker_open || state == circuit_breaker::state::ramp || c.draining;
        s.verdict = c.health_down ? "down" : c.ejected ? "ejected" : shut ? std::string{word(state)} : "up";
        describe(s, g.breaker, now);
        if (c.ejected) s.ejected_for = std::max(outliers_.ejected_until(i) - now, nanoseconds{0});
        s.in_flight = from.in_flight();
        s.weight = from.settings().weight;
        if (from.settings().limit) s.limit = from.settings().limit;
        else if (settings_.limit.how == conf::in_flight_limit::kind::adaptive) s.limit = g.limit.limit();
        s.limit_state = word(g.limit.now_in());
        s.limit_verdict = word(g.limit.last_verdict());
        s.limit_experiments = g.limit.experiments();
        s.base = g.limit.base();
        s.median = g.limit.last_median();
        s.latency = g.latency.value(now);
        s.share = outliers_.weight(i) * g.warming.factor(now);
        s.healthy = g.health.up();
        s.backup = from.settings().backup;
        s.ejections_total = outliers_.ejections(i);
        s.tries = g.tries;
        s.outcomes = g.outcomes;
        g.first_byte.add_to(s.first_byte);
    }
    for (const auto* way : own_rules_) {
        auto& route = out.routes.emplace_back();
        route.name = name_of(way->settings);
        route.in_flight = way->in_flight;
        route.limit = way->settings.limit;
        for (std::size_t i = 0; i < way->breakers.size(); ++i) {
            auto& breaker = route.breakers.emplace_back();
            breaker.server = servers_[i].name();
            describe(breaker, way->breakers[i], now);
        }
    }
    out.in_flight = in_flight_;
    if (settings_.limit.how == conf::in_flight_limit::kind::fixed) out.limit = settings_.limit.places;
    out.panic = view_.panic;
    out.usable = view_.usable;
    for (std::size_t cls = 0; cls < priority_classes; ++cls) {
        const auto which = static_cast<priority_class>(cls);
        out.queued[cls] = queue_.size(which);
        out.late[cls] = queue_.late(which, now);
    }
    out.queue_places = places_;
    out.patience = patience();
    out.budget_tokens = budget_.tokens(now);
    out.budget_refused_total = budget_refused_;
    out.requests_total = requests_total_;
    std::ranges::transform(refused_, out.refused_total.begin(),
                           [](const auto& n) { return n.load(std::memory_order_relaxed); });
    queue_wait_.add_to(out.queue_wait);
    out.recent = {times_.at(500, now).value_or(0ns), times_.at(950, now).value_or(0ns),
                  times_.at(990, now).value_or(0ns)};
    return out;
}

// ---- in the journal ----

void backend::note(journal_kind kind, std::size_t i, std::string from, std::string to, std::string why) {
    journal_entry entry;
    entry.kind = kind;
    entry.backend = name();
    if (i < servers_.size()) entry.server = servers_[i].name();
    entry.from = std::move(from);
    entry.to = std::move(to);
    entry.why = std::move(why);
    events_.add(now_, std::move(entry));
}

void backend::note_breaker(std::size_t i, time_point now) {
    auto& g = servers_[i].guarded_;
    const auto is = g.breaker.at(now);
    auto was = std::exchange(g.noted.breaker, is);
    const bool opened = std::exchange(g.noted.opened, g.breaker.opened()) != g.breaker.opened();
    if (is == was && !opened) return;
    if (is == was) was = circuit_breaker::state::half_open;  // a probe came and failed between two looks
    std::string why{word(g.breaker.why())};
    if (const auto left = g.breaker.open_for(now); left > 0ns) why.append("; for ").append(text_of(left));
    note(journal_kind::breaker, i, std::string{word(was)}, std::string{word(is)}, std::move(why));
}

void backend::note_route_breaker(const place& p, circuit_breaker::state was, time_point now) {
    const auto& breaker = p.of_.route->breakers[p.of_.index];
    auto why = std::string{word(breaker.why())}.append("; of route ").append(name_of(p.of_.route->settings));
    note(journal_kind::breaker, p.of_.index, std::string{word(was)}, std::string{word(breaker.at(now))},
         std::move(why));
}

void backend::note_panic() {
    const bool was = std::exchange(noted_panic_, view_.panic);
    if (view_.panic == was) return;
    auto why = std::to_string(view_.usable) + " of " + std::to_string(view_.members) + " servers usable";
    note(journal_kind::panic, servers_.size(), was ? "on" : "off", was ? "off" : "on", std::move(why));
}

void backend::note_outlier(const outlier_detector::decision& what, time_point now) {
    const auto say = [&](const char* from, const char* to, std::string why) {
        note(journal_kind::ejection, what.server, from, to, std::move(why));
    };
    switch (what.what) {
    case outlier_detector::verdict::ejected:
        return say("in", "ejected",
                   percent(what.own) + " of its answers good, of the median server " + percent(what.usual) + "; for " +
                       text_of(outliers_.ejected_until(what.server) - now));
    case outlier_detector::verdict::returned: return say("ejected", "in", "its time is over");
    case outlier_detector::verdict::slowed:
        return say("in", "slowed",
                   "median " + text_of(nanoseconds{std::llround(what.own)}) + ", of the median server " +
                       text_of(nanoseconds{std::llround(what.usual)}));
    case outlier_detector::verdict::restored: return say("slowed", "in", "no slower than the others");
    }
}

/// Limits move a little all the time; what is noted are steps of a quarter, and experiments when they are over.
void backend::note_limit(std::size_t i) {
    auto& g = servers_[i].guarded_;
    const bool adaptive = settings_.limit.how == conf::in_flight_limit::kind::adaptive && !servers_[i].settings().limit;
    if (!adaptive || g.limit.now_in() == adaptive_limit::state::experiment) return;
    const auto is = g.limit.limit();
    const bool judged = std::exchange(g.noted.experiments, g.limit.experiments()) != g.limit.experiments();
    const auto moved = is > g.noted.limit ? is - g.noted.limit : g.noted.limit - is;
    if (!judged && 4 * moved < g.noted.limit) return;
    const auto was = std::exchange(g.noted.limit, is);
    std::string why{judged ? "experiment: " : ""};
    why.append(judged ? word(g.limit.last_verdict()) : word(g.limit.now_in()));
    why.append("; median ").append(text_of(g.limit.last_median())).append(", without a queue ");
    why.append(text_of(g.limit.base()));
    note(journal_kind::limit, i, std::to_string(was), std::to_string(is), std::move(why));
}

}  // namespace weir
