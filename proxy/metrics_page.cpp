#include "proxy/metrics_page.hpp"

#include <algorithm>
#include <functional>
#include <vector>

#include "lib/telemetry/prometheus.hpp"
#include "proxy/figures.hpp"

namespace weir {
namespace {

double seconds(nanoseconds t) { return std::chrono::duration<double>{t}.count(); }

/// In base units; what is not there has no sample.
void put(prometheus_page& page, const metric_labels& whose, const auto& value) {
    using value_type = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::is_same_v<value_type, nanoseconds>) page.add(whose, seconds(value));
    else if constexpr (std::is_same_v<value_type, std::optional<unsigned>>) {
        if (value) page.add(whose, *value);
    } else page.add(whose, value);
}

void add_to(latency_counts& sum, const latency_counts& more) { sum.merge(more); }
void add_to(auto& sum, const auto& more)
    requires requires { sum += more; }
{
    sum += more;
}
template <class T, std::size_t n>
void add_to(std::array<T, n>& sum, const std::array<T, n>& more) {
    std::ranges::transform(sum, more, sum.begin(), std::plus{});
}

template <class Of>
struct labelled {
    metric_labels labels;
    const Of* what;
};

/// Makes samples of the figures that figures.hpp lists, each for all things of one kind.
template <class Of>
class samples {
public:
    samples(std::string& out, std::string_view prefix, std::vector<labelled<Of>> all)
        : page_{out}, prefix_{prefix}, all_{std::move(all)} {}
    /// Of all together.
    samples(std::string& out, std::string_view prefix, const std::vector<Of>& all)
        : page_{out}, prefix_{prefix}, summed_{true} {
        for (const auto& each : all) all_.push_back({{}, &each});
    }

    void detail(std::string_view, auto) {}
    void counter(std::string_view name, std::string_view help, auto read) {
        begin(name, metric_kind::counter, help, read);
        each(read, [this](const metric_labels& whose, const auto& value) { put(page_, whose, value); });
    }
    void gauge(std::string_view name, std::string_view help, auto read) {
        begin(name, metric_kind::gauge, help, read);
        each(read, [this](const metric_labels& whose, const auto& value) { put(page_, whose, value); });
    }
    void spread(std::string_view name, std::string_view help, auto read) {
        begin(name, metric_kind::histogram, help, read);
        each(read, [this](const metric_labels& whose, const latency_counts& counts) { page_.add(whose, counts); });
    }
    void counter(std::string_view name, std::string_view help, auto read, const by_words& by) {
        begin(name, metric_kind::counter, help, read);
        each_word(read, by);
    }
    void gauge(std::string_view name, std::string_view help, auto read, const by_words& by) {
        begin(name, metric_kind::gauge, help, read);
        each_word(read, by);
    }
    void state(std::string_view name, std::string_view help, auto read, const by_words& by) {
        begin(name, metric_kind::gauge, help, read);
        each(read, [&](const metric_labels& whose, std::string_view now) {
            for (const auto word : by.words) page_.add(whose.with({by.label, word}), now == word);
        });
    }

private:
    void begin(std::string_view name, metric_kind kind, std::string_view help, auto read) {
        using value_type = std::remove_cvref_t<std::invoke_result_t<decltype(read), const Of&>>;
        name_.assign(prefix_).append(name);
        const bool time = std::is_same_v<value_type, nanoseconds> || std::is_same_v<value_type, latency_counts>;
        if (time) name_.append(kind == metric_kind::counter ? "_seconds_total" : "_seconds");
        page_.begin(name_, kind, help);
    }
    void each(auto read, auto then) {
        if (!summed_) {
            for (const auto& one : all_) then(one.labels, std::invoke(read, *one.what));
            return;
        }
        if constexpr (requires(std::remove_cvref_t<std::invoke_result_t<decltype(read), const Of&>> sum) {
                          add_to(sum, sum);
                      }) {
            std::remove_cvref_t<std::invoke_result_t<decltype(read), const Of&>> sum{};
            for (const auto& one : all_) add_to(sum, std::invoke(read, *one.what));
            then(metric_labels{}, sum);
        }
    }
    void each_word(auto read, const by_words& by) {
        each(read, [&](const metric_labels& whose, const auto& values) {
            for (std::size_t i = 0; i < by.words.size(); ++i)
                if (by.all || values[i] != 0) put(page_, whose.with({by.label, by.words[i]}), values[i]);
        });
    }

    prometheus_page page_;
    std::string_view prefix_;
    std::vector<labelled<Of>> all_;
    bool summed_ = false;
    std::string name_;
};

}  // namespace

void append_metrics(std::string& out, const process_status& s) {
    prometheus_page page{out};
    page.begin("weir_build_info", metric_kind::gauge, "Always 1; what is running.");
    page.add(metric_labels{{"version", s.version}}, 1);

    samples<process_status> process{out, "weir_", {{{}, &s}}};
    figures_of_process(process);

    samples<worker_status> all_workers{out, "weir_", s.workers};
    sums_of_worker(all_workers);

    std::vector<labelled<listener_status>> listeners;
    for (const auto& each : s.listeners) listeners.push_back({{{"listener", each.address}}, &each});
    samples<listener_status> of_listeners{out, "weir_listener_", std::move(listeners)};
    figures_of_listener(of_listeners);

    std::vector<std::string> numbers(s.workers.size());  // labels refer to them
    std::vector<labelled<worker_status>> workers;
    for (std::size_t i = 0; i < s.workers.size(); ++i) {
        numbers[i] = std::to_string(i);
        workers.push_back({{{"worker", numbers[i]}}, &s.workers[i]});
    }
    samples<worker_status> of_workers{out, "weir_worker_", std::move(workers)};
    figures_of_worker(of_workers);

    std::vector<labelled<pool_status>> pools;
    for (const auto& each : s.pools) pools.push_back({{{"pool", each.name}}, &each});
    samples<pool_status> of_pools{out, "weir_offload_", std::move(pools)};
    figures_of_pool(of_pools);

    std::deque<std::string> twins;  // names of servers that stand twice in a backend; labels refer to them
    std::vector<labelled<backend_status>> backends;
    std::vector<labelled<server_status>> servers;
    std::vector<labelled<route_status>> routes;
    std::vector<labelled<route_status::at_server>> route_breakers;
    for (const auto& b : s.backends) {
        backends.push_back({{{"backend", b.name}}, &b});
        const auto first = servers.size();
        for (auto at = b.servers.begin(); at != b.servers.end(); ++at) {
            std::string_view name = at->name;
            const auto before = std::ranges::count(b.servers.begin(), at, at->name, &server_status::name);
            if (before > 0) name = twins.emplace_back(at->name + "#" + std::to_string(before + 1));
            servers.push_back({{{"backend", b.name}, {"server", name}}, &*at});
        }
        for (const auto& route : b.routes) {
            routes.push_back({{{"backend", b.name}, {"route", route.name}}, &route});
            for (std::size_t i = 0; i < route.breakers.size(); ++i)
                route_breakers.push_back({servers[first + i].labels.with({"route", route.name}), &route.breakers[i]});
        }
    }
    samples<backend_status> of_backends{out, "weir_backend_", std::move(backends)};
    figures_of_backend(of_backends);
    samples<server_status> of_servers{out, "weir_server_", std::move(servers)};
    figures_of_server(of_servers);
    samples<route_status> of_routes{out, "weir_route_", std::move(routes)};
    figures_of_route(of_routes);
    samples<route_status::at_server> of_route_breakers{out, "weir_route_", std::move(route_breakers)};
    figures_of_breaker(of_route_breakers);
}

}  // namespace weir
