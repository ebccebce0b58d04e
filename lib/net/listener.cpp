#include "lib/net/listener.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "lib/async/uv_loop.hpp"

namespace weir {
namespace {

constexpr auto rest_after_error = 100ms;
constexpr unsigned accepts_per_turn = 16;  // then the connections already accepted get a look

std::string failure(std::string_view what, const address& at) {
    std::string text{what};
    text.append(" ").append(at.text()).append(": ").append(strerrordesc_np(errno));
    return text;
}

void set_families(int fd, const address& at) {
    if (at.kind() != address::family::ipv6) return;
    const int only_ipv6 = at.ip() != address::ip_bytes{};  // [::] means every address
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_ipv6, sizeof only_ipv6);
}

/// SO_REUSEPORT lets every process of the same user share an address, and so a weir that was started twice by mistake. A
/// socket without it finds out. False: `problem` says why.
bool is_free(const address& at, std::string& problem) {
    sockaddr_storage raw;
    const auto length = at.to(raw);
    const int probe = ::socket(raw.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0) return true;  // the real one will tell
    const int on = 1;
    setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    set_families(probe, at);
    const bool bound = ::bind(probe, sockaddr_of(raw), length) == 0;
    if (!bound) problem = failure("cannot bind", at);
    ::close(probe);
    return bound;
}

int open_socket(const address& at, const bind_options& options, std::string& problem) {
    sockaddr_storage raw;
    const auto length = at.to(raw);
    const int fd = ::socket(raw.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        problem = failure("cannot open a socket for", at);
        return -1;
    }
    const int on = 1;
    if (at.is_inet()) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted sockets inherit it
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);  // and this
        avoid_pacing(fd, at);                                      // and this
        if (options.defer_accept) setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof on);
        set_families(fd, at);
    }
    if (::bind(fd, sockaddr_of(raw), length) != 0) problem = failure("cannot bind", at);
    else if (::listen(fd, options.backlog) != 0) problem = failure("cannot listen on", at);
    else return fd;
    ::close(fd);
    return -1;
}

/// Errors of a client that was gone before we came (accept(2)); any other would come again at once.
bool is_of_one_client(int error) {
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ETIMEDOUT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET: return true;
    default: return false;
    }
}

/// A socket file that nobody listens on any more is in the way of bind; one that somebody listens on must stay.
void remove_stale_socket_file(const address& at) {
    const std::string path{at.path()};
    struct stat info;
    if (::stat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return;
    sockaddr_storage raw;
    const auto length = at.to(raw);
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0) return;
    if (::connect(probe, sockaddr_of(raw), length) != 0 && errno == ECONNREFUSED) ::unlink(path.c_str());
    ::close(probe);
}

}  // namespace

std::expected<bound_sockets, std::string> bind_listener(const address& at, const bind_options& options) {
    if (at.is_unix()) remove_stale_socket_file(at);
    bound_sockets bound;
    bound.at = at;
    const unsigned copies = at.is_unix() ? 1 : options.copies;
    std::string problem;
    if (at.is_inet() && at.port() != 0 && !is_free(at, problem)) return std::unexpected{problem};
    for (unsigned i = 0; i < copies; ++i) {
        const int fd = open_socket(bound.at, options, problem);
        if (fd < 0) {
            for (const int open : bound.descriptors) ::close(open);
            return std::unexpected{problem};
        }
        bound.descriptors.push_back(fd);
        if (i == 0 && at.is_inet() && at.port() == 0) {
            sockaddr_storage raw;
            socklen_t length = sizeof raw;
            getsockname(fd, sockaddr_of(raw), &length);
            if (const auto chosen = address::from(raw, length)) bound.at = at.with_port(chosen->port());
        }
    }
    return bound;
}

struct listener::node {
    uv_poll_t poll;
    int descriptor;
    waiter* waiting = nullptr;
    bool polling = false;
    bool finishing = false;
    loop* time;

    void start() {
        if (polling) return;
        polling = true;
        uv_poll_start(&poll, UV_READABLE, [](uv_poll_t* handle, int, int) {
            const uv_loop::callback_scope scope{handle};
            static_cast<node*>(handle->data)->readable();
        });
    }
    void stop() {
        if (!polling) return;
        polling = false;
        uv_poll_stop(&poll);
    }
    void readable() {
        if (waiting) time->post(*std::exchange(waiting, nullptr));
        else stop();  // level-triggered: unwatched it would wake us for ever
    }
};

class [[nodiscard]] listener::readable_awaiter {
public:
    explicit readable_awaiter(node& of) noexcept : node_{&of} {}
    readable_awaiter(readable_awaiter&&) = delete;
    ~readable_awaiter() {
        if (node_->waiting == &waiter_) node_->waiting = nullptr;
    }
    bool await_ready() const noexcept { return node_->finishing; }
    bool await_suspend(std::coroutine_handle<> parent) {
        waiter_.handle = parent;
        node_->waiting = &waiter_;
        node_->start();
        return true;
    }
    void await_resume() const noexcept {}

private:
    node* node_;
    waiter waiter_;
};

listener::listener(stream_context& context, int descriptor, options how)
    : context_{context}, options_{std::move(how)}, node_{new node{}} {
    node_->descriptor = descriptor;
    node_->time = &context.time;
    uv_poll_init(uv_loop::of(context.time).raw(), &node_->poll, descriptor);
    node_->poll.data = node_;
}

listener::~listener() { close(); }

void listener::close() noexcept {
    auto* closing = std::exchange(node_, nullptr);
    if (!closing) return;
    const int descriptor = closing->descriptor;
    uv_close(reinterpret_cast<uv_handle_t*>(&closing->poll),
             [](uv_handle_t* handle) { delete static_cast<node*>(handle->data); });
    ::close(descriptor);  // after it has left epoll, which would keep it while a duplicate lives
}

task<bool> listener::pending() {
    if (!node_) co_return false;
    if (resting_) {
        resting_ = false;
        node_->stop();
        co_await context_.time.sleep(rest_after_error);
    }
    if (maybe_more_ && accepts_in_a_row_ < accepts_per_turn) co_return true;
    accepts_in_a_row_ = 0;
    if (maybe_more_) {
        co_await context_.time.yield();
        co_return true;
    }
    if (node_->finishing) {
        close();
        co_return false;
    }
    co_await readable_awaiter{*node_};
    co_return true;
}

stream_ptr listener::accept_now() {
    if (!node_) return nullptr;
    ++accepts_in_a_row_;
    sockaddr_storage raw;
    socklen_t length = sizeof raw;
    const int fd = ::accept4(node_->descriptor, sockaddr_of(raw), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        maybe_more_ = true;
        adopt_options how;
        how.data_is_there = options_.data_is_there;
        auto client = adopt_socket(context_, fd, address::from(raw, length).value_or(address{}), how);
        return client ? std::move(*client) : nullptr;
    }
    const int error = errno;
    maybe_more_ = error != EAGAIN;
    if (maybe_more_ && !is_of_one_client(error)) {
        resting_ = true;
        if (options_.on_accept_error) options_.on_accept_error(error);
    }
    return nullptr;
}

void listener::finish() {
    if (!node_) return;
    node_->finishing = true;
    maybe_more_ = true;
    const int off = 0;
    setsockopt(node_->descriptor, IPPROTO_TCP, TCP_DEFER_ACCEPT, &off, sizeof off);
    node_->readable();
}

}  // namespace weir
