#include "lib/net/splice.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <utility>

#include "lib/async/race.hpp"
#include "lib/async/uv_loop.hpp"

namespace weir {
namespace {

constexpr int pipe_bytes = 1 << 20;  // of room: each piece of a packet takes a slot, however small it is
constexpr std::size_t widest_window = 512 * 1024;
constexpr std::size_t bytes_per_turn = 1 << 20;   // then others get a look
constexpr std::size_t sealed_per_turn = 1 << 18;  // where the kernel seals them, which costs several times as much

/// Watches a duplicate of a socket's descriptor. Made only when the first wait is due; goes on watching between two waits,
/// since beginning and ending it cost three system calls, until something happens that nobody waits for.
class watch {
public:
    watch(loop& time, int descriptor) noexcept : time_{time}, original_{descriptor} {}
    watch(const watch&) = delete;
    watch& operator=(const watch&) = delete;
    ~watch() {
        if (!node_) return;
        const int copy = node_->descriptor;
        uv_close(reinterpret_cast<uv_handle_t*>(&node_->poll),
                 [](uv_handle_t* handle) { delete static_cast<node*>(handle->data); });
        ::close(copy);  // only now: epoll would keep its entry for as long as the original lives
    }
    /// 0 or an errno value.
    int open() {
        if (node_) return 0;
        const int copy = ::fcntl(original_, F_DUPFD_CLOEXEC, 0);
        if (copy < 0) return errno;
        node_ = new node{{}, copy, nullptr, &time_};
        uv_poll_init(uv_loop::of(time_).raw(), &node_->poll, copy);
        node_->poll.data = node_;
        return 0;
    }

    class [[nodiscard]] awaiter {
    public:
        awaiter(watch& of, int events) noexcept : watch_{&of}, events_{events} {}
        awaiter(awaiter&& other) noexcept : watch_{other.watch_}, events_{other.events_} {}
        ~awaiter() {
            if (watch_->node_ && watch_->node_->waiting == this) { watch_->node_->waiting = nullptr; }
        }
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> parent) {
            waiter_.handle = parent;
            watch_->node_->waiting = this;
            if (uv_is_active(reinterpret_cast<uv_handle_t*>(&watch_->node_->poll))) return true;
            uv_poll_start(&watch_->node_->poll, events_, [](uv_poll_t* handle, int, int) {
                const uv_loop::callback_scope scope{handle};
                auto& my = *static_cast<node*>(handle->data);
                if (!my.waiting) {
                    uv_poll_stop(handle);
                    return;
                }
                my.waiting->settled_ = true;
                my.time->post(std::exchange(my.waiting, nullptr)->waiter_);
            });
            return true;
        }
        void await_resume() const noexcept {}
        bool settled() const noexcept { return settled_; }

    private:
        watch* watch_;
        int events_;
        waiter waiter_;
        bool settled_ = false;
    };
    awaiter ready(int events) noexcept { return {*this, events}; }

private:
    struct node {
        uv_poll_t poll;
        int descriptor;
        awaiter* waiting;
        loop* time;
    };
    loop& time_;
    int original_;
    node* node_ = nullptr;
};

/// Waits until `w` is ready, at most until `deadline`; 0 or an errno value.
task<int> wait_for(loop& time, watch& w, int events, time_point deadline) {
    if (const int error = w.open()) co_return error;
    if (deadline == time_point::max()) {
        co_await w.ready(events);
        co_return 0;
    }
    co_return co_await timeout_at(time, deadline, w.ready(events)) ? 0 : ETIMEDOUT;
}

}  // namespace

pipe_pool::~pipe_pool() {
    for (auto* p : idle_) destroy(p);
}

pipe_pool::lease pipe_pool::take() {
    if (in_use_ >= most_) return {nullptr, {this}};
    if (idle_.empty()) {
        int ends[2];
        if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return {nullptr, {this}};
        ::fcntl(ends[1], F_SETPIPE_SZ, pipe_bytes);  // refused where the user has too many: then it stays small
        idle_.push_back(new pipe{ends[0], ends[1], 0});
    }
    auto* taken = idle_.back();
    idle_.pop_back();
    ++in_use_;
    return {taken, {this}};
}

void pipe_pool::put(pipe* used) noexcept {
    --in_use_;
    if (used->inside == 0 && idle_.size() < most_) idle_.push_back(used);
    else destroy(used);
}

void pipe_pool::destroy(pipe* p) noexcept {
    ::close(p->read_end);
    ::close(p->write_end);
    delete p;
}

task<std::expected<std::uint64_t, splice_error>> splice_bytes(byte_stream& from, byte_stream& to, splice_limits limits,
                                                              pipe_pool::pipe& through, std::uint64_t* progress) {
    auto& time = from.time();
    from.pause_reading();
    watch source{time, from.source_descriptor()}, target{time, to.sink_descriptor()};
    const auto fresh_deadline = [&] {
        return limits.idle > 0ns ? std::min(limits.until, time.now() + limits.idle) : limits.until;
    };
    std::uint64_t read = 0, written = 0;
    const auto most_per_turn = to.layer() ? sealed_per_turn : bytes_per_turn;
    const auto widest = std::min(widest_window, most_per_turn);
    std::size_t this_turn = 0, window = splice_window;
    bool ended = false;

    while (true) {
        if (through.inside == 0 && (ended || read == limits.bytes)) co_return written;
        if (through.inside == 0) {
            const auto want = std::min<std::uint64_t>(limits.bytes - read, window);
            const auto got = ::splice(from.source_descriptor(), nullptr, through.write_end, nullptr, want,
                                      SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
            if (got > 0) {
                through.inside = static_cast<std::size_t>(got);
                read += static_cast<std::uint64_t>(got);
            } else if (got == 0) {
                ended = true;
                continue;
            } else if (errno == EAGAIN) {
                if (const int error = co_await wait_for(time, source, UV_READABLE, fresh_deadline()))
                    co_return std::unexpected{splice_error{{error}, false}};
                this_turn = 0;
                continue;
            } else if (errno != EINTR) {
                co_return std::unexpected{splice_error{{errno}, false}};
            }
        }
        // No SPLICE_F_MORE: the kernel would hold back a short piece for 200 ms if the source happens to stand still.
        const auto put = ::splice(through.read_end, nullptr, to.sink_descriptor(), nullptr, through.inside,
                                  SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (put > 0) {
            through.inside -= static_cast<std::size_t>(put);
            written += static_cast<std::uint64_t>(put);
            if (progress) *progress += static_cast<std::uint64_t>(put);
            this_turn += static_cast<std::size_t>(put);
            // What the receiver takes at once may be more at a time: fewer calls, and he is woken less often.
            if (through.inside == 0) window = std::min(2 * window, widest);
            if (this_turn >= most_per_turn) {
                this_turn = 0;
                co_await time.yield();
            }
        } else if (errno == EAGAIN) {
            window = splice_window;
            if (const int error = co_await wait_for(time, target, UV_WRITABLE, fresh_deadline()))
                co_return std::unexpected{splice_error{{error}, true}};
            this_turn = 0;
        } else if (errno != EINTR) {
            co_return std::unexpected{splice_error{{errno}, true}};
        }
    }
}

}  // namespace weir
