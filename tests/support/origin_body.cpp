/// The body of an answer: known text, a prepared text or an echo; cut, stalled, slowed and chunked as asked.
#include <algorithm>

#include "tests/support/origin_connection.hpp"

namespace origin {
namespace {

constexpr std::uint64_t piece = 65536;  ///< body bytes made ready at a time

}  // namespace

void connection::put_known_or_text(std::size_t n) {
    auto offset = current_.sent;
    current_.sent += n;
    if (current_.what != action::bytes) {
        out_.append(current_.text, offset, n);
        return;
    }
    for (; n > 0;) {
        const auto run = known_view(offset).substr(0, n);
        out_ += run;
        offset += run.size();
        n -= run.size();
    }
}

/// Body bytes that slow= lets go now. In steps of ten milliseconds, or of one byte where that takes longer.
std::uint64_t connection::allowed_now() {
    const auto rate = static_cast<double>(current_.how.slow);
    const double elapsed = std::chrono::duration<double>(server_.now() - current_.began).count();
    const double credit = rate * elapsed - static_cast<double>(current_.sent);
    const double worthwhile = std::max(1.0, rate / 100);
    if (credit >= worthwhile) return static_cast<std::uint64_t>(credit);
    const auto wait = std::chrono::duration<double>((worthwhile - credit) / rate);
    server_.wake_at(server_.now() + std::chrono::ceil<std::chrono::microseconds>(wait), *this);
    return 0;
}

connection::next connection::send_body() {
    const auto& how = current_.how;
    const auto limit = std::min({current_.size, how.cut, how.stall});
    if (current_.sent < limit) {
        auto n = std::min(limit - current_.sent, piece);
        if (how.slow > 0) {
            n = std::min(n, allowed_now());
            if (n == 0) return next::wait;
        }
        if (current_.chunked) {
            if (current_.chunk_left == 0) {  // a cut comes inside the chunk: its size does not know of it
                current_.chunk_left = std::min(how.chunk, current_.size - current_.sent);
                put_number(out_, current_.chunk_left, 16);
                out_ += "\r\n";
            }
            n = std::min(n, current_.chunk_left);
        }
        put_known_or_text(n);
        if (current_.chunked && (current_.chunk_left -= n) == 0) out_ += "\r\n";
        return next::more;
    }
    if (current_.sent == how.cut) {
        current_.keep_alive = false;
        finish();
    } else if (current_.sent == how.stall) {
        phase_ = phase::hung;
    } else {
        if (current_.chunked) {
            out_ += "0\r\n";
            if (how.trailers) {
                out_ += "X-Body-Length: ";
                put_number(out_, current_.sent);
                out_ += "\r\n";
            }
            out_ += "\r\n";
        }
        finish();
    }
    return next::more;
}

connection::next connection::echo_body() {
    const auto& how = current_.how;
    if (out_.size() - out_begin_ >= 4 * piece) return next::wait;
    const auto run = current_.body.next(input_);
    if (current_.body.bad()) {
        ++server_.count().bad_requests;
        reset_on_close();  // the head promised a body that will not come
        over_ = true;
        return next::wait;
    }
    const auto limit = std::min(how.cut, how.stall);
    const auto part = run.substr(0, limit - current_.sent);
    current_.received += run.size();
    current_.sent += part.size();
    if (!part.empty()) {
        if (current_.chunked) put_number(out_, part.size(), 16), out_ += "\r\n";
        out_ += part;
        if (current_.chunked) out_ += "\r\n";
    }
    if (current_.sent == limit) {
        current_.keep_alive = false;
        if (limit == how.stall) phase_ = phase::hung;
        else finish();
        return next::more;
    }
    if (current_.body.done()) {
        if (current_.chunked) {
            out_ += "0\r\n" + current_.body.trailers();
            if (how.trailers) out_ += "X-Body-Length: " + std::to_string(current_.sent) + "\r\n";
            out_ += "\r\n";
        }
        finish();
        return next::more;
    }
    return run.empty() ? next::input : next::more;
}

/// The answer is complete, though perhaps not sent.
void connection::finish() {
    if (current_.active && current_.counted) --server_.count().in_flight;
    current_.active = false;
    if (server_.settings().speaks == protocol::source) {
        phase_ = phase::half_closed;
        return;
    }
    if (!current_.keep_alive) {
        phase_ = current_.how.no_read && !current_.body.done() ? phase::unread : phase::closing;
        return;
    }
    phase_ = phase::head;
    idle_since_ = server_.now();
    if (current_.how.keepalive_timeout.count() > 0) idle_limit_ = current_.how.keepalive_timeout;
    watch_idle();
}

}  // namespace origin
