#include "proxy/request.hpp"

#include <algorithm>

#include "lib/http/answer.hpp"

namespace weir {
namespace {

/// Those who come back should not all come at once, and not at all when it is weir that is short of something.
http::refusal_hints hints_for(request& r) {
    http::refusal_hints hints;
    switch (r.why) {
    case reason::rate_limited: hints.retry_after = static_cast<unsigned>(r.retry_after.count()); break;
    case reason::overloaded:
    case reason::queue_full:
    case reason::queue_timeout: hints.no_retry = true; [[fallthrough]];
    case reason::breaker_open:
    case reason::no_server: hints.retry_after = 1 + r.worker.chance.below(5); break;
    default: break;
    }
    hints.unprocessed = r.tries == 0 && at_fault(r.why) == party::proxy;
    return hints;
}

constexpr auto answer_limit = 5s;  // for a client to take an answer of ours, which usually fits into the socket

std::int64_t us(nanoseconds duration) {
    return duration < 0ns ? access_record::absent
                          : std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

log_level level_of(reason why) {
    switch (why) {
    case reason::rate_limited:
    case reason::queue_full:
    case reason::queue_timeout:
    case reason::overloaded:
    case reason::breaker_open:
    case reason::cannot_finish: return log_level::debug;  // by the thousand, and in access log and metrics anyway
    default: break;
    }
    switch (at_fault(why)) {
    case party::client: return log_level::info;
    case party::backend: return log_level::warn;
    case party::proxy: return why == reason::internal_error ? log_level::error : log_level::warn;
    }
    std::unreachable();
}

}  // namespace

request::~request() {
    if (!logged) {  // the drain deadline cut us off
        if (why == reason::none) why = reason::draining;
        if (answered) client.reset_on_close();
        log_request(*this);
    }
    worker.numbers.requests_open.subtract();
    worker.request_heads.give_back(std::move(kept_head));
}

void log_request(request& r) {
    r.logged = true;
    auto& w = r.worker;
    const auto took = w.time.now() - r.began;
    w.numbers.responses_total[std::min<std::size_t>(static_cast<std::size_t>(r.status) / 100, 5)].add();
    w.numbers.total.record_us(static_cast<std::uint64_t>(us(took)));
    if (!w.access_lines) return;
    access_record line;
    line.unix_us = w.time.wall_us();
    line.client = r.client.peer_text();
    line.listener = r.listener.name;
    if (r.has_head) {
        line.method = r.head.method_name();
        line.host = r.head.authority();
        line.target = r.head.target();
        line.http_minor = r.head.minor();
        line.header_us = us(r.head_done - r.began);
    }
    line.status = r.status;
    line.why = r.why;
    line.bytes_in = r.bytes_in;
    line.bytes_out = r.bytes_out;
    line.connect_us = us(r.connecting);
    line.first_byte_us = us(r.first_byte);
    line.total_us = us(took);
    if (r.backend) line.backend = r.backend->shared.name();
    if (r.chosen) line.server = r.chosen->name();
    line.tries = r.tries;
    line.reused = r.reused;
    tell_tls(line, r.client);
    line.request_id = r.id_text();
    w.log_access(line);
}

task<void> answer_with_scratch(request& r, int status) {
    r.answered = true;
    r.status = status;
    r.parting = answer_limit;
    return {};
}

void cut_off(request& r, reason why) {
    if (r.why == reason::none) r.why = why;
    r.keep_client = false;
    r.cut = true;
    r.client.reset_on_close();
}

task<void> refuse(request& r, reason why, std::string_view doing) {
    r.why = why;
    if (!r.backend) r.worker.numbers.refused_total[static_cast<std::size_t>(why)].add();
    if (r.worker.errors.wants(level_of(why))) {
        std::string line = "refused: ";
        line.append(word(why)).append(": ").append(doing).append(" [client ");
        r.client.peer().append_to(line);
        if (r.backend) line.append("] [backend ").append(r.backend->shared.name());
        line.append("] [request ").append(r.id_text()).append("]");
        r.worker.log(level_of(why), line);
    }
    if (r.answered || why == reason::client_closed) {
        r.keep_client = false;
        if (!r.answered) r.status = status_for(why);
        return {};
    }
    if (!r.body_done) r.keep_client = false;
    http::answer_mode mode;
    mode.keep_alive = r.keep_client;
    mode.head_only = r.has_head && r.head.verb() == http::method::head;
    mode.client_minor = r.has_head ? r.head.minor() : 1;
    mode.date = r.worker.date_now();
    mode.request_id = r.id_text();
    r.worker.scratch.clear();
    http::append_refusal(r.worker.scratch, why, mode, hints_for(r));
    return answer_with_scratch(r, status_for(why));
}

}  // namespace weir
