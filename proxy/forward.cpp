#include "proxy/forward.hpp"

#include "lib/async/race.hpp"
#include "lib/resilience/retry_rules.hpp"
#include "lib/resilience/sticky.hpp"
#include "proxy/contest.hpp"
#include "proxy/heads.hpp"
#include "proxy/own_answer.hpp"
#include "proxy/standing.hpp"

namespace weir {
namespace {

/// What the tries of one request share.
struct journey {
    explicit journey(request& r) : r{r}, wanted{r.time()} { wanted.tried = &tried; }
    request& r;
    tried_servers tried;
    wanted_place wanted;
    pooled_connections pooled = pooled_connections::allowed;
    unsigned retries = 0, retries_left = 0;
};

std::optional<std::size_t> server_in_cookie(const request& r) {
    const auto& name = r.backend->shared.settings().sticky_cookie;
    if (name.empty()) return std::nullopt;
    const auto cookies = r.head.fields().find("cookie");
    const auto said = cookies ? find_cookie(*cookies, name) : std::nullopt;
    const auto hash = said ? parse_sticky(*said) : std::nullopt;
    return hash ? r.backend->shared.server_of(*hash) : std::nullopt;
}

void prepare(journey& j) {
    auto& r = j.r;
    const auto& settings = r.backend->shared.settings();
    const auto& route = *r.route;
    const auto total = route.total.value_or(settings.timeout.total);
    const auto own = r.head_done + total;
    if (r.deadline == time_point{} || own < r.deadline) r.deadline = own;
    else r.hurried = true;
    r.limits.first_byte = route.first_byte.value_or(settings.timeout.first_byte);
    j.retries_left = route.retries.value_or(settings.retry.times);
    r.limits.per_try = nanoseconds::max();
    if (settings.timeout.per_try) r.limits.per_try = *settings.timeout.per_try;
    else if (settings.retry.on.timeout && j.retries_left > 0) r.limits.per_try = total / 2;
    r.may_repeat = r.head.is_idempotent() ||
                   (!route.idempotency_key.empty() && r.head.fields().find(route.idempotency_key).has_value());
    if (r.may_repeat && j.retries_left > 0 && r.worker.ladder.replay_allowed())
        r.replay.allow(settings.retry.replay_bytes, r.worker.shared.replays);

    auto& w = j.wanted;
    w.route = &r.worker.backends[*route.backend] == r.backend ? r.way : nullptr;  // not of a fallback
    w.cls = r.cls;
    w.deadline = r.deadline;
    w.measured = !route.long_poll;
    w.fair_key = key_of(settings.fair_key, r);
    w.may_probe = r.may_repeat && r.body_done && j.retries_left > 0;
    if (settings.how == conf::balance::hash) w.hash = key_of(settings.hash_key, r);
    w.stick_to = r.stuck_to = server_in_cookie(r);
}

/// A place on a server, after a wait in the queue if need be; a client that leaves gives up its turn.
task<std::expected<place, reason>> wait_for_place(journey& j) {
    auto& r = j.r;
    auto& group = r.backend->shared;
    const auto until = std::min(r.deadline, r.time().after(group.patience()));
    const auto too_late = until < r.deadline ? reason::queue_timeout : reason::total_timeout;
    if (r.client.in().empty() && r.body_done) {
        auto first = co_await timeout_at(r.time(), until, race(group.enter(j.wanted), r.client.closed()));
        if (!first) co_return std::unexpected{too_late};
        if (first->index() == 1) co_return std::unexpected{reason::client_closed};
        co_return std::get<0>(std::move(*first));
    }
    auto entered = co_await timeout_at(r.time(), until, group.enter(j.wanted));
    if (!entered) co_return std::unexpected{too_late};
    co_return std::move(*entered);
}

bool may_have_rivals(const request& r) {
    return r.head.is_safe() && !r.head.framing().has_body() && !r.head.wants_upgrade();
}

/// Whether the first try has company, where the route or the backend wants that.
contest_plan plan_for(const journey& j) {
    auto& r = j.r;
    contest_plan plan;
    plan.others = 0;
    if (j.retries > 0 || !may_have_rivals(r) || !r.worker.ladder.hedges_allowed()) return plan;
    plan.others = r.route->race - 1;
    if (plan.others > 0) return plan;
    plan.after = r.backend->shared.hedge_after(*r.way, r.time().now());
    plan.others = plan.after ? 1 : 0;
    return plan;
}

retry_policy policy_of(const conf::backend& settings) {
    retry_policy policy;
    policy.connect_failure = settings.retry.on.connect_failure;
    policy.reset = settings.retry.on.reset;
    policy.timeout = settings.retry.on.timeout;
    for (const auto status : settings.retry.on.statuses) policy.statuses.add(status);
    policy.trust_marker = settings.retry.trust_marker;
    policy.backoff.first = settings.retry.backoff_first;
    policy.backoff.most = settings.retry.backoff_most;
    return policy;
}

/// What kind of failure it was, if of one that another try may follow.
std::optional<failed_try::kind> kind_of(const request& r, const error& failure) {
    switch (failure.why) {
    case reason::connect_refused:
    case reason::connect_failed:
    case reason::connect_timeout:
    case reason::tls_failed:
    case reason::tls_certificate:
    case reason::tls_timeout:
    case reason::handshakes_full:
    case reason::dns_failed: return failed_try::kind::connect;
    case reason::backend_reset:
    case reason::backend_closed:
        if (failure.sent) return failed_try::kind::reset;
        return r.reused ? failed_try::kind::dead_pooled : failed_try::kind::connect;
    case reason::first_byte_timeout:
    case reason::try_timeout: return failed_try::kind::timeout;
    default: return std::nullopt;
    }
}

failed_try facts(const journey& j, failed_try::kind what) {
    const auto& r = j.r;
    failed_try facts;
    facts.what = what;
    facts.repeatable = r.may_repeat;
    facts.replayable = r.replayable();
    facts.answered = r.answered;
    facts.another_server = r.backend->shared.servers().size() > 1;
    facts.retries = j.retries;
    facts.retries_left = j.retries_left;
    facts.time_left = r.deadline - r.time().now();
    if (const auto usual = r.backend->shared.usual_time(); usual > 0ns) facts.usual = usual;
    return facts;
}

/// May another try follow, and after which wait? Pays for it.
std::optional<nanoseconds> another(journey& j, const failed_try& failure) {
    auto& r = j.r;
    auto& group = r.backend->shared;
    auto next = next_try_after(failure, policy_of(group.settings()), r.worker.chance);
    if (!next) return std::nullopt;
    if (next->free) {
        j.pooled = pooled_connections::avoided;
        return next->wait;
    }
    if (!group.pay_for(try_kind::retry, r.way, r.time().now(), !r.worker.ladder.retry_reserve_off()))
        return std::nullopt;
    ++j.retries;
    --j.retries_left;
    if (r.reused && failure.what == failed_try::kind::reset) {  // stale, most likely: the same server, a new connection
        j.pooled = pooled_connections::avoided;
        return 0ns;
    }
    j.pooled = pooled_connections::allowed;
    if (r.chosen) j.tried.add(r.chosen_index);
    return next->wait;
}

/// False: the client left meanwhile.
task<bool> wait_for(request& r, nanoseconds pause) {
    if (pause <= 0ns) co_return true;
    if (!r.client.in().empty() || !r.body_done) {
        co_await r.time().sleep(pause);
        co_return true;
    }
    co_return !co_await timeout(r.time(), pause, r.client.closed());
}

/// The response asks for another try, which is allowed: nothing of it has gone to the client.
std::optional<nanoseconds> another_for_status(journey& j, const attempt& a) {
    if (a.head.status() < 400) return std::nullopt;
    auto failure = facts(j, failed_try::kind::status);
    failure.status = static_cast<unsigned>(a.head.status());
    failure.replayable = failure.replayable && (!a.body || a.body->succeeded());
    failure.marked_unprocessed = a.head.fields().find("x-not-processed") == "1";
    failure.marked_final = a.head.fields().find("x-retry") == "no";
    if (const auto pause = retry_after(a.head, j.r.time().wall_us())) failure.retry_after = *pause;
    return another(j, failure);
}

bool nobody_there(reason why) {
    switch (why) {
    case reason::no_server:
    case reason::breaker_open:
    case reason::connect_refused:
    case reason::connect_failed:
    case reason::connect_timeout:
    case reason::tls_failed:
    case reason::tls_certificate:
    case reason::tls_timeout:
    case reason::dns_failed: return true;
    default: return false;
    }
}

/// There is no response to pass on from this backend. Decides at once, and returns what is to be awaited.
task<void> give_up(request& r, const error& failure) {
    auto& group = r.backend->shared;
    group.refused(failure.why);
    if (nobody_there(failure.why) && !r.answered) {
        const auto& fallback = group.settings().fallback;
        if (fallback.how == conf::fallback::kind::backend && r.replayable()) {
            r.backend = &r.worker.backends[fallback.backend];
            return forward(r);
        }
        if (const auto own = fallback_answer(r)) {
            r.why = failure.why;
            return answer(r, *own);
        }
    }
    return refuse(r, failure.why, failure.doing);
}

}  // namespace

task<void> forward(request& r) {
    journey j{r};
    prepare(j);
    auto& group = r.backend->shared;
    std::optional<error> last;  // the real failure, where a later try finds no place
    while (true) {
        auto found = group.enter_now(j.wanted);
        j.wanted.is_new = false;
        if (!found) found = co_await wait_for_place(j);
        if (!*found) {
            const auto why = found->error();
            if (!last || why == reason::client_closed) last.emplace(why, "find a server", false);
            co_return co_await give_up(r, *last);
        }
        j.wanted.kind = try_kind::retry;
        auto first = std::make_unique<attempt>(r, std::move(**found));
        result<attempt_ptr> tried;
        if (const auto plan = plan_for(j); plan.others > 0) {
            tried = co_await contest(r, std::move(first), j.wanted, j.tried, plan);
        } else {
            auto asked = co_await ask(*first, j.pooled);
            if (asked) {
                tried = std::move(first);
            } else {
                first->report(asked.error());
                tried = std::unexpected{std::move(asked.error())};
                first.reset();  // its place is free for others before we wait, or go elsewhere
            }
        }
        std::optional<nanoseconds> pause;
        if (tried) {
            auto& a = **tried;
            pause = another_for_status(j, a);
            if (!pause) {
                co_await pass_on(a);
                if (a.body && !a.body->succeeded()) r.keep_client = false;  // an answer before the request's end
                co_return;
            }
            last = error{reason::bad_response, a.doing("ask") + ": status " + std::to_string(a.head.status())};
            tried->reset();
        } else {
            last = std::move(tried.error());
            if (const auto kind = kind_of(r, *last)) {
                auto failure = facts(j, *kind);
                failure.sent = last->sent;
                pause = another(j, failure);
            }
            if (!pause) co_return co_await give_up(r, *last);
        }
        if (r.worker.errors.wants(log_level::info)) r.worker.log(log_level::info, "trying again: " + last->doing);
        if (co_await wait_for(r, *pause)) continue;
        last.emplace(reason::client_closed, "wait for another try");
        co_return co_await give_up(r, *last);
    }
}

}  // namespace weir
