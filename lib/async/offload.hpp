#pragma once
/// Offload pool: threads for work that would hold up a loop (lookups, file writes, handshakes), with a bounded queue.
///
///     offload_pool dns{"dns", 2, 256};
///     auto found = co_await dns.run(time, [name] { return look_up(name); });   // std::optional: nullopt when refused
///
/// Each kind of work has a pool of its own, so that slow lookups cannot hold back handshakes. The queue's depth, the busy
/// threads and the waiting time are metrics. Two bounds: so many jobs, and so long a wait. Full means that one is refused at once: the
/// newcomer, or the last of the longest line where jobs have keys (a client's, say); keys take turns (fair_queue.hpp). A job
/// that has waited longer than the pool's `patience` when its turn comes is refused then. All of them are counted.
///
/// Where there is no other processor, a thread could only take turns with the loop, at the price of switching to it and
/// back. A pool without threads does its jobs on the loop instead, one a turn, and between two everyone else has theirs:
///
///     offload_pool steps{"steps", 0, 256};
///     background.spawn(steps.work_on(time));
///
/// A pool for work that computes and shall not disturb the loops is `idle`: while there is processor time to spare each of
/// its threads, which have nice 10, hands a brief job on to an idle thread (idle_thread.hpp), which gives way to everyone at
/// once; else, and what is not brief, it does itself. They are two because the one takes locks that loops take, too:
/// a loop would wait for as long as an idle thread does.
///
///     offload_pool handshakes{"tls", 2, 4096, {.patience = 2s, .idle = spare_time_policy{}}};
///
/// Work on another thread cannot be destroyed: it owns its data. Cancelling run() orphans the job; if it has not begun it
/// is skipped and its place in the queue is free, else its result is dropped; what it captured may die on a thread of the
/// pool. An exception that leaves the work comes out of run().
/// The pool may die before or after the loops that use it; its destructor waits for what runs and refuses what has not begun.
#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lib/async/fair_queue.hpp"
#include "lib/async/loop.hpp"
#include "lib/async/spare_time.hpp"
#include "lib/async/task.hpp"

namespace weir {

class event;

namespace detail {
struct offload_job {
    virtual ~offload_job() = default;
    virtual void work() = 0;
    loop* owner = nullptr;
    waiter* waiting = nullptr;   // only on the owner's loop
    bool settled = false;        // only on the owner's loop
    std::exception_ptr failure;  // written before `settled`, read after
    std::mutex mutex;            // whoever holds it finds the owner alive while not orphaned
    std::atomic<bool> orphaned = false;
    std::chrono::steady_clock::time_point queued, begun;
    std::uint64_t key = 0;
    bool brief = true;
};
}  // namespace detail

struct offload_options {
    nanoseconds patience = nanoseconds::max();  // the longest wait in the queue
    /// Set: brief jobs are done with processor time that nobody else wants, while there is some.
    std::optional<spare_time_policy> idle = {};
};

class offload_pool {
public:
    offload_pool(std::string name, unsigned threads, std::size_t max_queued, offload_options more = {});
    offload_pool(const offload_pool&) = delete;
    offload_pool& operator=(const offload_pool&) = delete;
    ~offload_pool();

    template <class F>
    class awaiter;
    template <class F>
    awaiter<F> run(loop& owner, F work, std::uint64_t key = 0, bool brief = true) {
        return awaiter<F>{*this, owner, std::move(work), key, brief};
    }

    /// The place of a pool's threads, for those jobs that this loop hands in: until it is destroyed, which is before the
    /// pool.
    task<void> work_on(loop& time);

    /// A snapshot, from any thread.
    struct counts {
        std::size_t queued = 0, busy = 0, threads = 0;
        std::uint64_t done = 0, refused = 0, skipped = 0;
        std::uint64_t expired = 0;  // refused after a wait that was too long
        nanoseconds waited{};       // in the queue, all jobs together
        nanoseconds longest_wait{};
        nanoseconds worked{};      // on all jobs together
        std::uint64_t spared = 0;  // of the jobs done: by idle threads
    };
    counts statistics() const;
    const std::string& name() const noexcept { return name_; }

private:
    using job_ptr = std::shared_ptr<detail::offload_job>;
    bool submit(const job_ptr& job);
    static void settle(job_ptr job);
    struct idle_half;
    void thread_main(unsigned number);
    bool do_next(std::unique_lock<std::mutex>& lock, idle_half* idle);
    void end(job_ptr job, bool spared, std::unique_lock<std::mutex>& lock);

    std::string name_;
    std::size_t max_queued_;
    offload_options options_;
    mutable std::mutex mutex_;
    std::condition_variable work_to_do_;
    event* work_on_loop_ = nullptr;  // while a loop works, and only used on it
    fair_queue<job_ptr> queue_;
    counts counts_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

template <class F>
class [[nodiscard]] offload_pool::awaiter {
    using result = std::invoke_result_t<F&>;
    static_assert(!std::is_void_v<result>, "return what the caller needs to know, an error for instance");

public:
    awaiter(offload_pool& pool, loop& owner, F work, std::uint64_t key, bool brief)
        : pool_{&pool}, job_{std::make_shared<job>(std::move(work))} {
        job_->owner = &owner;
        job_->key = key;
        job_->brief = brief;
    }
    awaiter(awaiter&&) noexcept = default;
    ~awaiter() {
        if (!job_) return;
        job_->waiting = nullptr;
        const std::lock_guard lock{job_->mutex};
        job_->orphaned.store(true, std::memory_order_relaxed);
    }
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> parent) {
        waiter_.handle = parent;
        job_->waiting = &waiter_;
        if (pool_->submit(job_)) return true;
        job_->settled = true;
        return false;
    }
    /// nullopt: the queue was full, the wait too long, or the pool ended before the work began.
    std::optional<result> await_resume() {
        if (job_->failure) std::rethrow_exception(job_->failure);
        return std::move(job_->value);
    }
    bool settled() const noexcept { return job_->settled; }

private:
    struct job final : detail::offload_job {
        explicit job(F&& f) : run{std::move(f)} {}
        void work() override {
            try {
                value.emplace(run());
            } catch (...) { failure = std::current_exception(); }
        }
        F run;
        std::optional<result> value;
    };
    offload_pool* pool_;
    std::shared_ptr<job> job_;
    waiter waiter_;
};

}  // namespace weir
