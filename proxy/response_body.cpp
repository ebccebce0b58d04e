#include "proxy/response_body.hpp"

#include "lib/async/race.hpp"
#include "lib/http/chunked.hpp"
#include "lib/http/write.hpp"
#include "proxy/bulk.hpp"
#include "proxy/heads.hpp"

namespace weir {
namespace {

using kind = http::body_framing::kind;
constexpr std::size_t small_body_bytes = 4 * 1024;  // up to here one copy is cheaper than a second piece

/// How the body is framed for the client; decides whether its connection can stay.
http::body_framing framing_for_client(response_relay& x, const http::body_framing& from) {
    auto framing = from;
    if (from.how == kind::until_close || from.how == kind::chunked)
        framing.how = x.r.head.minor() >= 1 ? kind::chunked : kind::until_close;
    if (framing.how == kind::until_close) x.r.keep_client = false;
    return framing;
}

/// Cut off (x.r.cut) if the client does not take it.
task<void> write_client(response_relay& x, std::string_view first, std::string_view second = {}) {
    const auto bytes = first.size() + second.size();
    const auto sent = co_await x.r.client.write_until(x.r.time().after(x.patience), first, second);
    if (sent && *sent) x.r.bytes_out += bytes;
    else cut_off(x.r, sent ? broken_by(sent->error(), reason::client_closed) : reason::client_idle_timeout);
}

enum class more { bytes, end, gone };

/// More bytes from the server, or its end of stream; a client that leaves ends it too. Bytes that came while the client
/// took the last piece are enough: whoever asks for more than those would wait for what may never come.
task<more> read_server(response_relay& x) {
    if (!x.server.in().empty()) co_return more::bytes;
    const auto deadline = x.r.time().now() + x.patience;
    if (!x.r.client.in().empty() || x.r.client.at_end()) {
        const auto got = co_await timeout_at(x.r.time(), deadline, x.server.fill());
        if (got && *got) co_return **got > 0 ? more::bytes : more::end;
        cut_off(x.r, got ? broken_by(got->error(), reason::backend_reset) : reason::idle_timeout);
        co_return more::gone;
    }
    auto first = co_await timeout_at(x.r.time(), deadline, race(x.server.fill(), x.r.client.closed()));
    if (first && first->index() == 0) {
        const auto& got = std::get<0>(*first);
        if (got) co_return *got > 0 ? more::bytes : more::end;
        cut_off(x.r, broken_by(got.error(), reason::backend_reset));
        co_return more::gone;
    }
    cut_off(x.r, first ? reason::client_closed : reason::idle_timeout);
    co_return more::gone;
}

/// Everything is here: it goes out when all else has ended, and the server's connection is given back before.
task<void> relay_small(response_relay& x, std::size_t body_bytes) {
    x.r.worker.scratch.append(x.server.in().substr(0, body_bytes));
    x.server.consume(body_bytes);
    if (x.server_may_stay) x.owner.release();
    x.r.parting = x.patience;
    return {};
}

/// Moves `left` bytes by splice, as far as a pipe can be had. False: cut off.
task<bool> relay_spliced(response_relay& x, std::uint64_t& left) {
    auto pipe = lease_pipe(x.r.worker, x.server, x.r.client);
    if (!pipe) co_return true;
    splice_limits limits;
    limits.bytes = left;
    limits.idle = x.patience;
    const auto before = x.r.bytes_out;
    const auto moved = co_await splice_bytes(x.server, x.r.client, limits, *pipe, &x.r.bytes_out);
    left -= x.r.bytes_out - before;
    if (moved && left == 0) co_return true;
    if (moved) {
        cut_off(x.r, reason::response_truncated);
    } else if (moved.error().writing) {
        cut_off(x.r, moved.error().error.code == ETIMEDOUT ? reason::client_idle_timeout : reason::client_closed);
    } else {
        cut_off(x.r, moved.error().error.code == ETIMEDOUT ? reason::idle_timeout : reason::backend_reset);
    }
    co_return false;
}

task<void> relay_length(response_relay& x, std::uint64_t length) {
    auto left = length;
    auto piece = x.server.in().substr(0, left);
    co_await write_client(x, x.r.worker.scratch, piece);
    if (x.r.cut) co_return;
    x.server.consume(piece.size());
    left -= piece.size();
    while (left > 0) {
        if (left >= bulk_bytes && x.server.in().empty()) {
            prepare_bulk(x.r.worker, x.r.client, left);
            if (!co_await relay_spliced(x, left)) co_return;
            if (left == 0) break;
        }
        const auto got = co_await read_server(x);
        if (got == more::gone) co_return;
        if (got == more::end) co_return cut_off(x.r, reason::response_truncated);
        piece = x.server.in().substr(0, left);
        co_await write_client(x, piece);
        if (x.r.cut) co_return;
        x.server.consume(piece.size());
        left -= piece.size();
    }
    if (x.server_may_stay) x.owner.release();
}

/// Turns whatever is buffered into pieces of the client's framing, appended to `out`.
class reframer {
public:
    reframer(kind from, kind to) noexcept : from_{from}, to_{to} {}

