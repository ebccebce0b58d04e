#include "proxy/attempt.hpp"

#include <charconv>

#include "lib/async/race.hpp"
#include "lib/http/upgrade.hpp"
#include "lib/http/write.hpp"
#include "proxy/dial.hpp"
#include "proxy/heads.hpp"
#include "proxy/tunnel.hpp"

namespace weir {
namespace {

constexpr unsigned most_interim_responses = 32;
constexpr auto unwatched_for = 10ms;

std::unexpected<error> broken(const attempt& a, std::string_view what, const io_error* why = nullptr) {
    auto text = a.doing(what);
    if (why) text.append(": ").append(why->text());
    return fail(why ? reason::backend_reset : reason::backend_closed, std::move(text));
}

/// The try's time is over: whose limit was it?
reason too_late(const attempt& a) { return a.deadline < a.r.deadline ? reason::try_timeout : reason::total_timeout; }

/// A kept-alive connection, where there is one and it may be used.
bool take_pooled(attempt& a, pooled_connections pooled) {
    auto& r = a.r;
    const bool only_once = !r.repeatable() || r.head.framing().has_body();
    if (pooled == pooled_connections::allowed) a.connection = a.backend.pools[a.on.index()]->take(only_once);
    return a.reused = r.reused = a.connection != nullptr;
}

task<result<>> connect(attempt& a) {
    auto& r = a.r;
    const auto began = r.time().now();
    auto fresh = co_await timeout_at(r.time(), a.deadline, dial(r.worker, a.backend, a.on.index(), r.client));
    if (!fresh) co_return fail(too_late(a), a.doing("connect to"), false);
    if (!*fresh) co_return std::unexpected{std::move(fresh->error())};
    a.connection = std::move(**fresh);
    a.connecting = r.connecting = r.time().now() - began;
    co_return {};
}

/// `Keep-Alive: timeout=5`, as many servers say how long they keep an idle connection.
void heed_keep_alive(attempt& a) {
    const auto value = a.head.find(http::field_id::keep_alive);
    if (!value) return;
    constexpr std::string_view word = "timeout=";
    const auto at = value->find(word);
    if (at == value->npos) return;
    const auto digits = value->substr(at + word.size());
    unsigned seconds = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), seconds).ec == std::errc{})
        a.backend.pools[a.on.index()]->hint(std::chrono::seconds{seconds});
}

/// What goes out first: the head, and the body too where the client's buffer already holds all of it.
struct first_piece {
    std::string_view head, body;
    bool whole;  // nothing is left to upload
    time_point until;
};

first_piece compose(attempt& a) {
    auto& r = a.r;
    const auto framing = r.head.framing();
    const bool in_full =
        framing.how == http::body_framing::kind::length && !r.body_taken && r.client.in().size() >= framing.length;
    auto& out = r.worker.scratch;
    out.clear();
    compose_request(out, r, a.deadline);
    return {.head = out,
            .body = in_full ? r.client.in().substr(0, framing.length) : std::string_view{},
            .whole = in_full || !framing.has_body(),
            .until = std::min(a.deadline, r.time().after(a.backend.shared.settings().timeout.idle))};
}

/// It is out, or is not; what is left of the body starts on its way.
result<> settle_sending(attempt& a, const first_piece& out, const std::optional<io_result<>>& sent) {
    auto& r = a.r;
    if (!sent)
        return fail(out.until < a.deadline ? reason::idle_timeout : too_late(a), a.doing("send request head to"));
    if (!*sent) {
        auto failure = broken(a, "send request head to", &sent->error());
        failure.error().sent = !sent->error().nothing_sent;
        return failure;
    }
    a.sent_at = r.time().now();
    if (!out.whole) {
        a.body = std::make_unique<upload>(r, a.stream(), a.backend.shared.settings().timeout.idle);
        a.body->start();
    } else if (!out.body.empty()) {
        r.replay.keep(r.client.in().substr(0, out.body.size()));  // it may have moved meanwhile
        r.bytes_in += out.body.size();
        r.client.consume(out.body.size());
        r.body_taken = r.body_done = true;
    }
    return {};
}

enum class heard { bytes, end, broken, client_left, body_progress, too_late };

heard heard_of(const io_result<std::size_t>& got) {
    return !got ? heard::broken : *got == 0 ? heard::end : heard::bytes;
}

/// Nothing is on its way from the client, and it has been idle before: its end would be noticed at once.
bool only_waits(const attempt& a) {
    return (!a.body || a.body->ended()) && a.alone && a.r.client.in().empty() && a.r.client.is_watched();
}

