#pragma once
/// Hierarchical timing wheel: six levels of 64 slots, one tick a millisecond, so that arming and disarming cost a few
/// nanoseconds whatever the number of timers (a proxy arms several per request and nearly always disarms them).
/// Source: Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987.
///
///     wheel.add(t, wheel.now() + 30'000);
///     wheel.advance(now_ms, [](waiter& due) { ... });     // every waiter due at or before now_ms, in slot order
///     t.unlink();                                         // disarm; the wheel need not know
///
/// One round of the wheel takes 2^36 ms (about two years); what is due later goes round again. Not thread-safe.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>

#include "lib/async/waiter.hpp"

namespace weir {

class timer_wheel {
public:
    explicit timer_wheel(std::uint64_t now_ms = 0) noexcept : now_{now_ms} {}

    std::uint64_t now() const noexcept { return now_; }

    /// `due_ms` at or before now() is due at the next advance().
    void add(timed_waiter& t, std::uint64_t due_ms) noexcept {
        t.due_ms = std::max(due_ms, now_ + 1);
        place(t);
    }

    /// A time at or before the earliest deadline (exact within 64 ms, else the start of a coarser slot), or nothing.
    /// Slots whose timers were all disarmed may still be named once; they are forgotten when reached.
    std::optional<std::uint64_t> next() const noexcept {
        std::optional<std::uint64_t> earliest;
        for (unsigned level = 0; level < levels; ++level) {
            const auto busy = busy_[level];
            if (!busy) continue;
            const unsigned shift = level * bits;
            const auto position = (now_ >> shift) & mask;
            const auto ahead =
                std::rotr(busy, static_cast<int>((position + 1) & mask));  // bit 0: the slot after this one
            const auto ticks = static_cast<std::uint64_t>(std::countr_zero(ahead)) + 1;
            const auto when = ((now_ >> shift) + ticks) << shift;
            if (!earliest || when < *earliest) earliest = when;
        }
        return earliest;
    }

    /// True if nothing is armed. Looks through the slots in use: for tests, not for the hot path.
    bool empty() const noexcept {
        for (unsigned level = 0; level < levels; ++level) {
            for (auto busy = busy_[level]; busy; busy &= busy - 1) {
                if (!slots_[level][static_cast<std::size_t>(std::countr_zero(busy))].empty()) return false;
            }
        }
        return true;
    }

    /// Moves to `now_ms`, stopping at every deadline on the way; `due` must not arm or disarm timers.
    template <class F>
    void advance(std::uint64_t now_ms, F&& due) {
        while (now_ < now_ms) {
            const auto stop = next();
            if (!stop || *stop > now_ms) {
                now_ = now_ms;
                return;
            }
            now_ = *stop;
            for (unsigned level = levels; level-- > 1;) {
                if ((now_ & ((std::uint64_t{1} << (level * bits)) - 1)) == 0) cascade(level, due);
            }
            auto& slot = slots_[0][now_ & mask];
            busy_[0] &= ~(std::uint64_t{1} << (now_ & mask));
            while (!slot.empty()) due(static_cast<timed_waiter&>(slot.pop_front()));
        }
    }

private:
    static constexpr unsigned bits = 6, levels = 6;
    static constexpr std::uint64_t slots = 1u << bits, mask = slots - 1;
    static constexpr std::uint64_t reach =
        (std::uint64_t{1} << (bits * levels)) - (std::uint64_t{1} << (bits * (levels - 1)));

    void place(timed_waiter& t) noexcept {
        const auto distance = std::min(t.due_ms - now_, reach);
        const unsigned level = distance < slots ? 0 : (static_cast<unsigned>(std::bit_width(distance)) - 1) / bits;
        const auto slot = ((now_ + distance) >> (level * bits)) & mask;
        slots_[level][slot].push_back(t);
        busy_[level] |= std::uint64_t{1} << slot;
    }

    template <class F>
    void cascade(unsigned level, F& due) {
        const auto slot = (now_ >> (level * bits)) & mask;
        if (!(busy_[level] >> slot & 1)) return;
        busy_[level] &= ~(std::uint64_t{1} << slot);
        list<waiter> moving;
        moving.take_all(slots_[level][slot]);
        while (!moving.empty()) {
            auto& t = static_cast<timed_waiter&>(moving.pop_front());
            if (t.due_ms <= now_) due(t);
            else place(t);
        }
    }

    std::uint64_t now_;
    std::array<std::uint64_t, levels> busy_{};
    std::array<std::array<list<waiter>, slots>, levels> slots_;
};

}  // namespace weir
