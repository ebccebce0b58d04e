#include "lib/async/offload.hpp"

#include <algorithm>

#include <pthread.h>

namespace weir {

using steady = std::chrono::steady_clock;

offload_pool::offload_pool(std::string name, unsigned threads, std::size_t max_queued)
    : name_{std::move(name)}, max_queued_{max_queued} {
    counts_.threads = threads;
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { thread_main(); });
}

offload_pool::~offload_pool() {
    decltype(queue_) left;
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
        left.swap(queue_);
        counts_.queued = 0;
    }
    work_to_do_.notify_all();
    for (auto& thread : threads_) thread.join();
    for (auto& job : left) settle(std::move(job));  // unbegun, so without a value: refused
}

bool offload_pool::submit(const std::shared_ptr<detail::offload_job>& job) {
    job->queued = steady::now();
    decltype(queue_) skipped;  // dies unlocked: what a job captured may do anything in its destructor
    {
        const std::lock_guard lock{mutex_};
        if (queue_.size() >= max_queued_) {
            decltype(queue_) wanted;
            for (auto& each : queue_) {
                auto& to = each->orphaned.load(std::memory_order_relaxed) ? skipped : wanted;
                to.push_back(std::move(each));
            }
            queue_.swap(wanted);
            counts_.skipped += skipped.size();
        }
        if (queue_.size() >= max_queued_) {
            ++counts_.refused;
            return false;
        }
        queue_.push_back(job);
        counts_.queued = queue_.size();
    }
    work_to_do_.notify_one();
    return true;
}

void offload_pool::settle(std::shared_ptr<detail::offload_job> job) {
    auto* owner = job->owner;
    owner->call_from_other_thread([job = std::move(job)] {
        job->settled = true;
        if (job->waiting) job->owner->post(*job->waiting);
    });
}

void offload_pool::thread_main() {
    pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
    std::unique_lock lock{mutex_};
    while (true) {
        work_to_do_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        auto job = std::move(queue_.front());
        queue_.pop_front();
        counts_.queued = queue_.size();
        if (job->orphaned.load(std::memory_order_relaxed)) {
            ++counts_.skipped;
            lock.unlock();
            job.reset();
            lock.lock();
            continue;
        }
        const auto waited = steady::now() - job->queued;
        counts_.waited += waited;
        counts_.longest_wait = std::max<nanoseconds>(counts_.longest_wait, waited);
        ++counts_.busy;
        lock.unlock();
        job->work();
        lock.lock();
        --counts_.busy;
        ++counts_.done;  // before the owner is told: who has a result finds it counted
        lock.unlock();
        settle(std::move(job));
        lock.lock();
    }
}

offload_pool::counts offload_pool::statistics() const {
    const std::lock_guard lock{mutex_};
    return counts_;
}

}  // namespace weir
