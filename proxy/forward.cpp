#include "proxy/forward.hpp"

#include "proxy/exchange.hpp"
#include "proxy/pick.hpp"

namespace weir {
namespace {

/// May another try follow this failure? RESILIENCE: not after a byte of the answer, nor where a server may have processed
/// what must not be processed twice (RFC 9110 section 9.2.2).
bool may_try_again(const request& r, const error& failure) {
    if (r.answered || r.body_taken || r.time().now() >= r.deadline) return false;
    switch (failure.why) {
    case reason::connect_refused:
    case reason::connect_failed:
    case reason::connect_timeout:
    case reason::dns_failed: return true;
    case reason::backend_reset:
    case reason::backend_closed: return !failure.sent || r.repeatable();
    default: return false;
    }
}

}  // namespace

task<void> forward(request& r) {
    auto& backend = *r.backend;
    const auto& settings = backend.shared.settings();
    r.deadline = r.head_done + settings.timeout.total;
    tried_servers tried;
    auto pooled = pooled_connections::allowed;

    for (unsigned left = settings.retries;;) {
        const auto picked = pick_server(backend, tried, r.worker.chance);
        if (!picked) co_return co_await refuse(r, reason::no_server, "pick a server of " + backend.shared.name());

        ++r.tries;
        auto outcome = co_await exchange(r, *picked, pooled);
        if (outcome) co_return;
        if (!may_try_again(r, outcome.error()))
            co_return co_await refuse(r, outcome.error().why, outcome.error().doing);

        // A pooled connection that died says nothing about its server: the same once more, on a new one, for free.
        if (r.reused && pooled == pooled_connections::allowed) {
            pooled = pooled_connections::avoided;
            continue;
        }
        if (left-- == 0) co_return co_await refuse(r, outcome.error().why, outcome.error().doing);
        tried.add(*picked);
        if (r.worker.errors.wants(log_level::info))
            r.worker.log(log_level::info, "trying again: " + outcome.error().doing);
    }
}

}  // namespace weir
