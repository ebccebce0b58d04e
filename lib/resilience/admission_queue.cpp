#include "lib/resilience/admission_queue.hpp"

#include <algorithm>
#include <bit>
#include <chrono>

#include "lib/resilience/stable_hash.hpp"

namespace weir {
namespace {

constexpr std::array<int, priority_classes> weights{8, 3, 1};
constexpr int all_weights = 12;
constexpr unsigned most_spared = 16;  // alone for their client: what they add to the delay is bounded by their number
constexpr unsigned many = 8;          // of one client; fewer may be chance
constexpr unsigned much_fuller = 4;

std::uint64_t ms_floor(time_point t) noexcept {
    return static_cast<std::uint64_t>(std::chrono::floor<milliseconds>(t.time_since_epoch()).count());
}

std::uint64_t ms_ceil(time_point t) noexcept {
    return static_cast<std::uint64_t>(std::chrono::ceil<milliseconds>(t.time_since_epoch()).count());
}

template <class Class>
client_line& fullest(const Class& c) noexcept {
    return *c.by_size[static_cast<std::size_t>(std::bit_width(c.sizes)) - 1].front();
}

}  // namespace

admission_queue::bucket& admission_queue::bucket_of(std::uint64_t key, priority_class cls) noexcept {
    return buckets_[mix_bits(key + static_cast<std::uint64_t>(cls)) % buckets_.size()];
}

client_line* admission_queue::find_line(priority_class cls, std::uint64_t client_key) noexcept {
    auto* l = bucket_of(client_key, cls).front();
    while (l && (l->key != client_key || l->cls != cls)) l = bucket::after(*l);
    return l;
}

client_line& admission_queue::open_line(const queue_entry& entry, time_point now) {
    auto* l = unused_lines_.front();
    if (l) unused_lines_.remove(*l);
    else l = &lines_.emplace_back();
    l->key = entry.client_key;
    l->cls = entry.cls;
    bucket_of(l->key, l->cls).push_back(*l);
    into_order(*l, is_late(of(l->cls), now));
    return *l;
}

void admission_queue::close_line(client_line& l) noexcept {
    out_of_order(l);
    bucket_of(l.key, l.cls).remove(l);
    unused_lines_.push_front(l);
}

void admission_queue::into_order(client_line& l, bool fresh) noexcept {
    auto& c = of(l.cls);
    l.fresh = fresh;
    if (fresh) c.fresh.push_front(l);
    else c.turns.push_back(l);
    ++(fresh ? c.fresh_lines : c.turn_lines);
}

void admission_queue::out_of_order(client_line& l) noexcept {
    auto& c = of(l.cls);
    (l.fresh ? c.fresh : c.turns).remove(l);
    --(l.fresh ? c.fresh_lines : c.turn_lines);
}

void admission_queue::set_size(client_line& l, unsigned size) noexcept {
    auto& c = of(l.cls);
    const auto was = static_cast<std::size_t>(std::bit_width(l.size)),
               is = static_cast<std::size_t>(std::bit_width(size));
    l.size = size;
    if (was == is) return;
    if (was > 0) {
        c.by_size[was].remove(l);
        if (c.by_size[was].empty()) c.sizes &= ~(std::uint64_t{1} << was);
    }
    if (is > 0) {
        c.by_size[is].push_front(l);
        c.sizes |= std::uint64_t{1} << is;
    }
}

/// Who gives up a place for one of that class and client, or nullptr.
queue_entry* admission_queue::makes_room_for(priority_class cls, std::uint64_t client_key, time_point now) noexcept {
    if (size_ == 0) return nullptr;
    const auto own = static_cast<std::size_t>(cls);
    const auto* own_line = find_line(cls, client_key);
    const auto own_size = own_line ? own_line->size : 0;
    for (std::size_t i = priority_classes; i-- > own;) {
        const auto& c = classes_[i];
        if (c.size == 0) continue;
        const auto& longest = fullest(c);
        const bool lower_and_greedy = i > own && std::uint64_t{c.size} * all_weights >
                                                     std::uint64_t{policy_.places} * static_cast<unsigned>(weights[i]);
        if (lower_and_greedy || longest.size > own_size + 1)
            return is_late(c, now) ? longest.entries.front() : longest.entries.back();
    }
    return nullptr;
}

void admission_queue::link(queue_entry& entry, time_point now) {
    assert(!entry.waits());
    auto& c = of(entry.cls);
    if (c.size == 0) c.busy_since = now;
    auto* l = find_line(entry.cls, entry.client_key);
    if (!l) l = &open_line(entry, now);
    entry.line = l;
    entry.spared = false;
    l->entries.push_back(entry);
    set_size(*l, l->size + 1);
    c.subject.push_back(entry);
    ++c.size;
    ++size_;
    limits_.add(entry, ms_ceil(std::min(entry.since + policy_.patience, entry.deadline)));
}

void admission_queue::remove(queue_entry& entry) noexcept {
    if (!entry.waits()) return;
    entry.unlink();  // from the wheel
    auto& c = of(entry.cls);
    auto& l = *entry.line;
    entry.line = nullptr;
    (entry.spared ? c.spared : c.subject).remove(entry);
    if (entry.spared) --c.spared_size;
    l.entries.remove(entry);
    set_size(l, l.size - 1);
    if (l.size == 0) close_line(l);
    --c.size;
    --size_;
}

/// Those that may go next, first the one whose turn it is. At most `most`, one at least of each class that waits.
admission_queue::looks admission_queue::in_turn(time_point now, std::size_t most) const noexcept {
    std::array<std::size_t, priority_classes> order;
    std::size_t waiting = 0;
    for (std::size_t i = 0; i < priority_classes; ++i)
        if (classes_[i].size > 0) order[waiting++] = i;
    std::ranges::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(waiting), [&](auto a, auto b) {
        const auto owed_a = classes_[a].credit + weights[a], owed_b = classes_[b].credit + weights[b];
        return owed_a != owed_b ? owed_a > owed_b : a < b;
    });
    looks found;
    for (std::size_t i = 0; i < waiting && found.count < most; ++i) {
        const auto reserved = std::min(waiting - i - 1, most - found.count - 1);
        const auto& c = classes_[order[i]];
        look(c, is_late(c, now), most - reserved, found);
    }
    return found;
}