/// Waits for bytes from the server where there is more to it than that.
task<heard> listen(attempt& a, time_point deadline) {
    auto& r = a.r;
    if (a.body && !a.body->ended()) {
        auto first = co_await timeout_at(r.time(), deadline, race(a.stream().fill(), a.body->progress()));
        if (!first) co_return heard::too_late;
        co_return first->index() == 0 ? heard_of(std::get<0>(*first)) : heard::body_progress;
    }
    if (!a.alone ||
        !r.client.in().empty()) {  // more requests wait behind this one; only a write will tell if the client is gone
        auto got = co_await timeout_at(r.time(), deadline, a.stream().fill());
        co_return got ? heard_of(*got) : heard::too_late;
    }
    // A new connection: most answers are here before it is worth watching for its end.
    auto soon = co_await timeout_at(r.time(), std::min(deadline, r.time().now() + unwatched_for), a.stream().fill());
    if (soon) co_return heard_of(*soon);
    if (r.time().now() >= deadline) co_return heard::too_late;
    auto first = co_await timeout_at(r.time(), deadline, race(a.stream().fill(), r.client.closed()));
    if (!first) co_return heard::too_late;
    co_return first->index() == 0 ? heard_of(std::get<0>(*first)) : heard::client_left;
}

/// When the answer's head is due. Time that the client spends sending its body does not count, and has its own limits.
time_point head_due(const attempt& a) {
    if (a.body && !a.body->ended()) return time_point::max();
    const auto sent = a.body ? a.body->ended_at() : a.sent_at;
    const auto deadline = a.body ? a.deadline + (sent - a.sent_at) : a.deadline;
    return std::min(sent + a.r.limits.first_byte, deadline);
}

/// The response head, interim or final, as far as it is here: as response_parser::parse().
result<std::size_t> parse_head(attempt& a, http::response_parser& parser) {
    http::head_limits limits;
    limits.max_head_bytes = a.backend.shared.settings().max_head_bytes;
    limits.max_headers = a.r.listener.settings.max_headers;
    auto used = parser.parse(a.stream().in(), limits, a.head);
    if (!used) return fail(used.error().why, a.doing("read response head from") + ": " + used.error().doing);
    a.stream().consume(*used);
    return used;
}

/// A body that the server stopped taking may still get an answer; one that the client did not finish may not.
const error* failure_of_body(const attempt& a) { return a.body && a.body->failure() ? &*a.body->failure() : nullptr; }

/// What was heard instead of bytes.
std::unexpected<error> no_answer(const attempt& a, heard what) {
    switch (what) {
    case heard::bytes:
    case heard::body_progress: break;
    case heard::end: return broken(a, "read response head from");
    case heard::broken: {
        const io_error reset{ECONNRESET};
        return broken(a, "read response head from", &reset);
    }
    case heard::client_left: return fail(reason::client_closed, a.doing("wait for response of"));
    case heard::too_late: {
        if (const auto* failure = failure_of_body(a)) return std::unexpected{*failure};
        const auto sent = a.body ? a.body->ended_at() : a.sent_at;
        const bool whole = head_due(a) < sent + a.r.limits.first_byte;
        return fail(whole ? too_late(a) : reason::first_byte_timeout, a.doing("wait for response of"));
    }
    }
    std::unreachable();
}

task<result<>> forward_interim(attempt& a) {
    auto& r = a.r;
    const bool wanted = a.head.status() == 100 ? r.head.expects_continue() : r.head.minor() >= 1;
    if (!wanted || !a.alone) co_return {};  // of several tries, only the one that wins may speak
    auto& out = r.worker.scratch;
    out.clear();
    http::append_interim(out, a.head);
    r.bytes_out += out.size();
    const auto sent = co_await r.client.write_until(r.time().after(a.backend.shared.settings().timeout.idle), out);
    if (!sent) co_return fail(reason::client_idle_timeout, "send interim response");
    if (!*sent) co_return fail(reason::client_closed, "send interim response");
    co_return {};
}

/// 101: may be a tunnel only where it was asked for and is allowed.
result<> check_switch(const attempt& a) {
    const auto protocol = http::check_switch(a.r.head, a.head, a.r.route->upgrades);
    if (protocol) return {};
    return fail(protocol.error().why, a.doing("read response head from") + ": " + protocol.error().doing);
}

task<void> switch_protocols(attempt& a) {
    auto& r = a.r;
    const auto protocol = http::check_switch(r.head, a.head, r.route->upgrades);
    auto& out = r.worker.scratch;
    out.clear();
    http::append_switch(out, a.head, *protocol);
    r.answered = true;
    r.status = 101;
    r.keep_client = false;
    a.on.tell_now();
    const auto limit = a.backend.shared.settings().timeout.idle;
    const auto sent = co_await r.client.write_until(r.time().after(limit), out);
    r.bytes_out += out.size();
    if (!sent || !*sent) {
        r.why = sent ? reason::client_closed : reason::client_idle_timeout;
        r.cut = true;
        co_return;
    }
    const auto moved = co_await tunnel(r.worker, r.client, a.stream(), a.backend.shared.settings().timeout.tunnel_idle);
    r.bytes_in += moved.from_client;
    r.bytes_out += moved.from_server;
    r.why = moved.why;
    r.cut = moved.why != reason::none;
}

