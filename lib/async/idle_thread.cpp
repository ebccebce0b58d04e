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
constexpr std::chrono::milliseconds stands_it{40};   // who is on one processor and gets nowhere
constexpr int goes_about_for = 100;                  // pieces of work, after that

void give_way_to_everyone() noexcept {
    const sched_param none{};
    if (sched_setscheduler(0, SCHED_IDLE, &none) != 0) setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 19);
}

/// All that the calling thread may use; none where the system has more than a set can tell.
cpu_set_t processors_allowed() noexcept {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) CPU_ZERO(&allowed);
    return allowed;
}

/// Only the one with that number among these.
cpu_set_t one_of(const cpu_set_t& processors, unsigned number) noexcept {
    cpu_set_t one;
    CPU_ZERO(&one);
    for (std::size_t each = 0; each < CPU_SETSIZE; ++each)
        if (CPU_ISSET(each, &processors) && number-- == 0) CPU_SET(each, &one);
    return one;
}

}  // namespace

idle_thread::idle_thread(const std::string& name, idle_place here)
    : here_{here}, thread_{[this, name] { main(name); }} {}

idle_thread::~idle_thread() {
    go_about();
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

/// Its owner does that for it: on a processor that others have it would get no time to do it.
void idle_thread::stay_on_one() noexcept {
    if (stays_ || here_.of == 0) return;
    if (to_go_about_for_ > 0) {
        --to_go_about_for_;
        return;
    }
    const auto allowed = processors_allowed();
    const auto count = static_cast<unsigned>(CPU_COUNT(&allowed));
    if (count == 0 || here_.of < count) return;
    const auto own = one_of(allowed, here_.number % count);
    stays_ = pthread_setaffinity_np(thread_.native_handle(), sizeof own, &own) == 0;
}

void idle_thread::go_about() noexcept {
    if (!std::exchange(stays_, false)) return;
    const auto allowed = processors_allowed();
    pthread_setaffinity_np(thread_.native_handle(), sizeof allowed, &allowed);
    to_go_about_for_ = goes_about_for;
}

bool idle_thread::do_now(std::function<void()> work, spare_time& judge) {
    stay_on_one();
    const auto begun = steady::now();
    auto looked = begun;
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
        if (!done && (now - begun >= stands_it || !judge.left())) go_about();
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
