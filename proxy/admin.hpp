#pragma once
/// The admin listener: what operators and their tools see of the process, and the few orders they may give.
///
///     admin pages{time, shared, log, phase, random_seed(), [&] { return look(); }};
///     background.spawn(pages.run(door));
///
///     GET /metrics   for Prometheus              GET /status   all there is to know, as JSON
///     GET /live      200 while the loop turns    GET /ready    200 while serving, else 503 and why not
///     GET /events    the journal of decisions, a line of JSON each; ?after=N: only what is new
///     GET /          the dashboard for a browser, else this list
///     POST /backends/NAME/servers/ADDRESS/breaker?order=open|close|reset
///
/// It runs on the process's own loop, so it answers while the workers are overloaded. Few connections (64), little time
/// (5 s for a head, 30 s between two requests), no request bodies. Whoever reaches it may give orders, so it should listen
/// where only operators do; an order that a browser sends on behalf of another site is refused all the same. Belongs to
/// one loop.
#include <functional>

#include "lib/async/task.hpp"
#include "lib/http/date.hpp"
#include "lib/http/head.hpp"
#include "lib/net/listener.hpp"
#include "lib/telemetry/error_log.hpp"
#include "proxy/context.hpp"
#include "proxy/status.hpp"

namespace weir {

class admin {
public:
    admin(loop& time, shared_state& shared, error_log& log, const run_phase& phase, std::uint64_t seed,
          std::function<task<process_status>()> look)
        : time_{time}, shared_{shared}, log_{log}, phase_{phase}, chance_{seed}, look_{std::move(look)} {}
    admin(const admin&) = delete;

    /// Everybody who comes, until it is cancelled.
    task<void> run(listener& door);
    /// One of them, until it is gone.
    task<void> serve(stream_ptr client);

private:
    struct reply;
    task<bool> serve_request(byte_stream& client);
    task<reply> answer(const http::request_head& head, const address& who);
    reply front_page(const http::request_head& head);
    reply events(const http::request_head& head) const;
    reply ready() const;
    reply give_order(const http::request_head& head, const address& who);
    task<bool> send(byte_stream& client, const reply& what, bool head_only, bool keep);

    loop& time_;
    shared_state& shared_;
    error_log& log_;
    const run_phase& phase_;
    random_source chance_;  // for what nobody should guess
    std::function<task<process_status>()> look_;
    http::date_clock date_;
};

}  // namespace weir
