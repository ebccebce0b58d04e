#include "lib/async/offload.hpp"

#include <algorithm>

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/async/cpu_time.hpp"
#include "lib/async/event.hpp"
#include "lib/async/idle_thread.hpp"

namespace weir {
namespace {

using steady = std::chrono::steady_clock;
constexpr int niceness_beside_idle = 10;  // beside the loops'
constexpr auto look_at_late = 10ms;

}  // namespace

offload_pool::offload_pool(std::string name, unsigned threads, std::size_t max_queued, offload_options more)
    : name_{std::move(name)}, max_queued_{max_queued}, options_{more} {
    counts_.threads = threads;
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this, i] { thread_main(i); });
}

offload_pool::~offload_pool() {
    decltype(queue_) left;
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
        std::swap(left, queue_);
        counts_.queued = 0;
    }
    work_to_do_.notify_all();
    for (auto& thread : threads_) thread.join();
    while (!left.empty()) settle(left.pop());  // unbegun, so without a value: refused
}

bool offload_pool::submit(const job_ptr& job) {
    job->queued = steady::now();
    std::vector<job_ptr> skipped;  // dies unlocked: what a job captured may do anything in its destructor
    job_ptr pushed_out;
    {
        const std::lock_guard lock{mutex_};
        if (queue_.size() >= max_queued_) {
            queue_.remove_if([](const job_ptr& each) { return each->orphaned.load(std::memory_order_relaxed); },
                             [&](job_ptr each) { skipped.push_back(std::move(each)); });
            counts_.skipped += skipped.size();
        }
        if (queue_.size() >= max_queued_) {
            ++counts_.refused;
            auto greediest = queue_.push_out(job->key);
            if (!greediest) return false;
            pushed_out = std::move(*greediest);
        }
        queue_.push(job->key, job);
        counts_.queued = queue_.size();
    }
    if (pushed_out) settle(std::move(pushed_out));
    else if (work_on_loop_) work_on_loop_->set();
    else work_to_do_.notify_one();
    return true;
}

void offload_pool::settle(job_ptr job) {
    auto& of = *job;
    std::shared_ptr<loop_bell> bell;
    {
        const std::lock_guard lock{of.mutex};
        if (of.orphaned.load(std::memory_order_relaxed)) return;  // the loop may be gone
        bell = of.owner->leave_call([job] {
            job->settled = true;
            if (job->waiting) job->owner->post(*job->waiting);
        });
    }
    if (bell) bell->ring();  // the loop, of higher priority perhaps, runs at once, and shall find no lock taken
}

/// A thread's idle one, and the job which that has begun and has got no time to end.
struct offload_pool::idle_half {
    idle_half(const std::string& name, idle_place here, const spare_time_policy& policy)
        : judge{policy}, thread{name, here} {}
    spare_time judge;
    idle_thread thread;
    job_ptr late;

    /// Does it here.
    void work_beside(detail::offload_job& job) {
        const auto ran = thread_cpu_time();
        job.work();
        judge.nice_had(steady::now() - job.begun, thread_cpu_time() - ran);
    }
};

void offload_pool::thread_main(unsigned number) {
    pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
    std::unique_ptr<idle_half> idle;
    if (options_.idle) {
        setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness_beside_idle);
        idle = std::make_unique<idle_half>(name_ + "-idle", idle_place{number, static_cast<unsigned>(counts_.threads)},
                                           *options_.idle);
    }
    std::unique_lock lock{mutex_};
    while (!stopping_) {
        const auto called = [this] { return stopping_ || !queue_.empty(); };
        if (!idle || !idle->late) work_to_do_.wait(lock, called);
        else work_to_do_.wait_for(lock, look_at_late, called);
        if (idle && idle->late && !idle->thread.at_work()) end(std::exchange(idle->late, nullptr), true, lock);
        do_next(lock, idle.get());
    }
    if (!idle || !idle->late) return;
    lock.unlock();
    const auto last = std::exchange(idle->late, nullptr);
    idle.reset();  // when it has ended
    lock.lock();
    end(last, true, lock);
}

task<void> offload_pool::work_on(loop& time) {
    event more{time};
    struct place {
        explicit place(offload_pool& pool, event& more) : of{pool} { of.work_on_loop_ = &more; }
        ~place() { of.work_on_loop_ = nullptr; }
        offload_pool& of;
    } const here{*this, more};
    while (true) {
        more.clear();
        bool done = false;
        {
            std::unique_lock lock{mutex_};
            done = do_next(lock, nullptr);
        }
        if (done) co_await time.yield();
        else co_await more.wait();
    }
}

/// Deals with the next job, if there is one. `lock` is held before and after, and not while it works.
bool offload_pool::do_next(std::unique_lock<std::mutex>& lock, idle_half* idle) {
    if (queue_.empty()) return false;
    auto job = queue_.pop();
    counts_.queued = queue_.size();
    if (job->orphaned.load(std::memory_order_relaxed)) {
        ++counts_.skipped;
        lock.unlock();
        job.reset();
        lock.lock();
        return true;
    }
    job->begun = steady::now();
    const auto waited = job->begun - job->queued;
    counts_.waited += waited;
    counts_.longest_wait = std::max<nanoseconds>(counts_.longest_wait, waited);
    if (waited > options_.patience) {
        ++counts_.expired;
        lock.unlock();
        settle(std::move(job));
        lock.lock();
        return true;
    }
    ++counts_.busy;
    lock.unlock();
    const bool spared = idle && job->brief && idle->judge.left() && !idle->late;
    bool done = true;
    if (spared) done = idle->thread.do_now([job] { job->work(); }, idle->judge);
    else if (idle) idle->work_beside(*job);
    else job->work();
    lock.lock();
    if (done) end(std::move(job), spared, lock);
    else idle->late = std::move(job);
    return true;
}

/// Its work is done, by an idle thread if it was `spared`. `lock` is held before and after.
void offload_pool::end(job_ptr job, bool spared, std::unique_lock<std::mutex>& lock) {
    --counts_.busy;
    counts_.spared += spared;
    ++counts_.done;  // before the owner is told: who has a result finds it counted
    counts_.worked += steady::now() - job->begun;
    lock.unlock();
    settle(std::move(job));
    lock.lock();
}

offload_pool::counts offload_pool::statistics() const {
    const std::lock_guard lock{mutex_};
    return counts_;
}

}  // namespace weir
