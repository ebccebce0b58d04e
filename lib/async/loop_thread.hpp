#pragma once
/// A thread with a loop of its own.
///
///     loop_thread worker{"worker-0", main_loop, [&](uv_loop& time) { ... time.run(); }};
///     co_await worker.ended();                       // on main_loop
///
/// The function runs on the new thread and owns everything on that loop; the loop dies with it. Signals are left to the
/// main thread. The destructor waits for the thread, so somebody must have told it to end. `parent` outlives it.
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "lib/async/event.hpp"
#include "lib/async/uv_loop.hpp"

namespace weir {

class loop_thread {
public:
    loop_thread(std::string name, loop& parent, std::move_only_function<void(uv_loop&)> body);
    loop_thread(const loop_thread&) = delete;
    loop_thread& operator=(const loop_thread&) = delete;
    ~loop_thread() { thread_.join(); }

    event::awaiter ended() noexcept { return ended_->wait(); }

private:
    std::shared_ptr<event> ended_;  // shared with the message that sets it
    std::thread thread_;
};

}  // namespace weir
