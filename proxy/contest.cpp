#include "proxy/contest.hpp"

#include "lib/async/race.hpp"
#include "lib/async/scope.hpp"
#include "proxy/leftover.hpp"

namespace weir {
namespace {

struct entrant {
    explicit entrant(attempt_ptr what) : tries{std::move(what)} {}
    attempt_ptr tries;
    std::optional<result<>> asked;  // once it has an end
};

class arena {
public:
    arena(request& r, wanted_place& wanted, tried_servers& tried)
        : r_{r}, wanted_{wanted}, tried_{tried}, news_{r.time()}, running_{r.time()} {}

    void enter(attempt_ptr who) {
        who->alone = false;
        tried_.add(who->on.index());
        auto& mine = entrants_.emplace_back(std::move(who));
        running_.spawn(run(mine));
    }
    /// One more, if a server can take it at once: a second try is never worth waiting for.
    bool enter_another(try_kind kind) {
        auto mine = wanted_;  // a retry after us may wait again
        mine.kind = kind;
        mine.may_wait = false;
        auto found = r_.backend->shared.enter_now(mine);
        if (!found || !*found || tried_.contains((*found)->index())) return false;
        enter(std::make_unique<attempt>(r_, std::move(**found)));
        return true;
    }
    event& news() noexcept { return news_; }

    /// The winner, as soon as there is one: the first good response, else, once all have ended, the best of the rest.
    entrant* decided() {
        news_.clear();
        entrant* ended = nullptr;
        for (auto& each : entrants_) {
            if (!each.asked) continue;
            if (*each.asked && each.tries->head.status() < 500) return &each;
            if (!ended || !*ended->asked) ended = &each;
        }
        return running_.empty() ? ended : nullptr;
    }
    /// Ends those that are still out. What they took so far is the least they would have taken.
    void cancel() {
        running_.cancel();
        auto& w = r_.worker;
        for (auto& each : entrants_) {
            if (!each.tries || (each.asked && !*each.asked)) continue;
            const bool answered = each.asked.has_value();
            if (can_be_saved(*each.tries, answered)) {
                w.leftovers.spawn(save(w, leftover{*each.tries, answered}));
                continue;
            }
            if (!answered) each.tries->on.report(outcome::ignored, w.time.now() - each.tries->began);
            if (each.tries->connection) w.numbers.hedges_wasted_total.add();
        }
    }

private:
    task<void> run(entrant& mine) {
        auto asked = co_await ask(*mine.tries, pooled_connections::allowed);
        if (!asked) mine.tries->report(asked.error());
        mine.asked = std::move(asked);
        news_.set();
    }

    request& r_;
    wanted_place& wanted_;
    tried_servers& tried_;
    event news_;
    std::deque<entrant> entrants_;  // referred to by their tasks
    scope running_;
};

}  // namespace

task<result<attempt_ptr>> contest(request& r, attempt_ptr first, wanted_place& wanted, tried_servers& tried,
                                  contest_plan plan) {
    arena all{r, wanted, tried};
    all.enter(std::move(first));
    auto& group = r.backend->shared;
    const auto kind = plan.after ? try_kind::hedge : try_kind::race;
    if (!plan.after)
        while (plan.others > 0 && all.enter_another(kind)) --plan.others;

    auto next = plan.after ? r.time().after(*plan.after) : time_point::max();
    while (true) {
        if (auto* winner = all.decided()) {
            auto asked = std::move(*winner->asked);
            auto tries = std::move(winner->tries);
            all.cancel();
            if (!asked) co_return std::unexpected{std::move(asked.error())};
            tries->alone = true;
            co_return tries;
        }
        const auto until = plan.others > 0 ? next : time_point::max();
        if (r.client.in().empty()) {
            auto woken = co_await timeout_at(r.time(), until, race(all.news().wait(), r.client.closed()));
            if (woken && woken->index() == 1) co_return fail(reason::client_closed, "wait for a response");
            if (woken) continue;
        } else if (co_await timeout_at(r.time(), until, all.news().wait())) {
            continue;
        }
        plan.others = 0;  // a hedge is sent once
        if (group.pay_for(kind, r.way, r.time().now(), r.worker.ladder.hedges_allowed())) all.enter_another(kind);
    }
}

}  // namespace weir
