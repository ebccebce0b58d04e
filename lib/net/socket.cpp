#include "lib/net/socket.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <uv.h>

#include <cstring>

#include "lib/async/uv_loop.hpp"

namespace weir {
namespace {

// recv(2) and send(2) past libc: where a program has threads, libc's are points of thread cancellation, of which we make no use
// and which cost two atomic operations a call.
ssize_t receive(int descriptor, std::span<char> space) noexcept {
    return ::syscall(SYS_recvfrom, descriptor, space.data(), space.size(), MSG_DONTWAIT, nullptr, nullptr);
}
ssize_t transmit(int descriptor, std::string_view bytes) noexcept {
    return ::syscall(SYS_sendto, descriptor, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL, nullptr, 0);
}

class uv_socket final : public byte_stream {
public:
    uv_socket(stream_context& context, address peer) : byte_stream{context, std::move(peer)} {}

    int open(int fd, adopt_options options) {
        auto* loop = uv_loop::of(time()).raw();
        int status;
        if (peer().is_unix()) {
            uv_pipe_init(loop, &uv_.pipe, 0);
            status = uv_pipe_open(&uv_.pipe, fd);
        } else {
            uv_tcp_init(loop, &uv_.tcp);
            status = uv_tcp_open(&uv_.tcp, fd);
        }
        uv_.handle.data = this;
        try_reading_first_ = options.data_is_there;
        if (status == 0) descriptor_ = fd;
        return status;
    }

    class connect_awaiter;

