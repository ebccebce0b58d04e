#include "proxy/worker.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <variant>

#include "lib/async/stream.hpp"
#include "proxy/accept.hpp"
#include "proxy/sampler.hpp"
#include "proxy/serve_http.hpp"
#include "proxy/serve_tcp.hpp"

namespace weir {

/// The mailbox and the numbers outlive the loop on which they are used, so that both sides can look at them at any time.
struct worker::link {
    using message = std::variant<worker_order, reply_to<worker_status>>;  // an order, or a question how it goes
    std::mutex mutex;
    mailbox<message>* inbox = nullptr;  // while the loop runs
    std::vector<worker_order> early;    // told before it ran
    worker_status last;                 // once it has ended
};

/// What happens on the worker's thread.
class worker::life {
public:
    life(uv_loop& time, unsigned number, shared_state& shared, const std::vector<bound_listener>& listeners,
         std::uint64_t seed, link& parent)
        : time_{time}, w_{time, number, shared, seed}, strain_{w_}, inbox_{time, 64}, cut_{time}, link_{parent},
          background_{time}, listening_{time} {
        for (std::size_t i = 0; i < listeners.size(); ++i) {
            const auto& bound = listeners[i];
            views_.emplace_back(*bound.settings, bound.name, shared.listeners[i]);
            listener::options how;
            how.data_is_there = bound.settings->defer_accept;
            how.on_accept_error = [this](int error) {
                w_.numbers.accept_errors_total.add();
                w_.log(log_level::error,
                       std::string{"cannot accept: "} + strerrordesc_np(error) + "; resting for 100 ms");
                for (auto& backend : w_.backends)
                    for (auto& pool : backend.pools) pool->clear();
            };
            doors_.emplace_back(w_.streams, bound.descriptors[number], std::move(how));
        }
    }

    void run() {
        scope root{time_};
        root.spawn(live());
        time_.run();
    }

private:
    task<void> live() {
        background_.spawn(take_orders());
        background_.spawn(housekeeping());
        background_.spawn(strain_.run());
        if (w_.handshake_turns) background_.spawn(w_.handshake_turns->work_on(time_));
        scope logs{time_};
        logs.spawn(w_.error_lines.run());
        if (w_.access_lines) logs.spawn(w_.access_lines->run());
        publish(true);

        for (std::size_t i = 0; i < doors_.size(); ++i) listening_.spawn(serve_listener(views_[i], doors_[i]));
        co_await race(all_served(), cut_.wait());
        const auto left = static_cast<std::uint64_t>(w_.numbers.connections_open.value());
        w_.numbers.cut_total.add(std::max(left, w_.streams.partings.size()));  // a connection may be among both
        listening_.cancel();
        w_.leftovers.cancel();
        background_.cancel();

        w_.errors.summarise(time_.wall_us(), true);
        w_.error_lines.finish();
        if (w_.access_lines) w_.access_lines->finish();
        co_await logs.joined();
        publish(false);
        time_.stop();
    }

    task<void> all_served() {
        co_await listening_.joined();
        co_await w_.streams.partings.joined();  // what the kernel has still to send
    }

    task<void> serve_listener(listener_view& view, listener& door) {
        client_stream clients{w_, view, door};
        auto serve = [this, &view](admitted client) {
            return view.settings.protocol == conf::http_protocol::http ? serve_http(w_, view, std::move(client))
                                                                       : serve_tcp(w_, view, std::move(client));
        };
        co_await for_each_concurrent(time_, std::move(clients), view.settings.max_connections, std::move(serve));
    }

    task<void> take_orders() {
        while (auto message = co_await inbox_.next()) {
            if (auto* answer = std::get_if<reply_to<worker_status>>(&*message)) {
                (*answer)(current());
                continue;
            }
            switch (std::get<worker_order>(*message)) {
            case worker_order::hint_close: w_.closing = true; break;
            case worker_order::stop_accepting:
                w_.closing = true;
                for (auto& door : doors_) door.finish();
                break;
            case worker_order::close_idle:
                w_.closing_idle = true;
                while (!w_.idle_clients.empty()) {
                    auto& client = w_.idle_clients.pop_front().stream;
                    if (client.in().empty()) client.end_reading();  // else its request has just come: it is served
                }
                break;
            case worker_order::cut: cut_.set(); break;
            }
        }
    }

    task<void> housekeeping() {
        auto sweep = [this](time_point) {
            for (auto& backend : w_.backends)
                for (auto& pool : backend.pools) pool->sweep();
            w_.errors.summarise(time_.wall_us());
        };
        co_await weir::for_each(ticks{time_, connection_pool::sweep_every}, std::move(sweep));
    }

