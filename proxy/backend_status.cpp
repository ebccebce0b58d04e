// What a backend tells about itself.
#include "proxy/backend.hpp"

namespace weir {

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
        s.breaker = word(state);
        s.breaker_cause = word(g.breaker.why());
        s.breaker_generation = g.breaker.generation();
        s.breaker_opened_total = g.breaker.opened();
        s.probes_total = g.breaker.probes();
        s.in_state = g.breaker.in_state(now);
        s.in_flight = from.in_flight();
        s.weight = from.settings().weight;
        if (from.settings().limit) s.limit = from.settings().limit;
        else if (settings_.limit.how == conf::in_flight_limit::kind::adaptive) s.limit = g.limit.limit();
        s.base = g.limit.base();
        s.latency = g.latency.value(now);
        s.share = outliers_.weight(i) * g.warming.factor(now);
        s.healthy = g.health.up();
        s.backup = from.settings().backup;
        s.ejections_total = outliers_.ejections(i);
        s.tries = g.tries;
        s.outcomes = g.outcomes;
        g.first_byte.add_to(s.first_byte);
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
    out.refused_total = refused_;
    queue_wait_.add_to(out.queue_wait);
    return out;
}

}  // namespace weir
