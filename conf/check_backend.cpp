#include "conf/check_backend.hpp"

#include <algorithm>
#include <iterator>
#include <string>

#include "conf/check_tls.hpp"
#include "conf/repeated.hpp"
#include "conf/suggest.hpp"
#include "conf/values.hpp"

namespace weir::conf {
namespace {

constexpr std::size_t most_fallback_bytes = 64 * 1024;

/// What the client will get: a text as it stands, or what a file holds now.
void settle_fallback(fallback& made, const written& where, const environment& machine, diagnostics& problems) {
    using kind = fallback::kind;
    const auto *how = where.find("fallback", "KIND"), *what = where.find("fallback", "WHAT");
    if (!how) return;
    if (made.how == kind::none) {
        if (what) problems.error(*what, "'fallback none' takes nothing more");
        return;
    }
    if (made.what.empty()) {
        problems.error(what ? *what : *how, made.how == kind::backend ? "'fallback backend' needs the name of a backend"
                                            : made.how == kind::file  ? "'fallback file' needs a path"
                                                                      : "'fallback respond' needs a text");
        return;
    }
    if (made.how == kind::respond) made.body = made.what;
    if (made.how != kind::file) return;
    auto text = machine.read_file(made.what, most_fallback_bytes);
    if (!text) problems.error(*what, "cannot use " + quoted(made.what) + ": " + text.error());
    else if (text->empty()) problems.error(*what, "cannot use " + quoted(made.what) + ": it is empty");
    else made.body = std::move(*text);
}

void check_health(const health_check& made, const written& where, diagnostics& problems) {
    using kind = health_check::kind;
    const auto *how = where.find("health", "KIND"), *path = where.find("health", "PATH");
    if (!how) return;
    if (made.how == kind::http && !path)
        problems.error(*how, "'health " + made.method + "' needs a PATH such as /healthz");
    if (made.how != kind::http && path) problems.error(*path, "only a check by GET, HEAD or OPTIONS has a PATH");
    if (const auto* every = where.find("health", "every"); every && made.how != kind::off)
        if (made.every < milliseconds{500})
            problems.warning(*every, "checks every " + write_time(made.every) + " are a load of their own");
}

/// Legal, but it makes bad times worse.
void check_dangers(const backend& made, const written& where, diagnostics& problems) {
    if (const auto* budget = where.find("retry", "budget"); budget && made.retry.budget_permille > 500)
        problems.warning(*budget, "a budget of " + write_percent(made.retry.budget_permille) +
                                      " lets retries nearly double the load of servers that fail");
    if (const auto* budget = where.find("hedge", "budget"); budget && made.hedge_budget_permille > 200)
        problems.warning(*budget, "a budget of " + write_percent(made.hedge_budget_permille) +
                                      " adds that much load to servers that are late already");
    if (const auto* limit = where.find("limit", "N"); limit && made.limit.how == in_flight_limit::kind::fixed)
        if (made.limit.places < made.servers.size())
            problems.warning(*limit, "fewer requests in flight than there are servers: some are always idle");
    if (const auto* patience = where.find("queue", "patience"); patience && made.patience)
        if (*made.patience >= made.timeout.total)
            problems.warning(*patience, "who waits for patience=" + write_time(*made.patience) +
                                            " has no time left: total=" + write_time(made.timeout.total));
    if (const auto* share = where.find("breaker", "slow_share"); share && made.breaker.on && !made.breaker.slow)
        problems.warning(*share, "'slow_share=' means nothing without 'slow='");
    if (made.breaker.on || made.outliers.on || made.health.how != health_check::kind::off) return;
    problems.warning(*where.find("breaker", "on|off"),
                     "without breaker, outliers and health nothing keeps requests from a server that fails");
}

void check_times(const backend& made, const written& where, diagnostics& problems) {
    // Whoever lowers `total` alone wants just that: a default that it overtakes is no news.
    const auto& timeout = made.timeout;
    const auto overtaken = [&](std::string_view name, milliseconds time) {
        const auto* place = where.find("timeout", name);
        if (!place || time <= timeout.total) return false;
        problems.warning(*place, std::string{name} + "=" + write_time(time) +
                                     " never ends a wait: total=" + write_time(timeout.total) + " is over before");
        return true;
    };
    overtaken("first_byte", timeout.first_byte);
    if (timeout.per_try && *timeout.per_try != no_time_limit) overtaken("per_try", *timeout.per_try);
    if (overtaken("connect", timeout.connect)) return;

    const span* places[] = {where.find("retry", "N"), where.find("timeout", "connect"), where.find("timeout", "total")};
    const auto place = std::ranges::find_if(places, [](const span* each) { return each != nullptr; });
    const auto tries = made.retry.times + 1;
    if (place != std::end(places) && tries > 1 && timeout.connect * tries > timeout.total)
        problems.warning(**place, std::to_string(tries) + " tries of connect=" + write_time(timeout.connect) +
                                      " do not fit into total=" + write_time(timeout.total));
}

void check_cycles(const config& whole, const written& top, diagnostics& problems) {
    const auto blocks = top.all_blocks("backend");
    for (std::size_t start = 0; start < whole.backends.size(); ++start) {
        auto at = start;
        for (std::size_t hops = 0; whole.backends[at].fallback.how == fallback::kind::backend; ++hops) {
            at = whole.backends[at].fallback.backend;
            if (at != start && hops <= whole.backends.size()) continue;
            if (at == start)
                problems.error(*blocks[start]->find("fallback", "WHAT"),
                               "the fallbacks of backend " + quoted(whole.backends[start].name) + " lead back to it");
            break;
        }
    }
}

}  // namespace

void check_backend(backend& made, const written& where, const environment& machine, diagnostics& problems) {
    settle_fallback(made.fallback, where, machine, problems);
    const auto servers = where.all("server");
    if (servers.empty()) problems.error(where.self, "backend " + quoted(made.name) + " has no 'server'");
    if (!where.sound) return;

    const auto address = [&](std::size_t i) { return key_of(made.servers[i].address); };
    for_repeated(servers.size(), address, [&](std::size_t i, std::size_t first) {
        problems.warning(servers[i], "the same server twice; a larger share is written weight=2");
        problems.note(servers[first], "first given here");
    });
    check_backend_tls(made, where, problems);
    check_health(made.health, where, problems);
    check_dangers(made, where, problems);
    check_times(made, where, problems);
}

void settle_fallbacks(config& whole, const written& top, diagnostics& problems) {
    std::vector<std::string_view> names;
    for (const auto& each : whole.backends) names.push_back(each.name);
    const auto blocks = top.all_blocks("backend");
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        auto& made = whole.backends[i].fallback;
        const auto* what = blocks[i]->find("fallback", "WHAT");
        if (made.how != fallback::kind::backend || !what || made.what.empty()) continue;
        const auto found = std::ranges::find(names, std::string_view{made.what});
        if (found == names.end())
            problems.error(*what, "unknown backend " + quoted(made.what) + did_you_mean(made.what, names));
        else made.backend = static_cast<std::size_t>(found - names.begin());
    }
    if (!problems.has_errors()) check_cycles(whole, top, problems);
}

}  // namespace weir::conf
