/// One connection of the load generator: connecting, sending, receiving, and what each end means.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "tests/support/loadgen_engine.hpp"
#include "tests/support/origin_digest.hpp"

namespace loadgen {

bool engine::open(std::uint32_t who) {
    auto& c = *clients_[who];
    const auto& to = plan_.target;
    c.fd = socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c.fd < 0) return false;
    const int on = 1;
    if (to.storage.ss_family != AF_UNIX) setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (const auto& from = lanes_[c.kind].source; from.size > 0) {
        setsockopt(c.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);  // the port is chosen by connect()
        if (bind(c.fd, reinterpret_cast<const sockaddr*>(&from.storage), from.size) != 0) return false;
    }
    c.is = state::connecting;
    c.readable = c.read_end = false;
    if (connect(c.fd, reinterpret_cast<const sockaddr*>(&to.storage), to.size) != 0 && errno != EINPROGRESS)
        return false;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = who;
    return epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event) == 0;
}

void engine::on_event(std::uint32_t who, std::uint32_t events) {
    auto& c = *clients_[who];
    if (c.fd < 0) return;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) c.readable = true;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) c.read_end = true;
    if (c.is == state::connecting) {
        int problem = 0;
        socklen_t size = sizeof problem;
        getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &problem, &size);
        if (problem != 0) return fail(who, failure::connect);
        if (!(events & EPOLLOUT)) return;
        ++tally_.connections_opened;
        if (plan_.tls) begin_tls(c);
        else c.is = state::busy;
    }
    if (c.is == state::greeting) return greet(who);
    if (c.is == state::busy && (events & EPOLLOUT)) send_some(who);
    if (c.readable) receive_some(who);
}

/// Head first, then the body from the known text; stops when the socket is full.
void engine::send_some(std::uint32_t who) {
    auto& c = *clients_[who];
    while (c.is == state::busy && !c.cut_off) {
        auto run = c.to_send;
        if (run.empty()) run = origin::known_view(c.body_sent).substr(0, body_apart_ - c.body_sent);
        if (run.empty()) return;
        const auto n = send_from(c, run);
        if (n < 0) {
            if (errno == EAGAIN || errno == EINTR) return;
            c.cut_off = true;  // a server may answer before it has read all: look for that first
            c.readable = true;
            return receive_some(who);
        }
        tally_.bytes_out += static_cast<std::uint64_t>(n);
        if (!c.to_send.empty()) c.to_send.remove_prefix(static_cast<std::size_t>(n));
        else c.body_sent += static_cast<std::uint64_t>(n);
        const bool all_sent = c.to_send.empty() && c.body_sent == body_apart_;
        if (all_sent && plan_.kind == traffic::bulk && plan_.message_bytes > 0) {
            if (c.tls) c.tls->finish_sending();
            shutdown(c.fd, SHUT_WR);
        }
    }
}

void engine::receive_some(std::uint32_t who) {
    auto& c = *clients_[who];
    for (int turns = 0; c.readable && c.fd >= 0; ++turns) {
        if (turns == 64) return again_.push_back(who);
        const auto n = receive_into(c, buffer_);
        if (n < 0) {
            c.readable = false;
            if (errno == EAGAIN || errno == EINTR) return;
            if (c.is == state::busy) return lost(who);
            return close_client(who);
        }
        if (n == 0) return on_end(who);
        const auto got = static_cast<std::size_t>(n);
        tally_.bytes_in += got;
        if (got < buffer_.size() && !c.read_end && !c.tls) c.readable = false;  // a short read has drained it
        if (!take(who, {buffer_.data(), got})) return;
    }
}

