#include "proxy/upload.hpp"

#include "lib/async/race.hpp"
#include "proxy/bulk.hpp"

namespace weir {
namespace {

constexpr auto rate_grace = 10s;  // a slow start is no attack

}  // namespace

upload::upload(request& r, byte_stream& server, milliseconds server_patience)
    : r_{r}, server_{server}, patience_{server_patience}, began_{r.time().now()}, news_{r.time()}, running_{r.time()} {}

task<void> upload::run() {
    const auto framing = r_.head.framing();
    const bool again = std::exchange(r_.body_taken, true);
    auto sent = again && framing.how == http::body_framing::kind::chunked ? repeat_chunked()
                : framing.how == http::body_framing::kind::chunked        ? send_chunked()
                                                                          : send_length(framing.length);
    const auto outcome = co_await std::move(sent);
    ended_at_ = r_.time().now();
    if (outcome) r_.body_done = true;
    else failure_ = outcome.error();
    news_.set();
}

task<result<>> upload::send_length(std::uint64_t length) {
    if (auto again = co_await write_to_server(r_.replay.bytes()); !again) co_return again;
    auto left = length - r_.replay.bytes().size();
    while (left > 0) {
        const auto piece = r_.client.in().substr(0, left);
        if (piece.empty()) {
            if (left >= bulk_bytes) {
                if (auto moved = co_await splice_from_client(left); !moved) co_return moved;
                if (left == 0) break;
            }
            r_.client.expect_bulk(left >= bulk_bytes);
            if (auto more = co_await fill_from_client(); !more) co_return more;
            continue;
        }
        if (auto written = co_await write_to_server(piece); !written) co_return written;
        r_.replay.keep(piece);
        r_.bytes_in += piece.size();
        r_.client.consume(piece.size());
        left -= piece.size();
    }
    co_return {};
}

task<result<>> upload::splice_from_client(std::uint64_t& left) {
    auto pipe = lease_pipe(r_.worker, r_.client, server_);
    if (!pipe) co_return {};
    r_.replay.let_go();
    while (left > 0) {
        const auto slice = std::min<std::uint64_t>(left, bulk_slice_bytes);
        splice_limits limits;
        limits.bytes = slice;
        limits.idle = std::min(r_.listener.settings.timeout.client_body, patience_);
        if (const auto rate = r_.listener.settings.min_body_rate)
            limits.until =
                std::max(began_ + rate_grace, r_.time().now()) + nanoseconds{(sent_ + slice) * 1'000'000'000 / rate};
        const auto before = sent_;
        const auto moved = co_await splice_bytes(r_.client, server_, limits, *pipe, &sent_);
        r_.bytes_in += sent_ - before;
        left -= sent_ - before;
        if (!moved) {
            const auto& why = moved.error();
            if (why.writing)
                co_return fail(why.error.code == ETIMEDOUT ? reason::idle_timeout : reason::backend_reset,
                               "send request body");
            if (why.error.code != ETIMEDOUT) co_return fail(reason::client_closed, "read request body");
            co_return fail(too_slow() ? reason::client_body_too_slow : reason::client_body_timeout,
                           "read request body");
        }
        if (*moved < slice) co_return fail(reason::client_closed, "read request body: cut short");
    }
    co_return {};
}

task<result<>> upload::send_chunked() {
    const auto& most = r_.listener.settings.max_body_bytes;
    http::chunked_decoder body{http::sender::client};
    std::string out;
    std::uint64_t decoded = 0;
    while (!body.done()) {
        out.clear();
        while (!body.done() && !r_.client.in().empty()) {
            const auto step = body.feed(r_.client.in());
            if (!step) co_return std::unexpected{step.error()};
            decoded += step->data.size();
            if (!step->data.empty()) {
                http::append_chunk_head(out, step->data.size());
                out.append(step->data).append("\r\n");
                r_.replay.keep(step->data);
            }
            r_.client.consume(step->consumed);
            r_.bytes_in += step->consumed;
        }
        if (most && decoded > *most) co_return fail(reason::body_too_large, "read request body: over max_body");
        if (body.done()) {
            http::append_last_chunk(out, body.trailers());
            if (!body.trailers().empty()) r_.replay.let_go();
        }
        if (!out.empty())
            if (auto written = co_await write_to_server(out); !written) co_return written;
        if (body.done()) break;
        if (!r_.client.in().empty()) continue;  // came while the server was taking the last piece
        if (auto more = co_await fill_from_client(); !more) co_return more;
    }
    co_return {};
}

/// The whole body has been read and kept before.
task<result<>> upload::repeat_chunked() {
    std::string out;
    const auto body = r_.replay.bytes();
    if (!body.empty()) {
        http::append_chunk_head(out, body.size());
        out.append(body).append("\r\n");
    }
    out.append(http::last_chunk);
    co_return co_await write_to_server(out);
}

bool upload::too_slow() const {
    const auto rate = r_.listener.settings.min_body_rate;
    const auto elapsed = r_.time().now() - began_;
    if (rate == 0 || elapsed < rate_grace) return false;
    return sent_ < rate * static_cast<std::uint64_t>(elapsed / 1s);
}

task<result<>> upload::fill_from_client() {
    const auto got = co_await timeout(r_.time(), r_.listener.settings.timeout.client_body, r_.client.fill());
    if (!got) co_return fail(reason::client_body_timeout, "read request body");
    if (!*got) co_return fail(broken_by(got->error(), reason::client_closed), "read request body: broken");
    if (**got == 0) co_return fail(reason::client_closed, "read request body: cut short");
    if (too_slow()) co_return fail(reason::client_body_too_slow, "read request body: below min_body_rate");
    co_return {};
}

task<result<>> upload::write_to_server(std::string_view bytes) {
    if (bytes.empty()) co_return {};
    const auto sent = co_await server_.write_until(r_.time().after(patience_), bytes);
    if (!sent) co_return fail(reason::idle_timeout, "send request body: the server takes no more");
    if (!*sent)
        co_return fail(broken_by(sent->error(), reason::backend_reset),
                       "send request body: " + std::string{sent->error().text()});
    sent_ += bytes.size();
    co_return {};
}

}  // namespace weir
