#include "proxy/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "lib/async/stream.hpp"
#include "proxy/system.hpp"

namespace weir {
namespace {

constexpr auto load_every = 250ms;
constexpr std::size_t given_up_at_once = 10;
constexpr auto spared = 1s;  // who has been idle for less than this is about to ask again

pressure_policy policy_of(const conf::config::shedding& settings) {
    pressure_policy policy;
    policy.delay_low = settings.delay_low;
    policy.delay_high = settings.delay_high;
    return policy;
}

nanoseconds median(nanoseconds a, nanoseconds b, nanoseconds c) {
    return std::max(std::min(a, b), std::min(std::max(a, b), c));
}

double seconds(nanoseconds t) { return std::chrono::duration<double>{t}.count(); }

}  // namespace

nanoseconds wait_between(const offload_pool::counts& before, const offload_pool::counts& now,
                         nanoseconds last) noexcept {
    const auto taken = [](const offload_pool::counts& c) { return c.done + c.expired + c.busy; };
    const auto more = static_cast<std::int64_t>(taken(now)) - static_cast<std::int64_t>(taken(before));
    if (more > 0) return (now.waited - before.waited) / more;
    return now.queued > 0 ? last : 0ns;
}

sampler::sampler(worker_context& w)
    : w_{w}, pressure_{policy_of(w.shared.config.shed)}, due_{w.time.after(every)}, last_{w.time.now()},
      spare_{w.time.statistics.waited} {}

task<void> sampler::run() {
    co_await weir::for_each(ticks{w_.time, every}, [this](time_point now) { look(now); });
}

void sampler::look(time_point now) {
    const auto late = now - due_;
    due_ += (late / every + 1) * every;
    w_.numbers.loop_delay.record_us(static_cast<std::uint64_t>(late / 1us));

    const auto elapsed = now - std::exchange(last_, now);
    if (w_.handshake_turns) turns_.look(*w_.handshake_turns);
    const auto spare = w_.time.statistics.waited + turns_.before.worked;
    busy_share_ = std::clamp(1 - seconds(spare - std::exchange(spare_, spare)) / seconds(elapsed), 0.0, 1.0);
    if (!w_.shared.config.shed.on) return;

    const auto& load = w_.shared.load;
    pressure_sample sample;
    sample.loop_delay = median(late_before_[0], late_before_[1], late);
    late_before_ = {late_before_[1], late};
    sample.busy_share = busy_share_;
    if (w_.shared.handshakes) {
        threads_.look(*w_.shared.handshakes);
        sample.offload_wait = counted_wait(std::max(threads_.wait, turns_.wait));
    }
    sample.memory_used = load.memory_used.load(std::memory_order_relaxed);
    sample.memory_limit = load.memory_limit.load(std::memory_order_relaxed);
    sample.descriptors_open = load.descriptors_open.load(std::memory_order_relaxed);
    sample.descriptors_limit = load.descriptors_limit.load(std::memory_order_relaxed);
    const auto strain = pressure_.update(sample, now);
    const auto before = w_.ladder.highest();
    w_.ladder.update(strain, pressure_.parts().memory, now);
    w_.streams.small_buffers = w_.ladder.small_buffers();
    if (const auto after = w_.ladder.highest(); after != before) note(before, after, now);
    close_idle_clients(now, elapsed);
    if (w_.ladder.reset_largest_buffers()) give_up_largest();
}

void sampler::note(std::optional<shed_step> before, std::optional<shed_step> after, time_point now) {
    const auto text_of = [](std::optional<shed_step> step) { return std::string{step ? word(*step) : "nothing"}; };
    const auto parts = pressure_.parts().values();
    const auto greatest = static_cast<std::size_t>(std::ranges::max_element(parts) - parts.begin());
    auto why = "pressure " + std::to_string(std::lround(100 * pressure_.value())) + " %";
    if (parts[greatest] > 0) why.append("; most of it ").append(pressure_parts::words[greatest]);
    w_.shared.events.add(now, {.kind = journal_kind::shedding,
                               .worker = static_cast<int>(w_.number),
                               .from = text_of(before),
                               .to = text_of(after),
                               .why = std::move(why)});
}

void sampler::close_idle_clients(time_point now, nanoseconds elapsed) {
    if (!w_.ladder.close_idle()) {
        to_close_ = 0;
        return;
    }
    const auto idle = w_.numbers.connections_open.value() - w_.numbers.requests_open.value();
    to_close_ += (1 - w_.ladder.idle_timeout_scale()) * static_cast<double>(idle) * seconds(elapsed);
    for (; to_close_ >= 1 && !w_.idle_clients.empty(); --to_close_) {
        auto& longest = w_.idle_clients.front();
        if (now - longest.since < spared) break;
        w_.idle_clients.pop_front();
        if (!longest.stream.in().empty()) continue;  // its request has just come: it is served
        longest.stream.end_reading();
        w_.numbers.idle_closed_total.add();
    }
    to_close_ = std::min(to_close_, static_cast<double>(idle));
}

void sampler::give_up_largest() {
    std::vector<byte_stream*> all;
    w_.streams.open.for_each([&all](byte_stream& each) {
        if (each.held_bytes() > 0) all.push_back(&each);
    });
    const auto last = all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), given_up_at_once));
    std::ranges::partial_sort(all, last, std::greater{}, &byte_stream::held_bytes);
    for (auto each = all.begin(); each != last; ++each) {
        (*each)->give_up();
        w_.numbers.given_up_total.add();
    }
}

task<void> watch_load(loop& time, process_load& load) {
    const auto look = [&load](time_point) {
        load.memory_used.store(memory_used(), std::memory_order_relaxed);
        load.descriptors_open.store(open_descriptors(), std::memory_order_relaxed);
    };
    look(time.now());
    co_await weir::for_each(ticks{time, load_every}, look);
}

}  // namespace weir
