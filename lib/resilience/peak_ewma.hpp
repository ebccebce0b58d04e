#pragma once
/// What a try on one server may be expected to take: an average that believes bad news at once and good news slowly.
///
///     peak_ewma latency;                               // of one server, for the whole process
///     latency.started(now);                            // a try was sent
///     latency.answered(took, now);                     // its response head is here; or, in its place:
///     latency.failed(elapsed, usual_p99, now);
///     latency.cancelled(elapsed, now);
///     chosen.latency = latency.value(now);             // 0: unknown
///
/// The peak EWMA of Finagle (finagle-core, loadbalancer/PeakEwma.scala) and of tower (src/load/peak_ewma.rs): a
/// longer time replaces the average, a shorter one moves it by how long the last one is ago, with a time constant of
/// ten seconds; between answers it sinks towards 0, so that a server which lost its traffic is tried again.
///
/// What they lack: a server that fails at once must not look fast. A failure counts as the longest of the time it
/// took, twice the usual p99 and one second. And a server that takes requests and answers none counts with the time
/// it has been silent: since its last answer, or since it was idle. That is the age of its oldest try when it answers
/// none, and near 0 when one slow answer is overtaken by many others; so one slow request does not condemn its
/// server.
///
/// There is no start value. An assumed latency gives a new server everything where the others are slower, and nothing
/// for a minute where they are faster; `balancer` takes an unknown one as average among those it compares it with.
///
/// O(1), 40 bytes. The arithmetic is +, *, and scaling by powers of two, equal on every machine. Times may step back
/// a little, as between the clocks of two loops. Pure; the caller locks.
#include "lib/async/loop.hpp"

namespace weir {

class peak_ewma {
public:
    static constexpr milliseconds memory{10'000};  // a time constant: what is that old weighs 1/e
    static constexpr milliseconds least_penalty{1'000};

    void started(time_point now) noexcept;
    // Each ends one started try.
    void answered(nanoseconds took, time_point now) noexcept;
    /// `usual_p99`: of the whole backend; 0 when it is not known.
    void failed(nanoseconds elapsed, nanoseconds usual_p99, time_point now) noexcept;
    /// Nobody waits any longer. It would have taken at least what it had: may raise the average, never lowers it.
    void cancelled(nanoseconds elapsed, time_point now) noexcept;

    nanoseconds value(time_point now) const noexcept;

private:
    double decayed(time_point now) const noexcept;
    void raise(nanoseconds to, time_point now) noexcept;
    void ended() noexcept;

    double average_ns_ = 0;  // as of updated_
    time_point updated_{};
    unsigned unanswered_ = 0;
    time_point silent_since_{};  // while unanswered_ > 0
};

}  // namespace weir