    result<> feed(byte_stream& server, std::string& out) {
        while (!done() && !server.in().empty()) {
            if (from_ == kind::until_close) {
                append(server.in(), out);
                server.consume(server.in().size());
                continue;
            }
            const auto step = decoder_.feed(server.in());
            if (!step) return std::unexpected{step.error()};
            append(step->data, out);
            server.consume(step->consumed);
        }
        if (done()) finish(out);
        return {};
    }
    /// The server closed its side: the end of the body, or of our trust in it.
    bool end_of_stream(std::string& out) {
        if (from_ != kind::until_close) return false;
        finish(out);
        return true;
    }
    bool done() const noexcept { return from_ == kind::chunked && decoder_.done(); }

private:
    void append(std::string_view data, std::string& out) {
        if (data.empty()) return;
        if (to_ == kind::chunked) http::append_chunk_head(out, data.size());
        out.append(data);
        if (to_ == kind::chunked) out.append("\r\n");
    }
    void finish(std::string& out) {
        if (to_ != kind::chunked) return;
        if (from_ == kind::chunked) http::append_last_chunk(out, decoder_.trailers());
        else out.append(http::last_chunk);
    }
    kind from_, to_;
    http::chunked_decoder decoder_{http::sender::server};
};

task<void> relay_reframed(response_relay& x, kind from, kind to) {
    reframer body{from, to};
    std::string out = x.r.worker.scratch;  // the head
    for (bool begun = false;; begun = true) {
        if (auto fed = body.feed(x.server, out); !fed) {
            if (begun) co_return cut_off(x.r, fed.error().why);
            x.r.answered = false;  // nothing has been written yet, so the client can be told
            co_return co_await refuse(x.r, fed.error().why, "read response body: " + fed.error().doing);
        }
        if (body.done() && x.server_may_stay) x.owner.release();  // the last piece is in `out`
        const bool last = body.done();
        if (!out.empty()) co_await write_client(x, out);
        if (last || x.r.cut) co_return;
        out.clear();
        const auto got = co_await read_server(x);
        if (got == more::gone) co_return;
        if (got == more::bytes) continue;
        if (!body.end_of_stream(out)) co_return cut_off(x.r, reason::response_truncated);
        if (!out.empty()) co_await write_client(x, out);
        co_return;
    }
}

}  // namespace

task<void> relay_response(response_relay& x) {
    const auto from = x.head.framing(x.r.head.verb());
    const auto to = framing_for_client(x, from);
    x.r.answered = true;
    x.r.status = x.head.status();
    auto& out = x.r.worker.scratch;
    out.clear();
    compose_response(out, x.r, x.head, to);
    switch (from.how) {
    case kind::none: return relay_small(x, 0);
    case kind::length:
        if (from.length <= small_body_bytes && x.server.in().size() >= from.length) return relay_small(x, from.length);
        if (x.server.in().size() < from.length) x.owner.takes_time();
        return relay_length(x, from.length);
    case kind::chunked:
    case kind::until_close: x.owner.takes_time(); return relay_reframed(x, from.how, to.how);
    }
    std::unreachable();
}

}  // namespace weir
