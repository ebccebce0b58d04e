#pragma once
/// Who waits for a permit of a backend, and who goes next.
///
///     admission_queue waiting{{.places = 320}};
///     entry.cls = priority_class::normal;  entry.client_key = hash;  entry.since = now;  entry.deadline = request_deadline;
///     if (!waiting.push(entry, now, refuse)) answer(reason::queue_full);
///     waiting.expire(now, refuse);                             // then, for a permit that has come free:
///     if (auto* next = waiting.pop(now, has_a_server)) go(*next);
///     waiting.remove(entry);                                   // the client is gone; costs nothing to anyone
///
/// Length says little about a queue, waiting time says all. A class that was empty within the last `patience` absorbs a
/// burst: oldest first, and each may wait for `patience`. A class that was not is late, it has a standing queue that
/// only adds delay: newest first, and who has waited for `strict` is refused while there is still time to go elsewhere
/// (Maurer, "Fail at Scale", ACM Queue 2015, after CoDel, RFC 8289). Late is said of each class, so that one that asks
/// for little keeps its patience beside one in overload.
///
/// Three classes share the permits 8:3:1 (smooth weighted round robin), so each that waits gets a twelfth or more.
/// Within a class clients take turns (deficit round robin, each request costing one); when it is late, those who have just
/// come share with those who wait for another turn by their numbers (after the new and old queues of FQ-CoDel, RFC
/// 8290). So a client that asks for a hundred times its share waits behind itself. `strict` spares those who are not the
/// cause: the only one of its client, as long as there are few such, and whoever's client has at most a quarter of what
/// the fullest one has waiting (if that is eight or more).
///
/// When all places are taken, the fullest client (to within a factor of two) of the lowest class makes room that either
/// has two more waiting than the client who comes, or belongs to a lower class that has more than its share of the places.
/// It loses the one that would have gone last. So neither a client nor a class can fill the queue.
///
/// Everything is O(1): bounded by the classes and `most_looks`, and by chains of eight or so when thousands wait.
/// Allocates only when more clients wait than ever before. expire() wants to be called at next_expiry(), to the
/// millisecond, and before each pop(), which does not look at times itself.
///
/// An entry belongs to its owner, stays where it is while it waits, and must have left (by pop, refuse or remove) before
/// it dies. `refuse` may call remove(), also of others. Not thread-safe: the lock that guards the permits guards this.
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "lib/async/loop.hpp"
#include "lib/async/timer_wheel.hpp"
#include "lib/resilience/chain.hpp"

namespace weir {

enum class priority_class : std::uint8_t { critical, normal, sheddable };
inline constexpr std::size_t priority_classes = 3;

enum class refusal : std::uint8_t {
    full,           // made room for another
    expired,        // waited for too long
    cannot_finish,  // its deadline has passed
};

struct queue_policy {
    unsigned places = 64;
    milliseconds patience{100};  // also how long a class must have been waiting without a break to count as late
    milliseconds strict{5};
};

struct client_line;

/// The one who waits. A waiter, because it usually is a suspended coroutine; the queue does not touch `handle`.
struct queue_entry : timed_waiter {
    queue_entry() = default;
    queue_entry(const queue_entry&) = delete;
    queue_entry& operator=(const queue_entry&) = delete;
    ~queue_entry() { assert(!waits()); }

    bool waits() const noexcept { return line != nullptr; }

    priority_class cls = priority_class::normal;
    std::uint64_t client_key = 0;  // a hash, seeded: who knows the seed could make the chains long
    time_point since;
    time_point deadline = time_point::max();

    // The queue's own.
    client_line* line = nullptr;
    links<queue_entry> in_line, by_age;
    bool spared = false;  // from `strict`
};

/// What one client has waiting in one class.
struct client_line {
    std::uint64_t key = 0;
    priority_class cls = priority_class::normal;
    bool fresh = false;  // came when the class was late, has not been served since
    unsigned size = 0;
    chain<queue_entry, &queue_entry::in_line> entries;  // oldest first
    links<client_line> in_order, by_size, in_bucket;
};

class admission_queue {
public:
    static constexpr std::size_t most_looks = 8;

    explicit admission_queue(const queue_policy& policy) noexcept : policy_{policy} {}
    admission_queue(const admission_queue&) = delete;
    admission_queue& operator=(const admission_queue&) = delete;

    /// Any time; who waits already keeps place and patience.
    void set_policy(const queue_policy& policy) noexcept { policy_ = policy; }

    /// False if there is no room; then `entry` does not wait. Who had to make room is told by refuse(its_entry, refusal).
    template <class Refuse>
    bool push(queue_entry& entry, time_point now, Refuse&& refuse) {
        if (size_ >= policy_.places) {
            auto* out = makes_room_for(entry.cls, entry.client_key, now);
            if (!out) return false;
            remove(*out);
            refuse(*out, refusal::full);
        }
        link(entry, now);
        return true;
    }

