#include "lib/async/uv_loop.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "lib/async/frame_pool.hpp"

namespace weir {
namespace {

time_point monotonic_now() noexcept { return time_point{nanoseconds{static_cast<std::int64_t>(uv_hrtime())}}; }

std::int64_t wall_offset_us(time_point now) noexcept {
    using namespace std::chrono;
    const auto wall = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
    return wall - duration_cast<microseconds>(now.time_since_epoch()).count();
}

/// Not libuv's uv_async_t, whose loop spins until the sender has returned from its call: one of lower priority, such as a
/// thread for handshakes, does not get to run meanwhile (measured: 11 % of the CPU time).
struct eventfd_bell final : loop_bell {
    eventfd_bell() : fd{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {}
    ~eventfd_bell() override { close(fd); }
    void ring() noexcept override { eventfd_write(fd, 1); }
    void silence() noexcept {
        eventfd_t times = 0;
        eventfd_read(fd, &times);
    }
    const int fd;
};

void must(int status, const char* what) {
    if (status == 0) return;
    std::fprintf(stderr, "weir: %s: %s\n", what, uv_strerror(status));  // out of descriptors before we began
    std::abort();
}

}  // namespace

const char* libuv_version() noexcept { return uv_version_string(); }

uv_loop::uv_loop() : loop{monotonic_now(), wall_offset_us(monotonic_now())} {
    must(uv_loop_init(&uv_), "create event loop");
    uv_.data = this;
    must(uv_prepare_init(&uv_, &before_poll_), "create event loop");
    must(uv_check_init(&uv_, &after_poll_), "create event loop");
    must(uv_idle_init(&uv_, &more_to_do_), "create event loop");
    must(uv_timer_init(&uv_, &timer_), "create event loop");
    const auto bell = std::make_shared<eventfd_bell>();
    must(bell->fd >= 0 ? 0 : -errno, "create event loop");
    must(uv_poll_init(&uv_, &remote_, bell->fd), "create event loop");
    remote_.data = bell.get();
    bell_ = bell;
    must(uv_poll_start(&remote_, UV_READABLE,
                       [](uv_poll_t* handle, int, int) {
        auto& self = of(handle->loop);
        auto& rung = *static_cast<eventfd_bell*>(handle->data);
        rung.silence();  // before the calls: what is said later rings again
        const callback_scope scope{self};
        if (self.run_remote(remote_calls_per_turn)) rung.ring();
    }),
         "create event loop");
    uv_prepare_start(&before_poll_, [](uv_prepare_t* handle) {
        auto& self = of(handle->loop);
        self.clock_is_stale_ = true;
        self.in_poll_ = true;
        self.turn_spent_ = false;
        ++self.statistics.turns;
        if (!uv_is_active(reinterpret_cast<uv_handle_t*>(&self.more_to_do_))) self.waiting_since_ = monotonic_now();
    });
    uv_check_start(&after_poll_, [](uv_check_t* handle) {
        auto& self = of(handle->loop);
        self.in_poll_ = false;
        if (self.has_ready() || self.has_turn_end_work()) const callback_scope scope{self};
    });
    wall_read_ = now();
}

uv_loop::~uv_loop() {
    for (auto* handle : {reinterpret_cast<uv_handle_t*>(&before_poll_), reinterpret_cast<uv_handle_t*>(&after_poll_),
                         reinterpret_cast<uv_handle_t*>(&more_to_do_), reinterpret_cast<uv_handle_t*>(&timer_),
                         reinterpret_cast<uv_handle_t*>(&remote_)}) {
        uv_close(handle, nullptr);
    }
    uv_walk(&uv_, [](uv_handle_t* handle, void*) {
        assert(uv_is_closing(handle) && "a socket outlives its loop");  // else libuv would wait for it for ever
        (void)handle;
    }, nullptr);
    while (uv_run(&uv_, UV_RUN_DEFAULT) != 0) {}  // again if stop() had been called and no run() had heard it
    frame_pool::drop();
    [[maybe_unused]] const int left = uv_loop_close(&uv_);
    assert(left == 0);
}

void uv_loop::run() { uv_run(&uv_, UV_RUN_DEFAULT); }

void uv_loop::enter_callback() noexcept {
    assert(!in_callback_ && "a libuv callback within a callback would resume coroutines on top of each other");
    in_callback_ = true;
    if (clock_is_stale_) read_clock();
}

void uv_loop::leave_callback() {
    if (!in_poll_ && !turn_spent_) {
        auto budget = resumes_per_turn;
        do {
            while (budget > 0 && has_ready()) {
                const auto batch = std::min(budget, resumes_between_looks);
                budget -= batch - run_ready(batch);
                turn_spent_ = has_ready() && monotonic_now() - now() > time_per_turn;
                if (turn_spent_) budget = 0;
            }
        } while (run_turn_end());
    }
    in_callback_ = false;
    if (!in_poll_ && (has_ready() || has_yielded())) on_posted();
}

void uv_loop::read_clock() noexcept {
    clock_is_stale_ = false;
    set_now(monotonic_now());
    if (waiting_since_ < now()) statistics.waited += now() - std::exchange(waiting_since_, time_point::max());
    if (now() - wall_read_ >= 1s) {  // the wall clock may be stepped; the loop's never is
        wall_read_ = now();
        set_wall_offset(wall_offset_us(now()));
    }
}

void uv_loop::on_posted() noexcept {
    if (in_callback_ || uv_is_active(reinterpret_cast<uv_handle_t*>(&more_to_do_))) return;
    uv_idle_start(&more_to_do_, [](uv_idle_t* handle) {
        auto& self = of(handle->loop);
        const callback_scope scope{self};
        self.start_turn();
        uv_idle_stop(handle);  // leave_callback() starts it again if anything is left
    });
}

void uv_loop::on_timer_added(std::uint64_t due_ms) noexcept {
    if (due_ms < armed_ms_) arm_timer();
}

void uv_loop::arm_timer() noexcept {
    const auto next = timers().next();
    if (!next) {
        armed_ms_ = UINT64_MAX;
        return;
    }
    armed_ms_ = *next;
    uv_update_time(&uv_);
    const auto now_ms = to_ms_floor(monotonic_now());
    uv_timer_start(&timer_, [](uv_timer_t* handle) {
        auto& self = of(handle->loop);
        self.clock_is_stale_ = true;
        const callback_scope scope{self};
        self.run_timers();
        self.arm_timer();
    }, *next > now_ms ? *next - now_ms : 0, 0);
}

}  // namespace weir
