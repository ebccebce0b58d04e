#include "proxy/backend.hpp"

#include <algorithm>

#include "lib/resilience/sticky.hpp"

namespace weir {

// ---- the place ----

void place::report(outcome how, nanoseconds took, reason why) noexcept {
    if (of_.reported) return;
    of_.reported = true;
    of_.how = how;
    of_.took = took;
    of_.why = why;
}

void place::tell_now() {
    if (!of_.group || of_.told) return;
    const std::lock_guard lock{of_.group->mutex_};
    const auto now = of_.group->advance(of_.home->now());
    of_.group->tell(*this, now);
    of_.group->dispatch(*of_.home, now);
}

void place::leave() noexcept {
    if (!of_.group) return;
    auto* group = std::exchange(of_.group, nullptr);
    const std::lock_guard lock{group->mutex_};
    const auto now = group->advance(of_.home->now());
    if (!of_.told) group->tell(*this, now);
    group->left(*this);
    group->dispatch(*of_.home, now);
}

// ---- waiting for one ----

backend::entering::~entering() {
    if (arrival_.at == arrival::state::fresh || arrival_.at == arrival::state::done) return;
    place unused;  // gives itself back once the lock is free
    const std::lock_guard lock{backend_->mutex_};
    if (arrival_.at == arrival::state::queued) backend_->queue_.remove(arrival_);
    arrival_.unlink();  // from the line of those who are to be woken
    unused = std::move(arrival_.given);
    arrival_.at = arrival::state::done;
}

bool backend::entering::await_ready() {
    const std::lock_guard lock{backend_->mutex_};
    const auto now = backend_->advance(arrival_.wanted.home.now());
    switch (backend_->ask(arrival_.wanted, now, arrival_.given, arrival_.why)) {
    case decision::wait: return false;
    case decision::never: arrival_.at = arrival::state::refused; break;
    case decision::granted: arrival_.at = arrival::state::granted; break;
    }
    return arrival_.delivered = true;
}

std::optional<std::expected<place, reason>> backend::enter_now(const wanted_place& what) {
    place given;
    auto why = reason::none;
    const std::lock_guard lock{mutex_};
    const auto now = advance(what.home.now());
    switch (ask(what, now, given, why)) {
    case decision::granted: return given;
    case decision::never: return std::unexpected{why};
    case decision::wait: break;
    }
    if (what.may_wait && queue_.would_take(what.cls, what.fair_key, now)) return std::nullopt;
    return std::unexpected{reason::queue_full};
}

bool backend::entering::await_suspend(std::coroutine_handle<> parent) {
    arrival_.wake.handle = parent;
    auto& b = *backend_;
    auto& here = arrival_.wanted.home;
    const std::lock_guard lock{b.mutex_};
    const auto now = b.advance(here.now());
    arrival_.since = now;
    const auto refuse = [&](queue_entry& who, refusal why) { b.refuse(static_cast<arrival&>(who), why, here); };
    if (!arrival_.wanted.may_wait || !b.queue_.push(arrival_, now, refuse)) {
        arrival_.at = arrival::state::refused;
        arrival_.why = reason::queue_full;
        arrival_.delivered = true;
        return false;
    }
    arrival_.at = arrival::state::queued;
    b.dispatch(here, now);  // those before us may be waiting for what we do not need
    return true;
}

std::expected<place, reason> backend::entering::await_resume() {
    arrival_.at = arrival::state::done;
    if (arrival_.given) return std::move(arrival_.given);
    return std::unexpected{arrival_.why};
}

/// Its coroutine resumes on its own loop; if that is another's, in a call that takes all of them at once.
void backend::wake(arrival& who, loop& here) {
    auto& home = who.wanted.home;
    if (&home == &here) {
        who.delivered = true;
        here.post(who.wake);
        return;
    }
    auto line = std::ranges::find(lines_, &home, [](const auto& l) { return l->home; });
    if (line == lines_.end()) {
        lines_.push_back(std::make_unique<waiting_line>());
        line = std::prev(lines_.end());
        (*line)->home = &home;
    }
    (*line)->woken.push_back(who);
    // The loop is alive: `who` lives on it, and cannot go without our lock.
    home.call_from_other_thread([this, &home] { deliver(home); });
}

void backend::deliver(loop& home) {
    const std::lock_guard lock{mutex_};
    for (auto& line : lines_) {
        if (line->home != &home) continue;
        while (!line->woken.empty()) {
            auto& who = static_cast<arrival&>(line->woken.pop_front());
            who.delivered = true;
            home.post(who.wake);
        }
    }
}

void backend::refuse(arrival& who, refusal why, loop& here) {
    who.at = arrival::state::refused;
    switch (why) {
    case refusal::full: who.why = reason::queue_full; break;
    case refusal::expired: who.why = reason::queue_timeout; break;
    case refusal::cannot_finish: who.why = reason::cannot_finish; break;
    }
    wake(who, here);
}

// ---- who goes where ----

bool backend::allowed(std::size_t i, time_point now) {
    auto& breaker = servers_[i].guarded_.breaker;
    switch (uses_[i]) {
    case use::no: return false;
    case use::if_breaker_allows: return breaker.allows(now, chance_);
    // Panic: fewer servers than enough. But when most requests fail, to fail at once is kinder to everyone.
    case use::regardless: return budget_.mostly_failing(now) ? breaker.allows(now, chance_) : true;
    }
    std::unreachable();
}

bool backend::has_room(std::size_t i, bool measured) const noexcept {
    const auto& s = servers_[i];
    if (s.settings().limit) return s.in_flight() < *s.settings().limit;
    if (settings_.limit.how != conf::in_flight_limit::kind::adaptive || !measured) return true;
    return s.guarded_.measured < s.guarded_.limit.limit();
}

std::optional<std::size_t> backend::pick(const wanted_place& what, time_point now, bool& any_allowed) {
    const auto fits = [&](std::size_t i) {
        if (!allowed(i, now)) return false;
        if (what.route && !what.route->breakers.empty() && !what.route->breakers[i].allows(now, chance_)) return false;
        any_allowed = true;
        return has_room(i, what.measured);
    };
    const auto tried = [&](std::size_t i) { return what.tried && what.tried->contains(i); };
    if (servers_.size() == 1) return fits(0) ? std::optional<std::size_t>{0} : std::nullopt;
    if (view_.usable < servers_.size() && what.kind == try_kind::first)
        if (const auto due = probe_due(what, now); due && fits(*due)) return due;
    if (what.stick_to && !tried(*what.stick_to) && fits(*what.stick_to)) return what.stick_to;
    const auto candidate_at = [&](std::size_t i) {
        const auto& s = servers_[i];
        candidate c;
        c.weight = s.settings().weight * outliers_.weight(i) * s.guarded_.warming.factor(now);
        c.in_flight = s.in_flight();
        c.usable = fits(i);
        c.tried = tried(i);
        c.backup = s.settings().backup;
        if (settings_.how == conf::balance::least_latency) c.latency = s.guarded_.latency.value(now);
        return c;
    };
    if (ring_ && what.hash) {
        group_load all;
        for (std::size_t i = 0; i < servers_.size(); ++i) {
            if (servers_[i].settings().backup || uses_[i] == use::no) continue;
            all.in_flight += servers_[i].in_flight();
            all.weight +=
                servers_[i].settings().weight * outliers_.weight(i) * servers_[i].guarded_.warming.factor(now);
        }
        const auto bound = settings_.hash_bound_percent;
        if (const auto chosen = ring_->pick(*what.hash, {servers_.size(), candidate_at}, all, bound)) return chosen;
    }
    return balancer_.pick({servers_.size(), candidate_at}, chance_);
}

/// A server whose breaker would let a probe pass: balancing alone might avoid it for as long as it remembers its failures.
/// Whoever is sent there should be able to go elsewhere after.
std::optional<std::size_t> backend::probe_due(const wanted_place& what, time_point now) const noexcept {
    if (!what.may_probe) return std::nullopt;
    for (std::size_t i = 0; i < servers_.size(); ++i)
        if (conditions_[i].breaker_open && servers_[i].guarded_.breaker.at(now) == circuit_breaker::state::half_open)
            return i;
    return std::nullopt;
}

/// Counts a new request, whatever its tries will be. False: it has less time left than the usual one takes.
bool backend::begin(const wanted_place& what, time_point now) {
    ++requests_total_;
    budget_.first_attempt(now);
    return !in_time_.refuses(what.deadline - now, times_.at(500, now), now);
}

/// Whoever comes while others wait, waits behind them.
backend::decision backend::ask(const wanted_place& what, time_point now, place& given, reason& why) {
    if (what.is_new && !begin(what, now)) {
        why = reason::cannot_finish;
        return decision::never;
    }
    return queue_.size() > 0 ? decision::wait : decide(what, now, given, why);
}

/// Grants, or says whether waiting may help; if not, why.
backend::decision backend::decide(const wanted_place& what, time_point now, place& given, reason& why) {
    if (what.route && what.route->full()) return decision::wait;
    if (settings_.limit.how == conf::in_flight_limit::kind::fixed && in_flight_ >= settings_.limit.places)
        return decision::wait;
    bool any_allowed = false;
    const auto chosen = pick(what, now, any_allowed);
    if (chosen) {
        grant(what, *chosen, now, given);
        return decision::granted;
    }
    if (any_allowed) return decision::wait;
    const bool some_are_up = std::ranges::any_of(uses_, [](use each) { return each != use::no; });
    why = some_are_up ? reason::breaker_open : reason::no_server;
    return decision::never;
}

void backend::grant(const wanted_place& what, std::size_t i, time_point now, place& given) {
    auto& s = servers_[i];
    auto& g = s.guarded_;
    auto& of = given.of_;
    of.group = this;
    of.at = &s;
    of.index = i;
    of.home = &what.home;
    of.route = what.route;
    of.measured = what.measured;
    of.ticket = g.breaker.begin(now);
    if (of.route) {
        ++of.route->in_flight;
        if (!of.route->breakers.empty()) of.route_ticket = of.route->breakers[i].begin(now);
    }
    g.latency.started(now);
    s.in_flight_.fetch_add(1, std::memory_order_relaxed);
    ++in_flight_;
    if (of.measured) {
        of.counted = true;
        of.epoch = g.limit.started(now, ++g.measured);
    }
    ++g.tries[static_cast<std::size_t>(what.kind)];
}

/// Lets in as many of those who wait as there is room for.
void backend::dispatch(loop& here, time_point now) {
    if (queue_.size() == 0) return;
    queue_.expire(now, [&](queue_entry& who, refusal why) { refuse(static_cast<arrival&>(who), why, here); });
    const auto goes = [&](queue_entry& e) {
        auto& who = static_cast<arrival&>(e);
        if (decide(who.wanted, now, who.given, who.why) != decision::granted) return false;
        queue_wait_.record_us(static_cast<std::uint64_t>((now - who.since) / 1us));
        who.at = arrival::state::granted;
        return true;
    };
    while (auto* next = queue_.pop(now, goes)) wake(static_cast<arrival&>(*next), here);
}

// ---- what became of it ----

void backend::tell(place& p, time_point now) {
    p.of_.told = true;
    auto& g = p.of_.at->guarded_;
    const bool answered = p.of_.how != outcome::bad && p.of_.how != outcome::ignored;
    if (p.of_.counted) {
        p.of_.counted = false;
        using evidence = adaptive_limit::evidence;
        // A quick failure says nothing about how many the server can take; one that took long says that much at least.
        const auto says = answered ? evidence::answered
                          : p.of_.how == outcome::bad && p.of_.why != reason::none && p.of_.took > usual_time()
                              ? evidence::at_least
                              : evidence::none;
        g.limit.finished(p.of_.epoch, p.of_.took, says, --g.measured, now, chance_);
    }

    const auto before = g.breaker.generation();
    const auto tell_breaker = [&](circuit_breaker& breaker, circuit_breaker::ticket ticket) {
        if (!p.of_.reported) breaker.abandon(ticket, now, chance_);
        else breaker.report(ticket, p.of_.how, p.of_.measured ? p.of_.took : 0ns, now, chance_);
        if (p.of_.pause > 0s) breaker.retry_after(p.of_.pause, now);
    };
    tell_breaker(g.breaker, p.of_.ticket);
    if (p.of_.route && !p.of_.route->breakers.empty()) {
        auto& breaker = p.of_.route->breakers[p.of_.index];
        const auto was = breaker.at(now);
        tell_breaker(breaker, p.of_.route_ticket);
        if (breaker.at(now) != was) note_route_breaker(p, was, now);
    }

    ++g.outcomes[static_cast<std::size_t>(p.of_.how)];
    // A server that fails at once must not look fast, whatever its failures mean to the breaker.
    if (p.of_.how == outcome::bad || p.of_.server_error)
        g.latency.failed(p.of_.took, times_.at(990, now).value_or(0ns), now);
    else if (answered && p.of_.measured) g.latency.answered(p.of_.took, now);
    else g.latency.cancelled(p.of_.measured ? p.of_.took : 0ns, now);
    if (p.of_.how == outcome::ignored) return;

    budget_.outcome(answered, now);
    outliers_.count(p.of_.index, answered && !p.of_.server_error,
                    answered && p.of_.measured ? p.of_.took : nanoseconds{-1});
    if (answered && p.of_.measured) {
        g.first_byte.record_us(static_cast<std::uint64_t>(p.of_.took / 1us));
        times_.add(p.of_.took, now);
    }
    auto& condition = conditions_[p.of_.index];
    const bool refused = p.of_.why == reason::connect_refused;
    if (g.breaker.generation() != before || condition.known_dead != refused) {
        condition.known_dead = refused;
        judge(now);
    }
}

void backend::left(place& p) noexcept {
    p.of_.at->in_flight_.fetch_sub(1, std::memory_order_relaxed);
    --in_flight_;
    if (p.of_.route) --p.of_.route->in_flight;
}

// ---- retries and hedges ----

bool backend::pay_for(try_kind kind, route_state* way, time_point when, bool calm) {
    const std::lock_guard lock{mutex_};
    const auto now = advance(when);
    if (kind == try_kind::hedge && !(calm && hedges_of(way).charge(now))) return false;
    budget_.close_reserve(!calm);
    budget_.halve(view_.panic);
    if (budget_.charge(now)) return true;
    ++budget_refused_;
    return false;
}

std::optional<nanoseconds> backend::hedge_after(route_state& way, time_point when) {
    const auto& how = way.settings.hedge ? *way.settings.hedge : settings_.hedge;
    if (how.how == conf::hedging::kind::off || servers_.size() < 2) return std::nullopt;
    const std::lock_guard lock{mutex_};
    const auto now = advance(when);
    auto& trigger = hedges_of(&way);
    trigger.request(now);
    if (view_.panic || queue_.size() > 0) return std::nullopt;
    return trigger.delay(times_, now);
}

hedge_trigger& backend::hedges_of(route_state* way) noexcept { return way && way->hedges ? *way->hedges : hedges_; }

}  // namespace weir