/// What a failure says about the server. Ours or the client's says nothing, nor does a kept connection that turns out dead.
outcome outcome_of(const attempt& a, const error& failure) {
    if (failure.why == reason::total_timeout) return a.r.hurried ? outcome::ignored : outcome::bad;
    if (a.reused && (failure.why == reason::backend_reset || failure.why == reason::backend_closed))
        return outcome::ignored;
    return at_fault(failure.why) == party::backend ? outcome::bad : outcome::ignored;
}

outcome outcome_of(int status) {
    if (status == 429) return outcome::limited;
    if (status >= 502 && status <= 504) return outcome::bad;
    return status >= 400 ? outcome::alive : outcome::good;
}

}  // namespace

attempt::attempt(request& what, place where)
    : r{what}, backend{*what.backend}, on{std::move(where)}, kept_head{what.worker.response_heads.take()},
      head{*kept_head}, began{what.time().now()},
      deadline{std::min(what.deadline, what.time().after(what.limits.per_try))} {
    ++r.tries;
}

std::string attempt::doing(std::string_view what) const {
    std::string text{what};
    return text.append(" ").append(to().name()).append(" of ").append(backend.shared.name());
}

void attempt::takes_time() { on.tell_now(); }

void attempt::release() {
    if (connection) backend.pools[on.index()]->put(std::move(connection));
    on.leave();
}

void attempt::report(const error& failure) {
    on.report(outcome_of(*this, failure), r.time().now() - began, failure.why);
}

/// The head of the final response is here.
void attempt::report_head() {
    const auto since = body && body->ended() ? body->ended_at() : sent_at;
    on.report(outcome_of(head.status()), r.time().now() - since);
    if (head.status() < 400) return;
    if (head.status() >= 500) on.server_failed();
    if (const auto pause = retry_after(head, r.time().wall_us())) on.pause_asked(*pause);
}

task<result<>> ask(attempt& a, pooled_connections pooled) {
    auto& r = a.r;
    r.chosen = &a.to();
    r.chosen_index = a.on.index();
    r.connecting = nanoseconds{-1};
    if (!take_pooled(a, pooled))
        if (auto made = co_await connect(a); !made) co_return made;

    const auto out = compose(a);
    const auto sent = co_await a.stream().write_until(out.until, out.head, out.body);
    if (auto settled = settle_sending(a, out, sent); !settled) co_return settled;

    http::response_parser parser;
    for (unsigned interim = 0;;) {
        const auto used = parse_head(a, parser);
        if (!used) co_return std::unexpected{used.error()};
        if (*used == 0) {
            if (const auto* failure = failure_of_body(a); failure && at_fault(failure->why) == party::client)
                co_return std::unexpected{*failure};
            auto what = heard::too_late;
            if (only_waits(a)) {
                auto first = co_await timeout_at(r.time(), head_due(a), race(a.stream().fill(), r.client.closed()));
                if (first) what = first->index() == 0 ? heard_of(std::get<0>(*first)) : heard::client_left;
            } else {
                what = co_await listen(a, head_due(a));
            }
            if (what != heard::bytes && what != heard::body_progress) co_return no_answer(a, what);
            continue;
        }
        if (a.head.status() == 101 || !a.head.is_interim()) break;
        if (interim++ == most_interim_responses)
            co_return fail(reason::bad_response, a.doing("read response head from") + ": too many interim responses");
        if (auto told = co_await forward_interim(a); !told) co_return told;
    }
    if (a.head.status() == 101)
        if (auto allowed = check_switch(a); !allowed) co_return allowed;
    a.report_head();
    co_return {};
}

task<void> pass_on(attempt& a) {
    auto& r = a.r;
    r.chosen = &a.to();
    r.chosen_index = a.on.index();
    r.reused = a.reused;
    r.connecting = a.connecting;
    r.first_byte = r.time().now() - a.sent_at;
    if (a.head.status() == 101) return switch_protocols(a);

    auto& relay = a.relay.emplace(a, r, a.head, a.stream(), a.backend.shared.settings().timeout.idle);
    relay.server_may_stay = (!a.body || a.body->succeeded()) && a.head.keep_alive();
    if (r.worker.closing) r.keep_client = false;
    if (relay.server_may_stay) heed_keep_alive(a);
    return relay_response(relay);
}

}  // namespace weir
