#pragma once
/// What a suspended coroutine leaves behind: the way back to it, linked into whatever it waits for.
///
/// A waiter is in one list at a time: the queue of a semaphore, a slot of the timer wheel, or the loop's ready list.
/// Waking moves it to the ready list; only the loop resumes. Destroying it (because its coroutine is destroyed)
/// unlinks it from wherever it is, so a cancelled coroutine is never resumed.
#include <coroutine>
#include <cstdint>

#include "lib/async/list.hpp"

namespace weir {

struct waiter : list_node {
    std::coroutine_handle<> handle;
};

struct timed_waiter : waiter {
    std::uint64_t due_ms = 0;
};

}  // namespace weir
