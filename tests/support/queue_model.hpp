#pragma once
/// A backend behind an adaptive limit, as a discrete-event model: for asking what the limit makes of a load.
///
///     queue_model world{{.slots = 16, .service = {.spread = service_time::log_normal, .mean_ms = 10}}, seed};
///     world.load = 3'200;                              // requests a second, may change between runs
///     world.run_for(10s);
///     world.told().good                                // answered within the client's deadline
///
/// Open loop: clients arrive by a Poisson process whatever the answers are, and leave after `deadline`; then the permit
/// is free, but the backend does the work all the same. The backend serves `slots` requests at once, the others wait
/// first come first served; or, when `sharing`, all of them share the `slots` processors. `delay` is added to each
/// answer without holding a slot: a slow dependency. Who finds no permit is refused, or waits in a queue oldest first:
/// `patience` while the queue has been empty lately, else `strict` (both 0: no queue). Virtual time, one seed, no I/O.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <numbers>
#include <queue>
#include <utility>
#include <vector>

#include "lib/resilience/adaptive_limit.hpp"

namespace weir {

struct service_time {
    enum { fixed, exponential, log_normal } spread = log_normal;
    double mean_ms = 10;
    double variation = 1;  // of the log-normal: standard deviation / mean

    double draw_ms(random_source& chance) const {
        const double u = 1 - chance.unit();
        switch (spread) {
        case fixed: return mean_ms;
        case exponential: return -mean_ms * std::log(u);
        case log_normal: break;
        }
        const double variance = std::log(1 + variation * variation);
        const double normal = std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * chance.unit());
        return mean_ms * std::exp(std::sqrt(variance) * normal - variance / 2);
    }
};

struct model_backend {
    unsigned slots = 16;
    service_time service{};
    bool sharing = false;
    nanoseconds delay{0};

    double capacity() const { return slots * 1e3 / service.mean_ms; }  // a second
};

struct model_counts {
    std::uint64_t offered = 0, good = 0, refused = 0, late = 0;
    std::vector<float> answered_ms;  // of the good

    double quantile_ms(double q) {
        if (answered_ms.empty()) return 0;
        const auto nth = answered_ms.begin() + static_cast<std::ptrdiff_t>(q * (answered_ms.size() - 1));
        std::ranges::nth_element(answered_ms, nth);
        return *nth;
    }
    double shed_share() const { return offered ? static_cast<double>(refused) / static_cast<double>(offered) : 0; }
};

class queue_model {
public:
    explicit queue_model(const model_backend& b, std::uint64_t seed, const adaptive_limit_policy& policy = {})
        : server{b}, limit{policy}, chance_{seed} {}

    model_backend server;
    adaptive_limit limit;
    double load = 0;  // requests a second
    nanoseconds deadline = 1s, patience{0}, strict{0};

    void run_for(nanoseconds time) {
        const auto end = now_ + time;
        next_arrival_ = load > 0 ? now_ + gap() : time_point::max();
        while (true) {
            const auto next = std::min(next_arrival_, next_event());
            if (next > end) break;
            advance_to(next);
            if (next == next_arrival_) {
                arrive();
                next_arrival_ = now_ + gap();
            } else {
                happen();
            }
        }
        advance_to(end);
    }

    /// What happened since the last call.
    model_counts told() { return std::exchange(counts_, {}); }
    time_point now() const { return now_; }
    unsigned in_flight() const { return in_flight_; }

private:
    enum class event : std::uint8_t { slot_done, answered, gave_up };
    struct timed {
        time_point when;
        std::uint64_t order;
        event what;
        std::uint32_t who;
        bool operator>(const timed& other) const {
            return when != other.when ? when > other.when : order > other.order;
        }
    };
    struct shared_job {
        double done_at;  // of the work each has had
        std::uint32_t who;
        bool operator>(const shared_job& other) const { return done_at > other.done_at; }
    };
    struct request {
        time_point arrived, sent;
        std::uint64_t epoch = 0;
        bool waiting = false, dead = false,
             done = false;  // dead: the client left. done: the backend is through with it
    };

    nanoseconds gap() { return nanoseconds{std::llround(-1e9 / load * std::log(1 - chance_.unit())) + 1}; }

    void at(time_point when, event what, std::uint32_t who) { events_.push({when, order_++, what, who}); }

    time_point shared_next() const {
        if (shared_.empty()) return time_point::max();
        const double left_ms = std::max(0.0, shared_.top().done_at - work_) / pace();
        return now_ + nanoseconds{std::llround(std::ceil(left_ms * 1e6))};
    }
    double pace() const { return std::min(1.0, double(server.slots) / static_cast<double>(shared_.size())); }

