#include "proxy/leftover.hpp"

#include "lib/async/race.hpp"
#include "lib/http/chunked.hpp"
#include "lib/http/parser.hpp"

namespace weir {
namespace {

constexpr std::size_t most_at_once = 64;
constexpr std::uint64_t most_body_bytes = 64 * 1024;  // a longer one is not worth reading

/// False: the server ended its side, or the connection broke.
task<bool> more(byte_stream& from) {
    const auto got = co_await from.fill();
    co_return got && *got > 0;
}

/// The head of the final response. False: the connection is of no use any more.
task<bool> read_head(worker_context& w, leftover& what) {
    auto& stream = *what.connection->stream;
    const auto& settings = what.backend.shared.settings();
    http::head_limits limits;
    limits.max_head_bytes = settings.max_head_bytes;
    http::response_parser parser;
    http::response_head head;
    while (true) {
        const auto used = parser.parse(stream.in(), limits, head);
        if (!used) co_return false;
        stream.consume(*used);
        if (*used == 0) {
            if (!co_await more(stream)) co_return false;
        } else if (head.status() == 101) {
            co_return false;
        } else if (!head.is_interim()) {
            break;
        }
    }
    const auto verdict = head.status() >= 500 ? outcome::alive : outcome::good;
    what.on.report(verdict, w.time.now() - what.sent_at);
    what.body = head.framing(what.asked);
    co_return head.keep_alive();
}

task<bool> read_length(byte_stream& from, std::uint64_t left) {
    if (left > most_body_bytes) co_return false;
    while (true) {
        const auto here = std::min<std::uint64_t>(left, from.in().size());
        from.consume(here);
        left -= here;
        if (left == 0) co_return true;
        if (!co_await more(from)) co_return false;
    }
}

task<bool> read_chunks(byte_stream& from) {
    http::chunked_decoder decoder{http::sender::server};
    std::uint64_t seen = 0;
    while (true) {
        while (!from.in().empty() && !decoder.done()) {
            const auto step = decoder.feed(from.in());
            if (!step) co_return false;
            from.consume(step->consumed);
            seen += step->consumed;
        }
        if (decoder.done()) co_return true;
        if (seen > most_body_bytes) co_return false;
        if (!co_await more(from)) co_return false;
    }
}

/// True: nothing of the answer is left on the connection.
task<bool> read_to_end(worker_context& w, leftover& what) {
    if (!what.body)
        if (!co_await read_head(w, what)) co_return false;
    auto& stream = *what.connection->stream;
    using kind = http::body_framing::kind;
    switch (what.body->how) {
    case kind::none: co_return true;
    case kind::length: co_return co_await read_length(stream, what.body->length);
    case kind::chunked: co_return co_await read_chunks(stream);
    case kind::until_close: co_return false;
    }
    std::unreachable();
}

}  // namespace

leftover::leftover(attempt& a, bool head_is_read)
    : backend{a.backend}, on{std::move(a.on)}, connection{std::move(a.connection)}, asked{a.r.head.verb()},
      sent_at{a.sent_at} {
    if (head_is_read) body = a.head.framing(asked);
}

bool can_be_saved(const attempt& a, bool head_is_read) {
    const auto& w = a.r.worker;
    if (!a.connection || a.sent_at == time_point{} || (head_is_read && !a.head.keep_alive())) return false;
    return w.leftovers.size() < most_at_once && w.ladder.hedges_allowed() && !w.closing &&
           a.backend.shared.late_time() > 0ns;
}

task<void> save(worker_context& w, leftover what) {
    const auto whole =
        co_await timeout(w.time, std::max<nanoseconds>(what.backend.shared.late_time(), 1ms), read_to_end(w, what));
    if (whole && *whole && what.connection->stream->in().empty()) {
        what.backend.pools[what.on.index()]->put(std::move(what.connection));
        co_return;
    }
    what.on.report(outcome::ignored, w.time.now() - what.sent_at);  // counts unless its head has told more
    w.numbers.hedges_wasted_total.add();
}

}  // namespace weir
