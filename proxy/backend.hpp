#pragma once
/// A backend as the whole process shares it: who may send a request to which of its servers, and when.
///
///     auto entered = co_await timeout_at(time, until, web.enter(wanted));     // a place on a server, or why there is none
///     if (entered && *entered) {
///         auto place = std::move(**entered);
///         ... a try on place.at() ...
///         place.report(outcome::good, first_byte);         // at the head of the response
///     }                                                    // leaves when `place` dies: the next in the queue is let in
///
/// One object per backend and process, used by all workers from their own threads. One mutex guards all that must agree
/// exactly: what is in flight, limits, queue, breakers, ejections, budget, latencies. It is held for less than a microsecond,
/// twice per try, and never across a suspension; that is cheaper to reason about, and on the machines measured no slower, than a
/// lock-free path for each fact. A waiter whose place was granted by another worker is woken on its own loop.
///
/// Order of a decision: route limit, backend limit, then a server that health, ejection and breaker allow and that has room.
/// None allowed at all: refused at once, with the reason. None has room: into the queue, whose discipline is
/// admission_queue's. `now` is the caller's loop time; it never runs backwards here, whatever two loops think.
#include <array>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "conf/config.hpp"
#include "lib/async/loop.hpp"
#include "lib/resilience/admission_queue.hpp"
#include "lib/resilience/balancer.hpp"
#include "lib/resilience/deadline_guard.hpp"
#include "lib/resilience/group_guard.hpp"
#include "lib/resilience/hedge_trigger.hpp"
#include "lib/resilience/maglev.hpp"
#include "lib/resilience/outlier_detector.hpp"
#include "lib/resilience/random.hpp"
#include "lib/resilience/retry_budget.hpp"
#include "lib/resilience/rolling_quantile.hpp"
#include "lib/telemetry/histogram.hpp"
#include "lib/telemetry/journal.hpp"
#include "lib/telemetry/reason.hpp"
#include "proxy/route.hpp"
#include "proxy/server.hpp"
#include "proxy/tried_servers.hpp"

namespace weir {

class backend;

/// What a try asks of its backend. It and what it points at must outlive the wait.
struct wanted_place {
    explicit wanted_place(loop& asker) : home{asker} {}
    loop& home;  // of the asker; woken there
    const tried_servers* tried = nullptr;
    route_state* route = nullptr;  // whose limit counts too; null: none
    try_kind kind = try_kind::first;
    priority_class cls = priority_class::normal;
    std::uint64_t fair_key = 0;           // who asks, for taking turns in the queue
    std::optional<std::uint64_t> hash;    // for `balance hash`
    std::optional<std::size_t> stick_to;  // a server that this client had before
    bool measured = true;                 // its times say something about the server: not a tunnel, not a long poll
    bool may_wait = true;
    bool is_new = true;                       // nothing was asked for this request before: it is counted, once
    bool may_probe = false;                   // it can be repeated elsewhere if this server is not well yet
    time_point deadline = time_point::max();  // nobody waits for the answer after this
};

/// The right to have one try in flight on one server. Leaves when it dies.
class place {
public:
    place() = default;
    place(place&& other) noexcept : of_{other.of_} { other.of_.group = nullptr; }
    place& operator=(place&& other) noexcept {
        if (this == &other) return *this;
        if (of_.group) leave();
        of_ = other.of_;
        other.of_.group = nullptr;
        return *this;
    }
    ~place() {
        if (of_.group) leave();
    }

    explicit operator bool() const noexcept { return of_.group != nullptr; }
    server& at() const noexcept { return *of_.at; }
    std::size_t index() const noexcept { return of_.index; }

