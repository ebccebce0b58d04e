#include "tests/support/origin_connection.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace origin {
namespace {

constexpr std::size_t flush_at = 65536;           ///< answers are gathered up to here before a send
constexpr std::size_t duplex_bound = 256 * 1024;  ///< unsent bytes at which echo and tunnel stop reading

}  // namespace

connection::connection(server& owner, int fd, std::uint64_t key)
    : server_{owner}, fd_{fd}, key_{key}, idle_limit_{owner.settings().idle_close}, idle_since_{owner.now()} {
    const auto& settings = owner.settings();
    if (owner.tls()) tls_ = owner.tls()->accept(fd);
    out_ = settings.speak_first;
    switch (settings.speaks) {
    case protocol::http: watch_idle(); break;
    case protocol::echo: phase_ = phase::tunnel; break;
    case protocol::discard:
    case protocol::digest: phase_ = phase::sink; break;
    case protocol::source:
        phase_ = phase::answering;
        current_.what = action::bytes;
        current_.size = settings.source_bytes;
        break;
    }
}

connection::~connection() {
    abandon();
    if (tls_ && !handshake_noted_) ++server_.count().tls_failed;
    tls_.reset();
    close(fd_);
}

void connection::on_event(std::uint32_t events) {
    if (events & EPOLLIN) readable_ = true;
    if (tls_ && !handshake_noted_) readable_ = true;  // a handshake that waits to send goes on in receive()
    if (events & EPOLLRDHUP) readable_ = peer_done_ = true;
    if (events & (EPOLLERR | EPOLLHUP)) broken_ = true;
    if (broken_) over_ = true;
    else advance();
}

void connection::on_wake() {
    if (phase_ == phase::delayed && server_.now() >= current_.due) answer();
    if (idle_watched_ && server_.now() >= idle_due_) {
        idle_watched_ = false;
        if (phase_ == phase::head && held_.empty()) {
            if (server_.now() >= idle_since_ + idle_limit_) {
                over_ = true;
                return;
            }
            watch_idle();
        }
    }
    if (!over_) advance();
}

void connection::on_served() {
    if (phase_ == phase::queued) served();
    if (!over_) advance();
}

/// Keeps one wake per connection, and moves it when it comes too early: cheaper than one per answer.
void connection::watch_idle() {
    if (idle_limit_.count() == 0 || idle_watched_) return;
    idle_watched_ = true;
    idle_due_ = idle_since_ + idle_limit_;
    server_.wake_at(idle_due_, *this);
}

/// Everything that can be done without waiting.
void connection::advance() {
    input_ = held_;
    bool flushed = flush();
    while (!over_) {
        const bool duplex = phase_ == phase::echoing || phase_ == phase::tunnel;
        if (!flushed && !duplex) break;
        const auto then = step();
        if (over_) break;
        if (then == next::more && out_.size() - out_begin_ < flush_at) continue;
        flushed = flush();
        if (broken_) over_ = true;
        if (over_ || then == next::wait || (!flushed && then != next::input)) break;
        if (then == next::input && !receive()) break;
    }
    // A client that leaves while its answer waits is gone.
    const bool waits =
        phase_ == phase::queued || phase_ == phase::delayed || phase_ == phase::hung || phase_ == phase::unread;
    if (!over_ && peer_done_ && waits) over_ = true;
    if (over_) return;
    if (input_.empty()) held_.clear();
    else if (input_.data() >= held_.data() && input_.data() < held_.data() + held_.size())
        held_.erase(0, static_cast<std::size_t>(input_.data() - held_.data()));
    else held_.assign(input_);
    input_ = {};
}

connection::next connection::step() {
    switch (phase_) {
    case phase::head: return read_head();
    case phase::body: return read_body();
    case phase::answering: return send_body();
    case phase::echoing: return echo_body();
    case phase::tunnel: return pass_on();
    case phase::sink: return swallow();
    case phase::queued:
    case phase::delayed:
    case phase::hung: return next::wait;
    case phase::unread:
    case phase::half_closed:
        if (!out_.empty()) return next::flush;
        if (!fin_sent_) {
            if (phase_ == phase::unread && current_.how.hard) return reset_on_close(), over_ = true, next::wait;
            fin_sent_ = true;
            send_fin();
        }
        return phase_ == phase::half_closed ? swallow() : next::wait;
    case phase::closing:
        if (!out_.empty()) return next::flush;
        if (current_.how.hard) reset_on_close();
        else if (tls_ && current_.how.cut == behaviour::never) tls_->finish_sending();
        over_ = true;
        return next::wait;
    }
    return next::wait;
}