    time_point next_event() const {
        return std::min(events_.empty() ? time_point::max() : events_.top().when, shared_next());
    }

    void advance_to(time_point when) {
        if (!shared_.empty()) work_ += pace() * std::chrono::duration<double, std::milli>(when - now_).count();
        now_ = when;
    }

    void happen() {
        if (shared_next() <= now_) {
            const auto who = shared_.top().who;
            shared_.pop();
            served(who);
            return;
        }
        const auto e = events_.top();
        events_.pop();
        switch (e.what) {
        case event::slot_done:
            --busy_;
            served(e.who);
            start_service();
            break;
        case event::answered: answered(e.who); break;
        case event::gave_up: gave_up(e.who); break;
        }
    }

    void arrive() {
        ++counts_.offered;
        if (in_flight_ >= limit.limit() && patience == patience.zero()) {
            ++counts_.refused;
            return;
        }
        std::uint32_t who = static_cast<std::uint32_t>(requests_.size());
        if (free_.empty()) {
            requests_.emplace_back();
        } else {
            who = free_.back();
            free_.pop_back();
        }
        requests_[who] = {.arrived = now_, .sent = now_};
        if (in_flight_ < limit.limit() && queue_.empty()) {
            send(who);
        } else {
            if (queue_.empty()) empty_until_ = now_;
            requests_[who].waiting = true;
            queue_.push_back(who);
            release_waiting();
        }
        at(now_ + deadline, event::gave_up, who);
    }

    void send(std::uint32_t who) {
        auto& r = requests_[who];
        r.sent = now_;
        r.epoch = limit.started(now_, ++in_flight_);
        backlog_.push_back(who);
        start_service();
    }

    void start_service() {
        while (!backlog_.empty() && (server.sharing || busy_ < server.slots)) {
            const auto who = backlog_.front();
            backlog_.pop_front();
            const double work = server.service.draw_ms(chance_);
            if (server.sharing) {
                shared_.push({work_ + work, who});
            } else {
                ++busy_;
                at(now_ + nanoseconds{std::llround(work * 1e6)}, event::slot_done, who);
            }
        }
    }

    void served(std::uint32_t who) {
        if (server.delay > server.delay.zero()) at(now_ + server.delay, event::answered, who);
        else answered(who);
    }

    void answered(std::uint32_t who) {
        auto& r = requests_[who];
        r.done = true;
        if (r.dead) return free_.push_back(who);
        ++counts_.good;
        counts_.answered_ms.push_back(std::chrono::duration<float, std::milli>(now_ - r.arrived).count());
        leave(r, adaptive_limit::evidence::answered);
    }

    void gave_up(std::uint32_t who) {
        auto& r = requests_[who];
        if (r.done) return free_.push_back(who);
        r.dead = true;
        ++counts_.late;
        if (r.waiting) r.done = true;
        else leave(r, adaptive_limit::evidence::at_least);
    }

    void leave(request& r, adaptive_limit::evidence what) {
        limit.finished(r.epoch, now_ - r.sent, what, --in_flight_, now_, chance_);
        release_waiting();
    }

    void release_waiting() {
        while (!queue_.empty()) {
            const auto who = queue_.front();
            auto& r = requests_[who];
            const bool late = now_ - empty_until_ > patience;
            if (!r.dead && now_ - r.arrived > (late ? strict : patience)) {
                ++counts_.refused;
                r.done = true;  // freed when its deadline comes
                r.waiting = false;
            } else if (!r.dead) {
                if (in_flight_ >= limit.limit()) return;
                r.waiting = false;
                queue_.pop_front();
                send(who);
                continue;
            }
            if (r.dead) free_.push_back(who);
            queue_.pop_front();
        }
        empty_until_ = now_;
    }

    random_source chance_;
    time_point now_{1h}, next_arrival_ = time_point::max(), empty_until_{};
    std::priority_queue<timed, std::vector<timed>, std::greater<>> events_;
    std::priority_queue<shared_job, std::vector<shared_job>, std::greater<>> shared_;
    std::vector<request> requests_;
    std::vector<std::uint32_t> free_;
    std::deque<std::uint32_t> backlog_, queue_;
    std::uint64_t order_ = 0;
    double work_ = 0;  // how much each of the sharing has had since the start, ms
    unsigned in_flight_ = 0, busy_ = 0;
    model_counts counts_;
};

}  // namespace weir