    /// How the try went; the first call counts. `took`: from the dispatch to the response's head, or to the failure.
    /// Tells the backend when the place is left, or at once with tell_now().
    void report(outcome how, nanoseconds took, reason why = reason::none) noexcept;
    /// A server asked for a pause (Retry-After).
    void pause_asked(std::chrono::seconds pause) noexcept { of_.pause = pause; }
    /// It answered with a status from 500 up: nothing for the breaker, but the outlier detection compares servers by it.
    void server_failed() noexcept { of_.server_error = true; }
    /// The head is here, the rest will take its time: an adaptive limit counts us no longer, and the verdict is known now.
    void tell_now();
    void leave() noexcept;

private:
    friend class backend;
    struct {
        backend* group = nullptr;
        server* at = nullptr;
        std::size_t index = 0;
        loop* home = nullptr;
        route_state* route = nullptr;
        circuit_breaker::ticket ticket{}, route_ticket{};
        std::uint64_t epoch = 0;  // of the adaptive limit
        nanoseconds took{};
        std::chrono::seconds pause{};
        bool measured = false;
        bool counted = false;  // by the adaptive limit, still
        bool told = false;
        bool reported = false;
        bool server_error = false;
        outcome how = outcome::ignored;
        reason why = reason::none;
    } of_;
};

/// What an operator sees of a backend; a copy as of one moment.
struct breaker_status {
    std::string breaker, breaker_cause;
    std::uint64_t breaker_generation = 0, breaker_opened_total = 0, probes_total = 0, results_ignored = 0;
    std::array<std::uint64_t, breaker_causes> breaker_changes{};
    nanoseconds in_state{};
    nanoseconds open_for{};  // what is left of its open interval
};
struct server_status : breaker_status {
    std::string name;
    std::string verdict;  // up, down, ejected, or the breaker's state
    std::uint64_t ejections_total = 0;
    nanoseconds ejected_for{};
    unsigned in_flight = 0, weight = 0;
    double share = 1;  // of its weight: slow start and slowness
    std::optional<unsigned> limit;
    std::string limit_state, limit_verdict;
    std::uint64_t limit_experiments = 0;
    nanoseconds base{};     // the response time without a queue, as the limit has learned it
    nanoseconds median{};   // of the limit's last window
    nanoseconds latency{};  // peak EWMA
    bool healthy = true, backup = false;
    std::size_t connections_idle = 0;  // filled by who knows the workers
    std::array<std::uint64_t, try_kind_count> tries{};
    std::array<std::uint64_t, outcome_count> outcomes{};
    latency_counts first_byte;
};
/// Of a route that has a limit or breakers of its own.
struct route_status {
    struct at_server : breaker_status {
        std::string server;
    };
    std::string name;  // as in "/api@12:5": its prefix, and where in the configuration it stands
    unsigned in_flight = 0;
    std::optional<unsigned> limit;
    std::vector<at_server> breakers;
};
struct backend_status {
    std::string name;
    std::vector<server_status> servers;
    std::vector<route_status> routes;
    unsigned in_flight = 0, usable = 0;
    std::optional<unsigned> limit;
    bool panic = false;
    std::array<std::size_t, priority_classes> queued{};
    std::array<bool, priority_classes> late{};
    unsigned queue_places = 0;
    nanoseconds patience{};
    double budget_tokens = 0;
    std::uint64_t budget_refused_total = 0, requests_total = 0;
    std::array<std::uint64_t, reason_count> refused_total{};
    latency_counts queue_wait;
    struct {
        nanoseconds p50{}, p95{}, p99{};  // zero: none
    } recent;                             // to the response's head, of the last ten seconds
};

class backend {
public:
    /// `events`: where its decisions are noted; must outlive it.
    backend(const conf::backend& settings, std::uint64_t seed, journal& events);
    backend(const backend&) = delete;

    const conf::backend& settings() const noexcept { return settings_; }
    const std::string& name() const noexcept { return settings_.name; }
    std::deque<server>& servers() noexcept { return servers_; }

    class entering;
    /// Awaits a place: std::expected<place, reason>. Cancelling while it waits leaves the queue; a place that was granted and not
    /// yet collected is given back. Limit the wait by patience(): expiry is then the caller's to report by gave_up().
    entering enter(const wanted_place& what) noexcept;
    /// The same without waiting, refusals by a full queue included; nothing: it would have to wait, and may.
    std::optional<std::expected<place, reason>> enter_now(const wanted_place& what);
    /// How long a try may wait in the queue at present.
    nanoseconds patience() const noexcept { return nanoseconds{patience_ns_.load(std::memory_order_relaxed)}; }

    // ---- retries and hedges ----
    /// Pays for a further try. `calm`: weir is not short of anything itself.
    bool pay_for(try_kind kind, route_state* way, time_point now, bool calm);
    /// When a second try should be sent beside the first; nothing: not at all, now.
    std::optional<nanoseconds> hedge_after(route_state& way, time_point now);
    /// The usual time to a response's head; zero while unknown.
    nanoseconds usual_time() const noexcept { return nanoseconds{usual_ns_.load(std::memory_order_relaxed)}; }
    /// 95 % of the responses' heads are there within this; zero while unknown.
    nanoseconds late_time() const noexcept { return nanoseconds{late_ns_.load(std::memory_order_relaxed)}; }