    /// Would push() take one of that class and client now?
    bool would_take(priority_class cls, std::uint64_t client_key, time_point now) noexcept {
        return size_ < policy_.places || makes_room_for(cls, client_key, now);
    }

    /// Takes the next, or nullptr if no one waits.
    queue_entry* pop(time_point now) noexcept {
        const auto next = in_turn(now, 1);
        if (next.count == 0) return nullptr;
        serve(*next.entries[0]);
        return next.entries[0];
    }

    /// Takes the next for which `can_go(entry)` holds, of the first `most_looks`: some of every class that waits, and of
    /// different clients before the second of one.
    template <class CanGo>
    queue_entry* pop(time_point now, CanGo&& can_go) {
        const auto next = in_turn(now, most_looks);
        for (std::size_t i = 0; i < next.count; ++i) {
            auto* entry = next.entries[i];
            if (!can_go(*entry)) continue;
            serve(*entry);
            return entry;
        }
        return nullptr;
    }

    /// Does nothing to one that does not wait.
    void remove(queue_entry& entry) noexcept;

    /// Takes out who has waited too long or whose deadline has passed, and calls refuse(entry, why) for each.
    template <class Refuse>
    void expire(time_point now, Refuse&& refuse) {
        if (size_ == 0) return;
        collect_due(now);
        while (auto* entry = next_overdue(now))
            refuse(*entry, entry->deadline <= now ? refusal::cannot_finish : refusal::expired);
    }
    /// When expire() may next find someone, if nothing else happens; at the end of time if no one waits.
    time_point next_expiry() const noexcept;

    unsigned size() const noexcept { return size_; }
    unsigned size(priority_class cls) const noexcept { return of(cls).size; }
    bool late(priority_class cls, time_point now) const noexcept { return is_late(of(cls), now); }
    /// How long the one has waited that has waited longest; zero if no one waits.
    nanoseconds delay(priority_class cls, time_point now) const noexcept;

private:
    struct waiting_class {
        chain<client_line, &client_line::in_order> fresh, turns;  // the next at the front
        unsigned fresh_lines = 0, turn_lines = 0;
        int turns_owed = 0;  // what `turns` is owed by `fresh`, in turns times lines
        std::array<chain<client_line, &client_line::by_size>, 33> by_size;  // by bit width
        std::uint64_t sizes = 0;                                            // a bit for each of them in use
        chain<queue_entry, &queue_entry::by_age> subject, spared;           // to `strict`, and from it; oldest first
        unsigned size = 0, spared_size = 0;
        int credit = 0;         // smooth round robin: how much the class is owed
        time_point busy_since;  // no break since; while someone waits
    };
    struct looks {
        std::array<queue_entry*, most_looks> entries;
        std::size_t count = 0;
    };
    using bucket = chain<client_line, &client_line::in_bucket>;

    const waiting_class& of(priority_class cls) const noexcept { return classes_[static_cast<std::size_t>(cls)]; }
    waiting_class& of(priority_class cls) noexcept { return classes_[static_cast<std::size_t>(cls)]; }
    bool is_late(const waiting_class& c, time_point now) const noexcept {
        return c.size > 0 && now - c.busy_since >= policy_.patience;
    }

    bucket& bucket_of(std::uint64_t key, priority_class cls) noexcept;
    client_line* find_line(priority_class cls, std::uint64_t client_key) noexcept;
    client_line& open_line(const queue_entry& entry, time_point now);
    void close_line(client_line& l) noexcept;
    void into_order(client_line& l, bool fresh) noexcept;
    void out_of_order(client_line& l) noexcept;
    void set_size(client_line& l, unsigned size) noexcept;

    queue_entry* makes_room_for(priority_class cls, std::uint64_t client_key, time_point now) noexcept;
    void link(queue_entry& entry, time_point now);
    looks in_turn(time_point now, std::size_t most) const noexcept;
    static bool turns_first(const waiting_class& c) noexcept;
    static void look(const waiting_class& c, bool newest_first, std::size_t most, looks& found) noexcept;
    void serve(queue_entry& entry) noexcept;
    void collect_due(time_point now);
    queue_entry* next_overdue(time_point now) noexcept;
    static bool is_spared(const waiting_class& c, const queue_entry& entry) noexcept;

    queue_policy policy_;
    unsigned size_ = 0;
    std::array<waiting_class, priority_classes> classes_;
    std::deque<client_line> lines_;
    chain<client_line, &client_line::in_order> unused_lines_;
    std::array<bucket, 1024> buckets_;
    timer_wheel limits_;  // patience or deadline, whichever comes first
    list<waiter> due_;    // what the wheel gave out, within expire()
};

}  // namespace weir