/// Receives behind what is still unused; false if there is nothing to receive, or the end came.
bool connection::receive() {
    if (!readable_) return false;
    auto& buffer = server_.receive_buffer();
    const bool in_held = !input_.empty();
    if (in_held && input_.data() != held_.data()) held_.assign(std::string{input_});
    const auto n = receive_into(buffer);
    if (n < 0) {
        readable_ = false;
        if (errno != EAGAIN && errno != EINTR) broken_ = over_ = true;
        if (in_held) input_ = held_;
        return false;
    }
    if (n == 0) {
        readable_ = false;
        on_end_of_input();
        return false;
    }
    const auto got = static_cast<std::size_t>(n);
    // A short read has drained the socket, unless the end has come behind it unseen. Of TLS it drains a record only.
    if (got < buffer.size() && !peer_done_ && !tls_) readable_ = false;
    server_.count().bytes_received += got;
    if (in_held) {
        held_.append(buffer.data(), got);
        input_ = held_;
    } else {
        input_ = {buffer.data(), got};
    }
    return true;
}

/// Sends what is gathered; false if some of it has to wait.
bool connection::flush() {
    while (out_begin_ < out_.size()) {
        const auto slice = current_.how.slice;
        if (slice > 0 && server_.now() < paced_until_) return false;
        auto n = out_.size() - out_begin_;
        if (slice > 0) n = std::min<std::uint64_t>(n, slice);
        const auto sent = send_from({out_.data() + out_begin_, n});
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN) broken_ = over_ = true;
            return false;
        }
        out_begin_ += static_cast<std::size_t>(sent);
        server_.count().bytes_sent += static_cast<std::uint64_t>(sent);
        if (slice > 0) {
            paced_until_ = server_.now() + std::chrono::milliseconds{1};
            server_.wake_at(paced_until_, *this);
        }
        if (out_begin_ >= flush_at && out_begin_ < out_.size()) {
            out_.erase(0, out_begin_);
            out_begin_ = 0;
        }
    }
    out_.clear();
    out_begin_ = 0;
    return true;
}

void connection::on_end_of_input() {
    ended_ = true;
    switch (phase_) {
    case phase::tunnel: phase_ = phase::closing; break;
    case phase::sink:
        if (server_.settings().speaks == protocol::digest)
            out_ += std::to_string(current_.received) + " " + hex16(current_.sum) + "\n";
        phase_ = phase::closing;
        break;
    default: over_ = true; return;
    }
    if (flush()) step();
}

/// Counts a client that left before it had its whole answer.
void connection::abandon() {
    if (!current_.active) return;
    current_.active = false;
    if (!current_.counted) return;
    --server_.count().in_flight;
    ++server_.count().aborted;
}

/// Makes the coming close() a reset.
void connection::reset_on_close() {
    const linger at_once{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void connection::send_fin() {
    if (tls_) tls_->finish_sending();
    shutdown(fd_, SHUT_WR);
}

ssize_t connection::receive_into(std::vector<char>& buffer) {
    if (!tls_) return recv(fd_, buffer.data(), buffer.size(), 0);
    const auto n = tls_->receive(buffer.data(), buffer.size());
    note_handshake();
    return n;
}

ssize_t connection::send_from(std::string_view bytes) {
    if (!tls_) return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    const auto n = tls_->send(bytes);
    note_handshake();
    return n;
}

/// Counts the handshake once it is done: whichever call comes first does it on the way.
void connection::note_handshake() {
    if (handshake_noted_ || !tls_->established()) return;
    handshake_noted_ = true;
    ++(SSL_session_reused(tls_->ssl()) ? server_.count().tls_resumed : server_.count().tls_full);
}

connection::next connection::pass_on() {
    if (out_.size() - out_begin_ >= duplex_bound) return next::wait;
    if (input_.empty()) return next::input;
    out_ += input_;
    input_ = {};
    return next::more;
}

connection::next connection::swallow() {
    current_.received += input_.size();
    if (server_.settings().speaks == protocol::digest) current_.sum = fnv1a(input_, current_.sum);
    input_ = {};
    return next::input;
}

}  // namespace origin
