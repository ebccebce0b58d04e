#include "proxy/worker.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <variant>

#include "lib/async/stream.hpp"
#include "proxy/accept.hpp"
#include "proxy/serve_http.hpp"
#include "proxy/serve_tcp.hpp"

namespace weir {

/// The mailbox and the numbers outlive the loop on which they are used, so that both sides can look at them at any time.
struct worker::link {
    using message = std::variant<worker_order, reply_to<report>>;  // an order, or a question for the numbers
    std::mutex mutex;
    mailbox<message>* inbox = nullptr;  // while the loop runs
    std::vector<worker_order> early;    // told before it ran
    report last;                        // once it has ended
};

/// What happens on the worker's thread.
class worker::life {
public:
    life(uv_loop& time, unsigned number, shared_state& shared, const std::vector<bound_listener>& listeners,
         std::uint64_t seed, link& parent)
        : time_{time}, w_{time, number, shared, seed}, inbox_{time, 64}, cut_{time}, link_{parent}, background_{time},
          listening_{time} {
        for (std::size_t i = 0; i < listeners.size(); ++i) {
            const auto& bound = listeners[i];
            views_.emplace_back(*bound.settings, bound.name, shared.per_listener[i]);
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
        scope logs{time_};
        logs.spawn(w_.error_lines.run());
        if (w_.access_lines) logs.spawn(w_.access_lines->run());
        publish(true);

        for (std::size_t i = 0; i < doors_.size(); ++i) listening_.spawn(serve_listener(views_[i], doors_[i]));
        co_await race(listening_.joined(), cut_.wait());
        const auto left = w_.numbers.connections_open.value();
        w_.numbers.cut_total.add(static_cast<std::uint64_t>(left));
        listening_.cancel();
        background_.cancel();

        w_.errors.summarise(time_.wall_us(), true);
        w_.error_lines.finish();
        if (w_.access_lines) w_.access_lines->finish();
        co_await logs.joined();
        publish(false);
        time_.stop();
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
            if (auto* answer = std::get_if<reply_to<report>>(&*message)) {
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

    report current() const {
        report now;
        now.connections = w_.numbers.connections_total.value();
        now.requests = w_.numbers.requests_total.value();
        now.cut = w_.numbers.cut_total.value();
        now.log_lines_dropped = w_.access_lines ? w_.access_lines->dropped() : 0;
        now.connections_open = w_.numbers.connections_open.value();
        now.requests_open = w_.numbers.requests_open.value();
        return now;
    }

    uv_loop& time_;
    worker_context w_;
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

task<worker::report> worker::numbers(loop& asker) {
    const auto post = [this](reply_to<report> answer) {
        const std::lock_guard lock{link_->mutex};
        return link_->inbox && link_->inbox->post(std::move(answer));
    };
    const auto answer = co_await ask<report>(asker, post);
    if (answer) co_return *answer;
    const std::lock_guard lock{link_->mutex};
    co_return link_->last;
}

}  // namespace weir