    /// Tells the parent where we are, or leaves our last words.
    void publish(bool running) {
        const std::lock_guard lock{link_.mutex};
        link_.inbox = running ? &inbox_ : nullptr;
        if (running) {
            for (const auto order : std::exchange(link_.early, {})) inbox_.post(order);
            return;
        }
        link_.last = current();
    }

    worker_status current() const {
        const auto& from = w_.numbers;
        worker_status now;
        now.connections = from.connections_total.value();
        now.requests = from.requests_total.value();
        now.cut = from.cut_total.value();
        now.accept_errors = from.accept_errors_total.value();
        now.idle_closed = from.idle_closed_total.value();
        now.given_up = from.given_up_total.value();
        now.hedges_wasted = from.hedges_wasted_total.value();
        now.connections_open = from.connections_open.value();
        now.requests_open = from.requests_open.value();
        now.access_lines_dropped = w_.access_lines ? w_.access_lines->dropped() : 0;
        now.error_lines_dropped = w_.error_lines.dropped();
        const auto value = [](const counter& each) { return each.value(); };
        std::ranges::transform(from.refused_total, now.refused_total.begin(), value);
        std::ranges::transform(from.responses_total, now.responses_total.begin(), value);
        from.total.add_to(now.total);
        now.handshakes = {from.handshakes_full.value(), from.handshakes_resumed.value()};
        now.server_handshakes = {from.server_handshakes_full.value(), from.server_handshakes_resumed.value()};
        now.server_handshakes_failed = from.server_handshakes_failed.value();
        now.kernel_tls = from.kernel_tls_total.value();
        if (w_.handshakes) now.costly_steps = {w_.handshakes->here, w_.handshakes->on_threads};
        if (w_.handshake_turns)
            now.handshake_turns.emplace(w_.handshake_turns->name(), w_.handshake_turns->statistics());
        from.handshake_time.add_to(now.handshake_time);
        add_strain(now);
        for (const auto& backend : w_.backends) {
            auto& idle = now.idle_connections.emplace_back();
            for (const auto& pool : backend.pools) idle.push_back(pool->size());
        }
        return now;
    }

    void add_strain(worker_status& now) const {
        now.pressure = strain_.pressure();
        now.busy_share = strain_.busy_share();
        now.parts = strain_.parts();
        for (std::size_t i = 0; i < shed_steps; ++i) {
            now.step_on[i] = w_.ladder.on(static_cast<shed_step>(i));
            now.step_taken[i] = w_.ladder.taken(static_cast<shed_step>(i));
        }
        for (std::size_t i = 0; i < priority_classes; ++i)
            now.shed_total[i] = w_.ladder.refused(static_cast<priority_class>(i));
        now.shed_share = w_.ladder.refused_share();
        w_.numbers.loop_delay.add_to(now.loop_delay);
        now.waited = time_.statistics.waited;
        now.turns = time_.statistics.turns;
        now.resumed = time_.statistics.resumed;
        now.tasks_live = time_.statistics.tasks_live;
        now.tasks_spawned = time_.statistics.tasks_spawned;
        now.buffers_held = w_.streams.buffers.held_bytes();
        now.pipes_in_use = w_.pipes.in_use();
    }

    uv_loop& time_;
    worker_context w_;
    sampler strain_;
    mailbox<link::message> inbox_;
    event cut_;
    link& link_;
    std::deque<listener_view> views_;
    std::deque<listener> doors_;
    scope background_;
    scope listening_;  // last: connections refer to everything above
};

worker::worker(unsigned number, loop& parent, shared_state& shared, const std::vector<bound_listener>& listeners,
               std::uint64_t seed)
    : link_{std::make_shared<link>()}, thread_{"worker-" + std::to_string(number), parent,
                                               [number, &shared, &listeners, seed, link = link_](uv_loop& time) {
                                                   life{time, number, shared, listeners, seed, *link}.run();
                                               }} {}

void worker::tell(worker_order order) {
    const std::lock_guard lock{link_->mutex};
    if (link_->inbox) link_->inbox->post(order);
    else link_->early.push_back(order);
}

task<worker_status> worker::status(loop& asker) {
    const auto post = [this](reply_to<worker_status> answer) {
        const std::lock_guard lock{link_->mutex};
        return link_->inbox && link_->inbox->post(std::move(answer));
    };
    const auto answer = co_await ask<worker_status>(asker, post);
    if (answer) co_return *answer;
    const std::lock_guard lock{link_->mutex};
    co_return link_->last;
}

}  // namespace weir