/// False if the connection is no longer what it was.
bool engine::take(std::uint32_t who, std::string_view in) {
    auto& c = *clients_[who];
    if (c.is == state::leaving) return true;                   // bytes behind the answer of a connection about to close
    if (c.is != state::busy) return close_client(who), false;  // an answer nobody asked for
    if (plan_.kind != traffic::http) {
        if (plan_.verify && origin::first_difference(in, c.received)) return fail(who, failure::mismatch), false;
        c.received += in.size();
        if (plan_.kind == traffic::bulk) return true;
        if (c.received > plan_.message_bytes) return fail(who, failure::bad_response), false;
        if (c.received == plan_.message_bytes) complete(who);
        return true;
    }
    switch (c.reader.feed(in)) {
    case response_reader::result::more: return true;
    case response_reader::result::bad: return fail(who, failure::bad_response), false;
    case response_reader::result::complete: break;
    }
    if (c.reader.mismatch()) return fail(who, failure::mismatch), false;
    if (!in.empty()) return fail(who, failure::bad_response), false;  // more than one answer to one request
    complete(who);
    return true;
}

void engine::on_end(std::uint32_t who) {
    auto& c = *clients_[who];
    c.readable = false;
    const bool cut = c.tls && !c.tls->ended_orderly();
    if (c.is == state::busy) {
        if (plan_.kind == traffic::bulk && !cut) complete(who);
        else if (plan_.kind == traffic::http && !cut && c.reader.began() &&
                 c.reader.ended() == response_reader::result::complete)
            complete(who);
        else return fail(who, failure::closed);
    }
    if (c.is == state::idle || c.is == state::leaving) close_client(who);
}

void engine::complete(std::uint32_t who) {
    auto& c = *clients_[who];
    const auto took = steady::now() - c.wanted;
    --busy_;
    ++c.turn;
    ++tally_.answered;
    ++second_.answered;
    const int status = plan_.kind == traffic::http ? c.reader.status() : 200;
    const bool ok = status < 400;
    ++tally_.by_class[static_cast<std::size_t>(std::clamp(status / 100, 0, 5))];
    tally_.latency.record(took);
    second_latency_.record(took);
    ++second_.statuses[status];
    if (ok) {
        ++second_.ok;
        second_ok_latency_.record(took);
    }
    tell_groups(c.step, c.kind, [&](group_tally& of) {
        ++of.statuses[status];
        if (!ok) return;
        ++of.ok;
        of.ok_latency.record(took);
    });
    const bool unsent =
        !c.to_send.empty() || c.body_sent < body_apart_;  // answered early: the rest would be taken for a request
    if (plan_.kind == traffic::bulk || plan_.new_connections || unsent ||
        (plan_.kind == traffic::http && !c.reader.keep_alive())) {
        // The server closes first, as announced, and keeps the TIME_WAIT; we would run out of ports.
        c.is = state::leaving;
        if (plan_.kind != traffic::http || unsent) return close_client(who);
        lanes_[c.kind].deadlines.push_back({now_ + plan_.timeout, who, c.turn});
        return;
    }
    c.is = state::idle;
    rest(who);
}

void engine::fail(std::uint32_t who, failure kind) {
    --busy_;
    if (kind == failure::connect) not_before_ = now_ + std::chrono::milliseconds{1};
    ++tally_.errors[static_cast<std::size_t>(kind)];
    ++second_.errors;
    tell_groups(clients_[who]->step, clients_[who]->kind, [](group_tally& of) { ++of.errors; });
    close_client(who);
}

/// Closes, if it is open, and makes the place free for a new connection.
void engine::close_client(std::uint32_t who) {
    auto& c = *clients_[who];
    if (c.tls && plan_.tls->resume) c.session = c.tls->session();
    c.tls.reset();
    if (c.fd >= 0) close(c.fd);
    c.fd = -1;
    c.is = state::closed;
    ++c.turn;
    rest(who);
}

void engine::rest(std::uint32_t who) {
    auto& c = *clients_[who];
    if (c.in_queue) return;
    c.in_queue = true;
    auto& mine = lanes_[c.kind];
    if (mine.idle.empty()) mine.waiting_since = now_;
    mine.idle.push_back(who);
}

}  // namespace loadgen