    /// Once connected: libuv made the socket.
    void learn_descriptor() noexcept { uv_fileno(&uv_.handle, &descriptor_); }
    address local() const override {
        sockaddr_storage raw;
        socklen_t length = sizeof raw;
        if (getsockname(descriptor_, sockaddr_of(raw), &length) != 0) return {};
        return address::from(raw, length).value_or(address{});
    }
    bool is_quiet() const noexcept override {
        if (!byte_stream::is_quiet()) return false;
        char first;
        return ::recv(descriptor_, &first, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
    }
    void dispose() noexcept override {
        let_go();
        uv_close(&uv_.handle, [](uv_handle_t* handle) { delete static_cast<uv_socket*>(handle->data); });
    }

private:
    ~uv_socket() override = default;

    int wire_descriptor() const noexcept override { return descriptor_; }
    void shut_down() noexcept override { ::shutdown(descriptor_, SHUT_WR); }
    void prepare_reset() noexcept override {
        const linger at_once{1, 0};
        setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }

    void start_reading() noexcept override {
        // Given no buffer, libuv calls back without having read. We then read with recv(2), which costs less than its read(2),
        // and once per turn, where libuv would go on up to 32 times: so that no connection holds up the others.
        const int status = uv_read_start(&uv_.stream, [](uv_handle_t*, std::size_t, uv_buf_t* buffer) {
            *buffer = uv_buf_init(nullptr, 0);
        }, [](uv_stream_t* handle, ssize_t failure, const uv_buf_t*) {
            const uv_loop::callback_scope scope{handle};
            auto& self = *static_cast<uv_socket*>(handle->data);
            if (failure == UV_ENOBUFS) self.readable();
            else if (failure == UV_EOF) self.ended();
            else if (failure < 0) self.read_failed(static_cast<int>(-failure));
        });
        if (status != 0) read_failed(-status);
    }
    void stop_reading() noexcept override { uv_read_stop(&uv_.stream); }

    /// libuv takes a reset for an orderly end if bytes came with it, and a body that lasts until the end would look whole.
    void ended() noexcept {
        int error = 0;
        socklen_t size = sizeof error;
        if (getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0) read_failed(error);
        else received(0);
    }

    void readable() noexcept {
        const auto got = read_at_once(read_space());
        if (got > 0) received(static_cast<std::size_t>(got));
        else if (got == -EAGAIN || got == -EINTR) received_nothing();
        else if (got < 0) read_failed(static_cast<int>(-got));
        else {
            stop_reading();
            ended();
        }
    }

    std::ptrdiff_t read_at_once(std::span<char> space) noexcept override {
        const auto got = receive(descriptor_, space);
        return got >= 0 ? got : -errno;
    }
    std::ptrdiff_t try_write(std::string_view first, std::string_view second) noexcept override {
        // Not uv_try_write: send(2) costs measurably less than the write(2) that libuv uses. Nothing of libuv's is queued here.
        const auto sent = second.empty() ? transmit(descriptor_, first) : send_both(first, second);
        if (sent >= 0) return sent;
        return errno == EINTR || errno == ENOBUFS ? -EAGAIN : -errno;  // libuv's queue tries again
    }
    void queue_write(std::string_view first, std::string_view second) override {
        auto* pending = new write_node{{}, std::string{}};
        pending->bytes.reserve(first.size() + second.size());
        pending->bytes.append(first).append(second);
        pending->request.data = pending;
        const auto buffer = as_buffer(pending->bytes);
        const int status = uv_write(&pending->request, &uv_.stream, &buffer, 1, [](uv_write_t* request, int result) {
            const uv_loop::callback_scope scope{request->handle};
            auto& self = *static_cast<uv_socket*>(request->handle->data);
            delete static_cast<write_node*>(request->data);  // the request is in it: last use
            self.write_finished(-result);
        });
        if (status == 0) return;
        delete pending;
        write_finished(-status);
    }

    ssize_t send_both(std::string_view first, std::string_view second) noexcept {
        iovec pieces[2] = {{const_cast<char*>(first.data()), first.size()},
                           {const_cast<char*>(second.data()), second.size()}};
        msghdr message{};
        message.msg_iov = pieces;
        message.msg_iovlen = 2;
        return ::sendmsg(descriptor_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    }

    /// libuv keeps a request's pointers until its callback, so the bytes live with the request, not with whoever waits.
    struct write_node {
        uv_write_t request;
        std::string bytes;
    };
    static uv_buf_t as_buffer(std::string_view bytes) noexcept {
        return uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
    }

    union handles {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv_;
    int descriptor_ = -1;
};

/// Owns the socket until it is connected; the request lives on its own, since libuv reports a cancelled one late.
class [[nodiscard]] uv_socket::connect_awaiter {
public:
    explicit connect_awaiter(uv_socket& socket) noexcept : socket_{&socket} {}
    connect_awaiter(connect_awaiter&&) = delete;
    ~connect_awaiter() {
        if (request_) request_->waiting = nullptr;
    }

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> parent) {
        sockaddr_storage raw;
        socket_->peer().to(raw);
        auto* loop = uv_loop::of(socket_->time()).raw();
        auto& uv = socket_->uv_;
        waiter_.handle = parent;
        if (socket_->peer().is_unix()) {
            uv_pipe_init(loop, &uv.pipe, 0);
            uv.handle.data = socket_;
            request_ = new node{{}, this};
            request_->connect.data = request_;
            const std::string path{socket_->peer().path()};
            uv_pipe_connect(&request_->connect, &uv.pipe, path.c_str(), on_connected);
            return true;
        }
        status_ = uv_tcp_init_ex(loop, &uv.tcp, raw.ss_family);
        uv.handle.data = socket_;
        if (status_ != 0) {
            uv_tcp_init(loop, &uv.tcp);  // no descriptor to be had: still a handle that can be closed
            return false;
        }
        int descriptor = -1;
        if (uv_fileno(&uv.handle, &descriptor) == 0) avoid_pacing(descriptor, socket_->peer());
        uv_tcp_nodelay(&uv.tcp, 1);
        uv_tcp_keepalive(&uv.tcp, 1, 15);
        request_ = new node{{}, this};
        request_->connect.data = request_;
        status_ = uv_tcp_connect(&request_->connect, &uv.tcp, sockaddr_of(raw), on_connected);
        if (status_ == 0) return true;
        delete std::exchange(request_, nullptr);
        return false;
    }
    /// 0 or an errno value.
    int await_resume() const noexcept { return -status_; }

private:
    struct node {
        uv_connect_t connect;
        connect_awaiter* waiting;
    };
    static void on_connected(uv_connect_t* request, int status) {
        const uv_loop::callback_scope scope{request->handle};
        const std::unique_ptr<node> mine{static_cast<node*>(request->data)};
        if (!mine->waiting) return;
        auto& self = *mine->waiting;
        self.status_ = status;
        self.request_ = nullptr;
        self.socket_->time().post(self.waiter_);
    }
    uv_socket* socket_;
    node* request_ = nullptr;
    waiter waiter_;
    int status_ = 0;
};

}  // namespace

void avoid_pacing(int descriptor, const address& at) noexcept {
    constexpr std::string_view name = "reno";
    if (at.is_inet() && at.is_loopback()) setsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, name.data(), name.size());
}

io_result<stream_ptr> adopt_socket(stream_context& context, int fd, address peer, adopt_options options) {
    auto* socket = new uv_socket{context, std::move(peer)};
    stream_ptr owner{socket};
    const int status = socket->open(fd, options);
    if (status == 0) return owner;
    ::close(fd);
    return io_failure(-status);
}

task<io_result<stream_ptr>> connect(stream_context& context, address to) {
    auto* socket = new uv_socket{context, std::move(to)};
    stream_ptr owner{socket};
    const int error = co_await uv_socket::connect_awaiter{*socket};
    if (error) co_return io_failure(error);
    socket->learn_descriptor();
    co_return std::move(owner);
}

}  // namespace weir
