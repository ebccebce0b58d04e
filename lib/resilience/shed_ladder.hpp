#pragma once
/// What weir gives up as pressure grows, the least first.
///
///     ladder.update(strain.value(), strain.parts().memory, now);        // each 50 ms
///     if (ladder.refuse(cls, client_key, now)) return refuse_with(reason::overloaded);
///
///     pressure  step
///     > 0       (of memory)        replay_allowed() no longer: request bodies are not kept for another try
///     0.20      no_hedges          hedges_allowed()
///     0.30      close_idle         idle_timeout_scale() falls from 1 to 0.1, close_idle()
///     0.40      no_retry_reserve   retry_reserve_off()
///     0.50      refuse_sheddable   refuse() says so of every sheddable request; small_buffers()
///     0.70      refuse_normal      ... of a share of the normal ones
///     0.85      refuse_unparsed    refuse_before_parsing(): the same fixed answer to all; refuse() says so of all
///     0.95      pause_accept       pause_accept(); reset_largest_buffers() if memory is what is short
///
/// The share of the normal requests is set by a proportional-integral controller that holds pressure at 0.70, after
/// Uber's Cinnamon: so there is a share that fits rather than all or nothing. It remembers the share for a while when
/// pressure falls, and lets go within seconds below 0.50; as long as there is one, sheddable requests are refused too.
/// A client is in or out for a minute at a time (by hash of key and minute, each client's minute starting at a moment of
/// its own): half of the users served well instead of all served half.
///
/// Pure; belongs to one thread.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/resilience/admission_queue.hpp"

namespace weir {

enum class shed_step : std::uint8_t {
    no_hedges,
    close_idle,
    no_retry_reserve,
    refuse_sheddable,
    refuse_normal,
    refuse_unparsed,
    pause_accept,
};
inline constexpr std::size_t shed_steps = 7;

/// The step's own name, for a metric's label.
std::string_view word(shed_step step) noexcept;

class shed_ladder {
public:
    void update(double pressure, double memory_pressure, time_point now) noexcept;

    /// The step is taken.
    bool on(shed_step step) const noexcept { return pressure_ >= threshold(step); }
    /// The last that is taken; all before it are, too.
    std::optional<shed_step> highest() const noexcept;
    /// How often the step was taken anew.
    std::uint64_t taken(shed_step step) const noexcept { return taken_[static_cast<std::size_t>(step)]; }
    /// How many refuse() refused.
    std::uint64_t refused(priority_class cls) const noexcept { return refused_[static_cast<std::size_t>(cls)]; }
    double refused_share() const noexcept { return share_; }  // of the normal class

    bool hedges_allowed() const noexcept { return !on(shed_step::no_hedges); }
    /// Bodies may be kept for another try; not while memory is short in the least.
    bool replay_allowed() const noexcept { return memory_ <= 0; }
    /// Read ahead no more than must be.
    bool small_buffers() const noexcept { return on(shed_step::refuse_sheddable); }
    double idle_timeout_scale() const noexcept;
    bool close_idle() const noexcept { return on(shed_step::close_idle); }
    bool retry_reserve_off() const noexcept { return on(shed_step::no_retry_reserve); }
    /// There are requests that refuse() refuses: worth finding out whose this one is.
    bool refuses_some() const noexcept { return share_ > 0 || on(shed_step::refuse_sheddable); }
    /// `cohort_key`: a hash of the client.
    bool refuse(priority_class cls, std::uint64_t cohort_key, time_point now) noexcept;
    bool refuse_before_parsing() const noexcept { return on(shed_step::refuse_unparsed); }
    bool pause_accept() const noexcept { return on(shed_step::pause_accept); }
    /// Give up the connections that hold the most, for memory is about to run out.
    bool reset_largest_buffers() const noexcept;

private:
    static constexpr std::array<double, shed_steps> thresholds{0.20, 0.30, 0.40, 0.50, 0.70, 0.85, 0.95};
    static constexpr double threshold(shed_step step) { return thresholds[static_cast<std::size_t>(step)]; }
    static constexpr double held_at = thresholds[static_cast<std::size_t>(shed_step::refuse_normal)];
    bool refuses(priority_class cls, std::uint64_t cohort_key, time_point now) const noexcept;

    double pressure_ = 0;
    double memory_ = 0;
    double share_ = 0;
    double integral_ = 0;
    std::optional<time_point> last_;
    std::array<std::uint64_t, shed_steps> taken_{};
    std::array<std::uint64_t, priority_classes> refused_{};
};

}  // namespace weir
