#include "lib/async/idle_thread.hpp"

#include <chrono>
#include <utility>

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/async/cpu_time.hpp"

namespace weir {
namespace {

using steady = std::chrono::steady_clock;
constexpr std::chrono::milliseconds look_again{20};  // at who has not come to an end

void give_way_to_everyone() noexcept {
    const sched_param none{};
    if (sched_setscheduler(0, SCHED_IDLE, &none) != 0) setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 19);
}

}  // namespace

idle_thread::idle_thread(const std::string& name) : thread_{[this, name] { main(name); }} {}

idle_thread::~idle_thread() {
    {
        const std::lock_guard lock{mutex_};
        ending_ = true;
    }
    given_.notify_one();
    thread_.join();
}

bool idle_thread::at_work() const {
    const std::lock_guard lock{mutex_};
    return at_work_;
}

bool idle_thread::do_now(std::function<void()> work, spare_time& judge) {
    auto looked = steady::now();
    auto ran = cpu_time_of(thread_);
    std::unique_lock lock{mutex_};
    work_ = std::move(work);
    at_work_ = true;
    given_.notify_one();
    bool done = false;
    do {
        done = done_.wait_for(lock, look_again, [this] { return !at_work_; });
        const auto now = steady::now();
        const auto ran_by_now = cpu_time_of(thread_);
        judge.idle_had(now - looked, ran_by_now - ran);
        looked = now;
        ran = ran_by_now;
    } while (!done && judge.left());
    return done;
}

void idle_thread::main(const std::string& name) {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    give_way_to_everyone();
    std::unique_lock lock{mutex_};
    while (true) {
        given_.wait(lock, [this] { return work_ || ending_; });
        if (!work_) return;
        auto work = std::exchange(work_, nullptr);
        lock.unlock();
        work();
        work = nullptr;
        lock.lock();
        at_work_ = false;
        lock.unlock();
        done_.notify_one();  // who waits runs at once, and shall find no lock taken
        lock.lock();
    }
}

}  // namespace weir
