#include "tests/support/origin_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "tests/support/origin_connection.hpp"

namespace origin {
namespace {

constexpr std::uint64_t listener_key = ~std::uint64_t{0}, stop_key = listener_key - 1;

[[noreturn]] void fail(const std::string& doing) { throw std::runtime_error{doing + ": " + std::strerror(errno)}; }

void watch(int epoll, int fd, std::uint32_t events, std::uint64_t key) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = key;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

}  // namespace

server::server(options chosen) : options_{std::move(chosen)}, receive_buffer_(65536) {
    if (!options_.defaults.empty()) {
        if (const auto problem = apply_query(options_.defaults, defaults_); !problem.empty())
            throw std::runtime_error{"defaults: " + problem};
        has_defaults_ = true;
    }
    if (!options_.service.empty())
        if (const auto problem = service_.set(options_.service, now_); !problem.empty())
            throw std::runtime_error{"service: " + problem};
    if (!options_.tls.certificate.empty()) tls_.emplace(options_.tls);
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    stop_event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (epoll_ < 0 || stop_event_ < 0) fail("epoll");
    start_listening();
    watch(epoll_, stop_event_, EPOLLIN, stop_key);
}

server::~server() {
    slots_.clear();
    stop_listening();
    for (const int fd : {stop_event_, epoll_}) close(fd);
    if (!options_.unix_path.empty()) unlink(options_.unix_path.c_str());
}

void server::start_listening() {
    if (listener_ >= 0) return;
    if (options_.unix_path.empty()) listen_on_address();
    else listen_on_unix();
    if (listen(listener_, options_.backlog) != 0) fail("listen on " + address_);
    watch(epoll_, listener_, EPOLLIN, listener_key);
    accepting_ = true;
}

void server::stop_listening() {
    if (listener_ >= 0) close(listener_);
    listener_ = -1;
}

void server::listen_on_address() {
    sockaddr_storage storage{};
    socklen_t size = 0;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    const bool is_v6 = options_.address.contains(':');
    if (is_v6 && inet_pton(AF_INET6, options_.address.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6, v6->sin6_port = htons(options_.port), size = sizeof *v6;
    } else if (inet_pton(AF_INET, options_.address.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET, v4->sin_port = htons(options_.port), size = sizeof *v4;
    } else {
        throw std::runtime_error{"not an IP address: " + options_.address};
    }
    auto* address = reinterpret_cast<sockaddr*>(&storage);
    listener_ = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener_ < 0) fail("socket");
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted sockets inherit it
    if (bind(listener_, address, size) != 0) fail("bind to " + options_.address);
    getsockname(listener_, address, &size);
    options_.port = ntohs(is_v6 ? v6->sin6_port : v4->sin_port);  // the same one when it listens again
    address_ = (is_v6 ? "[" + options_.address + "]" : options_.address) + ":" + std::to_string(options_.port);
}

void server::listen_on_unix() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (options_.unix_path.size() >= sizeof address.sun_path)
        throw std::runtime_error{"path too long: " + options_.unix_path};
    std::ranges::copy(options_.unix_path, address.sun_path);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener_ < 0) fail("socket");
    unlink(options_.unix_path.c_str());
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        fail("bind to " + options_.unix_path);
    address_ = "unix:" + options_.unix_path;
}

void server::run() {
    while (!stopped_) step(std::chrono::milliseconds{-1});
}

void server::stop() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto told = write(stop_event_, &one, sizeof one);
}

std::chrono::nanoseconds server::wait_limit(std::chrono::milliseconds longest) const {
    auto until = longest.count() < 0 ? steady::time_point::max() : steady::now() + longest;
    if (!wakes_.empty()) until = std::min(until, wakes_.top().when);
    until = std::min(until, service_.next_end());
    if (until == steady::time_point::max()) return std::chrono::hours{1};
    return std::max<std::chrono::nanoseconds>(until - steady::now(), std::chrono::nanoseconds{0});
}

void server::step(std::chrono::milliseconds longest) {
    std::array<epoll_event, 512> events;
    const auto left = wait_limit(longest).count();
    const timespec limit{left / 1'000'000'000, left % 1'000'000'000};
    const int ready = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &limit, nullptr);
    now_ = steady::now();
    end_seconds();
    for (int i = 0; i < ready; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        if (event.data.u64 == listener_key) {
            accept_some();
        } else if (event.data.u64 == stop_key) {
            stopped_ = true;
        } else if (auto* c = find(event.data.u64)) {  // gone if another event of this batch ended it
            c->on_event(event.events);
            remove_if_over(*c);
        }
    }
    // What wakes again at once waits for the next step, so that a busy timer cannot starve the sockets.
    for (auto budget = wakes_.size(); budget > 0 && !wakes_.empty() && wakes_.top().when <= now_; --budget) {
        const auto key = wakes_.top().key;
        wakes_.pop();
        if (auto* c = find(key)) {
            c->on_wake();
            remove_if_over(*c);
        }
    }
    while (const auto key = service_.next_finished(now_)) {
        if (auto* c = find(*key)) {  // else its client has left
            c->on_served();
            remove_if_over(*c);
        }
    }
}

