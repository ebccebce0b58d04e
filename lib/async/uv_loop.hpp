#pragma once
/// The loop on libuv and the real clock; one per worker thread.
///
///     uv_loop time;
///     scope work{time};
///     work.spawn(serve(time));
///     time.run();                            // until stop()
///
/// Every libuv callback (sockets, signals) begins with a `callback_scope`, which brings the clock up to date. What the
/// callbacks of one poll make ready is resumed together after the poll: first everything is read, then everything is
/// answered, so that whoever we talk to is woken once for many messages (measured: 7 % of the CPU time of a request). The destructor closes the loop's own handles and runs libuv until every closing
/// handle has had its callback; whoever owns sockets on the loop destroys them first.
#include <uv.h>

#include "lib/async/loop.hpp"

namespace weir {

/// The version of libuv at run time.
const char* libuv_version() noexcept;

class uv_loop final : public loop {
public:
    uv_loop();
    ~uv_loop() override;

    /// Runs until stop().
    void run();
    /// Makes run() return after this turn. From the loop's thread.
    void stop() noexcept { uv_stop(&uv_); }

    uv_loop_t* raw() noexcept { return &uv_; }
    static uv_loop& of(loop& base) noexcept { return static_cast<uv_loop&>(base); }
    static uv_loop& of(const uv_loop_t* raw) noexcept { return *static_cast<uv_loop*>(raw->data); }

    class callback_scope {
    public:
        explicit callback_scope(uv_loop& loop) noexcept : loop_{loop} { loop_.enter_callback(); }
        template <class Handle>
        explicit callback_scope(const Handle* handle) noexcept : callback_scope{of(handle->loop)} {}
        callback_scope(const callback_scope&) = delete;
        callback_scope& operator=(const callback_scope&) = delete;
        ~callback_scope() { loop_.leave_callback(); }

    private:
        uv_loop& loop_;
    };

private:
    void on_posted() noexcept override;
    void on_timer_added(std::uint64_t due_ms) noexcept override;
    void enter_callback() noexcept;
    void leave_callback();
    void read_clock() noexcept;
    void arm_timer() noexcept;

    // After so many coroutines, or so much time, the sockets get a look, so that nobody starves.
    static constexpr unsigned resumes_per_turn = 256;
    static constexpr nanoseconds time_per_turn = 2ms;
    static constexpr unsigned resumes_between_looks = 16;  // at the clock
    static constexpr unsigned remote_calls_per_turn = 256;

    uv_loop_t uv_;
    uv_prepare_t before_poll_;  // marks the clock as stale, so that the first callback after the poll reads it
    uv_check_t after_poll_;     // resumes what the poll made ready
    uv_idle_t more_to_do_;      // active while something is ready or has yielded: libuv then polls without waiting
    uv_timer_t timer_;
    uv_poll_t remote_;  // of the bell
    std::uint64_t armed_ms_ = UINT64_MAX;
    time_point wall_read_{};
    time_point waiting_since_ = time_point::max();  // in the poll; max: it does not wait
    bool clock_is_stale_ = true;
    bool in_callback_ = false;
    bool in_poll_ = false;
    bool turn_spent_ = false;  // nobody is resumed any more before the sockets had their look
};

}  // namespace weir