    // ---- from outside the request path ----
    /// Before the first request.
    void prepare(route_state& way);
    void refused(reason why) noexcept {
        refused_[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed);
    }
    /// True if the server went up or down by it.
    bool check_result(std::size_t server, bool passed, time_point now);
    /// Every 100 ms or so, from one thread: sweeps, queue, policy.
    void tick(loop& here);
    /// Sends away who has waited for too long; when that should be done again at the latest. Whoever comes or leaves does it
    /// too, so it matters where servers have stopped to answer.
    time_point expire(loop& here);
    /// The server a client's cookie names.
    std::optional<std::size_t> server_of(std::uint64_t sticky) const noexcept;
    std::uint64_t sticky_of(std::size_t server) const noexcept { return sticky_[server]; }
    bool order(std::size_t server, breaker_order what, time_point now);
    backend_status status(time_point now);

private:
    friend class place;
    enum class decision : std::uint8_t { granted, wait, never };
    struct arrival;
    struct waiting_line {
        loop* home;
        list<queue_entry> woken;
    };

    time_point advance(time_point now) noexcept { return now_ = std::max(now_, now); }
    bool begin(const wanted_place& what, time_point now);
    decision ask(const wanted_place& what, time_point now, place& given, reason& why);
    decision decide(const wanted_place& what, time_point now, place& given, reason& why);
    std::optional<std::size_t> pick(const wanted_place& what, time_point now, bool& any_allowed);
    std::optional<std::size_t> probe_due(const wanted_place& what, time_point now) const noexcept;
    bool allowed(std::size_t i, time_point now);
    bool has_room(std::size_t i, bool measured) const noexcept;
    void grant(const wanted_place& what, std::size_t i, time_point now, place& given);
    void dispatch(loop& here, time_point now);
    void refuse(arrival& who, refusal why, loop& here);
    void wake(arrival& who, loop& here);
    void deliver(loop& home);
    void tell(place& p, time_point now);
    void left(place& p) noexcept;
    hedge_trigger& hedges_of(route_state* way) noexcept;
    void judge(time_point now);
    void adapt(time_point now);
    nanoseconds quickest_base() const noexcept;

    void note(journal_kind kind, std::size_t server, std::string from, std::string to, std::string why);
    void note_breaker(std::size_t server, time_point now);
    void note_route_breaker(const place& p, circuit_breaker::state before, time_point now);
    void note_panic();
    void note_outlier(const outlier_detector::decision& what, time_point now);
    void note_limit(std::size_t server);

    const conf::backend& settings_;
    journal& events_;
    std::deque<server> servers_;  // a deque, since servers are referred to and never move
    std::vector<std::uint64_t> sticky_;
    std::atomic<std::int64_t> patience_ns_, usual_ns_{0}, late_ns_{0};
    std::array<std::atomic<std::uint64_t>, reason_count> refused_{};  // by the thousand: without the lock

    std::mutex mutex_;
    time_point now_{};
    random_source chance_;
    balancer balancer_;
    std::optional<maglev> ring_;
    group_guard guard_;
    std::vector<server_condition> conditions_;
    std::vector<use> uses_;
    group_view view_;
    bool noted_panic_ = false;  // as it stands in the journal
    admission_queue queue_;
    retry_budget budget_;
    hedge_trigger hedges_;
    deadline_guard in_time_;
    rolling_quantile times_;
    outlier_detector outliers_;
    std::vector<std::unique_ptr<waiting_line>> lines_;
    std::vector<const route_state*> own_rules_;  // routes with a limit or breakers of their own
    unsigned in_flight_ = 0;
    time_point next_sweep_{};
    unsigned places_ = 0;
    std::uint64_t requests_total_ = 0, budget_refused_ = 0;
    latency_histogram queue_wait_;
};

struct backend::arrival : queue_entry {
    enum class state : std::uint8_t { fresh, queued, granted, refused, done };
    explicit arrival(const wanted_place& what) noexcept : wanted{what} {
        cls = what.cls;
        client_key = what.fair_key;
        deadline = what.deadline;
    }
    const wanted_place& wanted;
    waiter wake;              // linked only on its own loop
    state at = state::fresh;  // under the lock
    bool delivered = false;   // on its own loop
    place given;
    reason why = reason::none;
};

class [[nodiscard]] backend::entering {
public:
    entering(backend& of, const wanted_place& what) noexcept : backend_{&of}, arrival_{what} {}
    entering(entering&& other) noexcept : backend_{other.backend_}, arrival_{other.arrival_.wanted} {}
    ~entering();
    bool await_ready();
    bool await_suspend(std::coroutine_handle<> parent);
    std::expected<place, reason> await_resume();
    bool settled() const noexcept { return arrival_.delivered; }

private:
    backend* backend_;
    arrival arrival_;
};

inline backend::entering backend::enter(const wanted_place& what) noexcept { return {*this, what}; }

}  // namespace weir