void server::end_seconds() {
    constexpr std::size_t most = 3600;
    for (; now_ >= second_end_; second_end_ += std::chrono::seconds{1}) {
        if (seconds_.size() < most) seconds_.push_back({counters_.requests - requests_before_, counters_.in_flight});
        requests_before_ = counters_.requests;
    }
}

void server::accept_some() {
    for (int i = 0; i < 64; ++i) {
        const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE) {  // the listener stays ready: leave it until a descriptor is free
                epoll_ctl(epoll_, EPOLL_CTL_DEL, listener_, nullptr);
                accepting_ = false;
            }
            return;
        }
        ++counters_.connections_accepted;
        counters_.connections_open_max = std::max(counters_.connections_open_max, ++counters_.connections_open);
        if (free_slots_.empty()) {
            free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
            slots_.emplace_back();
        }
        const auto index = free_slots_.back();
        free_slots_.pop_back();
        auto& s = slots_[index];
        const auto key = std::uint64_t{s.generation} << 32 | index;
        s.held = std::make_unique<connection>(*this, fd, key);
        watch(epoll_, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, key);
        auto& c = *s.held;
        c.on_event(EPOLLIN | EPOLLOUT);  // the first request has often come with the connection
        remove_if_over(c);
    }
}

connection* server::find(std::uint64_t key) {
    const auto index = static_cast<std::uint32_t>(key);
    if (index >= slots_.size() || slots_[index].generation != key >> 32) return nullptr;
    return slots_[index].held.get();
}

void server::remove_if_over(connection& c) {
    if (!c.over()) return;
    const auto index = static_cast<std::uint32_t>(c.key());
    slots_[index].held.reset();
    ++slots_[index].generation;
    free_slots_.push_back(index);
    --counters_.connections_open;
    if (!accepting_ && listener_ >= 0) {
        watch(epoll_, listener_, EPOLLIN, listener_key);
        accepting_ = true;
    }
}

void server::wake_at(steady::time_point when, const connection& who) { wakes_.push({when, who.key()}); }

bool server::queue(const connection& who) {
    if (!service_.on()) return false;
    service_.arrive(who.key(), now_);
    return true;
}

behaviour server::next_behaviour() {
    if (!has_defaults_) return {};
    if (defaults_.flap.count() > 0 && (now_ - defaults_since_) / defaults_.flap % 2 == 1) return {};
    share_owed_ += defaults_.share;
    if (share_owed_ < 1 - 1e-9) return {};
    share_owed_ -= 1;
    behaviour how = defaults_;
    how.share = 1;
    how.flap = {};
    return how;
}

std::pair<int, std::string> server::control(std::string_view path, std::string_view query) {
    if (path == "/control/stats") return {200, stats_json()};
    if (path == "/control/seconds") return {200, seconds_json()};
    if (path == "/control/service") {
        if (const auto problem = service_.set(query, now_); !problem.empty()) return {400, problem + "\n"};
        return {200, "set\n"};
    }
    if (path == "/control/refuse") return stop_listening(), std::pair{200, "refusing\n"};
    if (path == "/control/accept") return start_listening(), std::pair{200, "accepting\n"};
    if (path == "/control/reset") {
        defaults_ = {};
        has_defaults_ = false;
        counters fresh;
        fresh.in_flight = fresh.in_flight_max = counters_.in_flight;
        fresh.connections_open = fresh.connections_open_max = counters_.connections_open;
        counters_ = fresh;
        seconds_.clear();
        second_end_ = now_ + std::chrono::seconds{1};
        requests_before_ = 0;
        return {200, "reset\n"};
    }
    if (path != "/control")
        return {404, "it is /control, or below it stats, seconds, reset, service, refuse or accept\n"};
    behaviour wanted;
    if (const auto problem = apply_query(query, wanted); !problem.empty()) return {400, problem + "\n"};
    defaults_ = std::move(wanted);
    has_defaults_ = true;
    defaults_since_ = now_;
    share_owed_ = 0;
    return {200, "set\n"};
}

std::string server::stats_json() const {
    std::string json = "{\"name\":\"" + options_.name + "\"";
    const auto add = [&json](const char* key, std::uint64_t value) {
        json.append(",\"").append(key).append("\":").append(std::to_string(value));
    };
    add("requests", counters_.requests);
    add("bad_requests", counters_.bad_requests);
    add("aborted", counters_.aborted);
    add("in_flight", counters_.in_flight);
    add("in_flight_max", counters_.in_flight_max);
    add("connections_accepted", counters_.connections_accepted);
    add("connections_open", counters_.connections_open);
    add("connections_open_max", counters_.connections_open_max);
    add("bytes_received", counters_.bytes_received);
    add("bytes_sent", counters_.bytes_sent);
    add("tls_full", counters_.tls_full);
    add("tls_resumed", counters_.tls_resumed);
    add("tls_failed", counters_.tls_failed);
    return json + "}\n";
}

std::string server::seconds_json() const {
    std::string json = "[";
    for (const auto& each : seconds_) {
        if (json.size() > 1) json += ',';
        json.append("{\"requests\":").append(std::to_string(each.requests));
        json.append(",\"in_flight\":").append(std::to_string(each.in_flight)).append("}");
    }
    return json + "]\n";
}

}  // namespace origin