bool admission_queue::turns_first(const waiting_class& c) noexcept {
    if (c.fresh.empty() || c.turns.empty()) return c.fresh.empty();
    return c.turns_owed + static_cast<int>(c.turn_lines) >= static_cast<int>(c.turn_lines + c.fresh_lines);
}

/// Adds entries of one class until there are `most`: the first of each line in turn, then the second of each.
void admission_queue::look(const waiting_class& c, bool newest_first, std::size_t most, looks& found) noexcept {
    std::array<queue_entry*, most_looks> next;
    std::size_t count = 0;
    const bool turns = turns_first(c);
    for (const auto* from : {turns ? &c.turns : &c.fresh, turns ? &c.fresh : &c.turns})
        for (auto* l = from->front(); l && count < most; l = from->after(*l))
            next[count++] = newest_first ? l->entries.back() : l->entries.front();
    for (bool more = true; more;) {
        more = false;
        for (std::size_t i = 0; i < count; ++i) {
            if (!next[i]) continue;
            if (found.count == most) return;
            found.entries[found.count++] = next[i];
            next[i] = newest_first ? next[i]->in_line.before : next[i]->in_line.after;
            more = true;
        }
    }
}

/// Takes the entry, and has its client and its class pay for it.
void admission_queue::serve(queue_entry& entry) noexcept {
    int gained = 0;
    for (std::size_t i = 0; i < priority_classes; ++i) {
        if (classes_[i].size == 0) continue;  // keeps what it is owed: it may have been emptied by its lack of patience
        // Bounded: a class of which no one can go must not save up for the day when they can.
        classes_[i].credit = std::min(classes_[i].credit + weights[i], all_weights);
        gained += weights[i];
    }
    auto& c = of(entry.cls);
    c.credit = std::max(c.credit - gained, -all_weights);

    auto& l = *entry.line;
    const auto lines = static_cast<int>(c.turn_lines + c.fresh_lines);
    if (!c.fresh.empty() && !c.turns.empty())
        c.turns_owed = std::clamp(c.turns_owed + static_cast<int>(c.turn_lines) - (l.fresh ? 0 : lines), -lines, lines);
    out_of_order(l);
    into_order(l, false);
    remove(entry);
}

void admission_queue::collect_due(time_point now) {
    limits_.advance(ms_floor(now), [this](waiter& due) { due_.push_back(due); });
}

/// The next to refuse, taken out: first what the wheel gave out, then what the late classes have too much of.
queue_entry* admission_queue::next_overdue(time_point now) noexcept {
    queue_entry* overdue = nullptr;
    if (!due_.empty()) overdue = static_cast<queue_entry*>(&due_.front());
    for (auto& c : classes_) {
        if (overdue) break;
        if (!is_late(c, now)) continue;
        while (auto* oldest = c.subject.front()) {
            if (now - oldest->since < policy_.strict) break;
            if (!is_spared(c, *oldest)) {
                overdue = oldest;
                break;
            }
            c.subject.remove(*oldest);
            c.spared.push_back(*oldest);
            oldest->spared = true;
            ++c.spared_size;
        }
    }
    if (overdue) remove(*overdue);
    return overdue;
}

bool admission_queue::is_spared(const waiting_class& c, const queue_entry& entry) noexcept {
    const auto size = entry.line->size;
    return (size == 1 && c.spared_size < most_spared) || std::max(many, size * much_fuller) <= fullest(c).size;
}

time_point admission_queue::next_expiry() const noexcept {
    auto earliest = time_point::max();
    if (size_ == 0) return earliest;
    if (const auto ms = limits_.next()) earliest = time_point{milliseconds{static_cast<std::int64_t>(*ms)}};
    for (const auto& c : classes_)
        if (const auto* oldest = c.subject.front())
            earliest = std::min(earliest, std::max(c.busy_since + policy_.patience, oldest->since + policy_.strict));
    return earliest;
}

nanoseconds admission_queue::delay(priority_class cls, time_point now) const noexcept {
    nanoseconds longest{0};
    for (const auto* oldest : {of(cls).subject.front(), of(cls).spared.front()})
        if (oldest) longest = std::max(longest, now - oldest->since);
    return longest;
}

}  // namespace weir
