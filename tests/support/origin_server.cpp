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
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    stop_event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (epoll_ < 0 || stop_event_ < 0) fail("epoll");
    if (options_.unix_path.empty()) listen_on_address();
    else listen_on_unix();
    if (listen(listener_, options_.backlog) != 0) fail("listen on " + address_);
    watch(epoll_, listener_, EPOLLIN, listener_key);
    watch(epoll_, stop_event_, EPOLLIN, stop_key);
}

server::~server() {
    slots_.clear();
    for (const int fd : {listener_, stop_event_, epoll_}) close(fd);
    if (!options_.unix_path.empty()) unlink(options_.unix_path.c_str());
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
    const auto port = ntohs(is_v6 ? v6->sin6_port : v4->sin_port);
    address_ = (is_v6 ? "[" + options_.address + "]" : options_.address) + ":" + std::to_string(port);
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

int server::wait_limit(std::chrono::milliseconds longest) const {
    if (wakes_.empty()) return static_cast<int>(longest.count());
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(wakes_.top().when - steady::now()).count();
    const auto bounded = std::max<std::int64_t>(left, 0);
    return static_cast<int>(longest.count() < 0 ? bounded : std::min<std::int64_t>(bounded, longest.count()));
}

void server::step(std::chrono::milliseconds longest) {
    std::array<epoll_event, 512> events;
    const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_limit(longest));
    now_ = steady::now();
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
    if (!accepting_) {
        watch(epoll_, listener_, EPOLLIN, listener_key);
        accepting_ = true;
    }
}

void server::wake_at(steady::time_point when, const connection& who) { wakes_.push({when, who.key()}); }

behaviour server::next_behaviour() {
    if (!has_defaults_) return {};
    share_owed_ += defaults_.share;
    if (share_owed_ < 1 - 1e-9) return {};
    share_owed_ -= 1;
    behaviour how = defaults_;
    how.share = 1;
    return how;
}

std::pair<int, std::string> server::control(std::string_view path, std::string_view query) {
    if (path == "/control/stats") return {200, stats_json()};
    if (path == "/control/reset") {
        defaults_ = {};
        has_defaults_ = false;
        counters fresh;
        fresh.in_flight = fresh.in_flight_max = counters_.in_flight;
        fresh.connections_open = fresh.connections_open_max = counters_.connections_open;
        counters_ = fresh;
        return {200, "reset\n"};
    }
    if (path != "/control") return {404, "it is /control, /control/stats or /control/reset\n"};
    behaviour wanted;
    if (const auto problem = apply_query(query, wanted); !problem.empty()) return {400, problem + "\n"};
    defaults_ = std::move(wanted);
    has_defaults_ = true;
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
    return json + "}\n";
}

}  // namespace origin
