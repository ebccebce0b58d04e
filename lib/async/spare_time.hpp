#pragma once
/// Spare time: tells whether there is processor time left for a thread that only gets what nobody else wants.
///
///     spare_time judge;
///     if (judge.left()) judge.idle_had(2ms, 900us);    // an idle thread did it: of 2 ms with something to do it ran for 0.9
///     else judge.nice_had(2ms, 300us);                 // one of low priority did
///
/// The idle thread itself shows whether it gets too little: less than a tenth of the time in which it had something to
/// do. Whether there is some again shows one that is not idle but nice: where all processors are wanted by others, that one
/// gets its share by weight (nice 10 beside one other thread: a tenth) and no more; from a fifth on there is time to spare.
/// So nobody's work has to try it out. Judged by windows of so much time with something to do; at first none is left. Who is
/// not asked at present may tell all the same, and is not heard.
///
/// Pure. Belongs to one thread.
#include <chrono>

namespace weir {

struct spare_time_policy {
    std::chrono::nanoseconds idle_window = std::chrono::milliseconds{100};
    std::chrono::nanoseconds nice_window = std::chrono::milliseconds{50};
    int too_little = 10;  // one part of so many
    int enough = 5;
};

class spare_time {
public:
    using nanoseconds = std::chrono::nanoseconds;
    explicit spare_time(const spare_time_policy& policy = {}) noexcept : policy_{policy} {}

    bool left() const noexcept { return left_; }
    void idle_had(nanoseconds wanted, nanoseconds ran) noexcept {
        if (left_) had(wanted, ran, policy_.idle_window, policy_.too_little);
    }
    void nice_had(nanoseconds wanted, nanoseconds ran) noexcept {
        if (!left_) had(wanted, ran, policy_.nice_window, policy_.enough);
    }

private:
    void had(nanoseconds wanted, nanoseconds ran, nanoseconds window, int parts) noexcept {
        wanted_ += wanted;
        ran_ += ran;
        if (wanted_ < window) return;
        left_ = ran_ * parts >= wanted_;
        wanted_ = ran_ = {};
    }
    spare_time_policy policy_;
    nanoseconds wanted_{}, ran_{};
    bool left_ = false;
};

}  // namespace weir
