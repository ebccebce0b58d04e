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

/// Where there is one for each processor that this process may use: stays on its own.
void stay_on_one(idle_place here) noexcept {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;  // more processors than the set can tell
    const auto processors = static_cast<unsigned>(CPU_COUNT(&allowed));
    if (here.of < processors) return;
    auto before_own = here.number % processors;
    for (std::size_t each = 0; each < CPU_SETSIZE; ++each) {
        if (!CPU_ISSET(each, &allowed) || before_own-- > 0) continue;
        cpu_set_t own;
        CPU_ZERO(&own);
        CPU_SET(each, &own);
        sched_setaffinity(0, sizeof own, &own);
        return;
    }
}

}  // namespace

idle_thread::idle_thread(const std::string& name, idle_place here)
    : thread_{[this, name, here] { main(name, here); }} {}

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

void idle_thread::main(const std::string& name, idle_place here) {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    give_way_to_everyone();
    stay_on_one(here);
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
