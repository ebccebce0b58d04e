#include "proxy/status_page.hpp"

#include <functional>

#include "lib/telemetry/json.hpp"
#include "proxy/figures.hpp"

namespace weir {
namespace {

double ms(nanoseconds t) { return std::chrono::duration<double, std::milli>{t}.count(); }
double ms(std::uint64_t us) { return static_cast<double>(us) / 1e3; }

/// Makes members of the figures that figures.hpp lists, for one thing.
template <class Of>
class members {
public:
    members(json_writer& json, const Of& of) : json_{json}, of_{of} {}

    void detail(std::string_view name, auto read) { put(name, std::invoke(read, of_)); }
    void counter(std::string_view name, std::string_view, auto read) { put(name, std::invoke(read, of_)); }
    void gauge(std::string_view name, std::string_view, auto read) { put(name, std::invoke(read, of_)); }
    void counter(std::string_view name, std::string_view, auto read, const by_words& by) { put_all(name, read, by); }
    void gauge(std::string_view name, std::string_view, auto read, const by_words& by) { put_all(name, read, by); }
    void state(std::string_view name, std::string_view, auto read, const by_words&) {
        put(name, std::invoke(read, of_));
    }
    void spread(std::string_view name, std::string_view, auto read) {
        const latency_counts& values = std::invoke(read, of_);
        json_.open_object(std::string{name}.append("_ms"));
        json_.member("count", values.total());
        json_.member("mean", values.total() == 0 ? 0.0 : ms(values.sum_us()) / static_cast<double>(values.total()));
        json_.member("p50", ms(values.quantile_us(0.5)));
        json_.member("p90", ms(values.quantile_us(0.9)));
        json_.member("p99", ms(values.quantile_us(0.99)));
        json_.member("p999", ms(values.quantile_us(0.999)));
        json_.close_object();
    }

private:
    void put(std::string_view name, const auto& value) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, nanoseconds>)
            json_.member(std::string{name}.append("_ms"), ms(value));
        else json_.member(name, value);
    }
    void put_all(std::string_view name, auto read, const by_words& by) {
        const auto& values = std::invoke(read, of_);
        json_.open_object(name);
        for (std::size_t i = 0; i < by.words.size(); ++i)
            if (by.all || values[i] != 0) json_.member(by.words[i], values[i]);
        json_.close_object();
    }

    json_writer& json_;
    const Of& of_;
};

/// An array of objects, of which `tell` makes the members.
template <class Of>
void tell_all(json_writer& json, std::string_view name, const std::vector<Of>& all, auto tell) {
    json.open_array(name);
    for (const auto& each : all) {
        json.open_object();
        members one{json, each};
        tell(one, each);
        json.close_object();
    }
    json.close_array();
}

void tell_route(json_writer& json, auto& one, const route_status& route) {
    figures_of_route(one);
    tell_all(json, "breakers", route.breakers, [](auto& breaker, const auto&) {
        breaker.detail("server", &route_status::at_server::server);
        figures_of_breaker(breaker);
    });
}

}  // namespace

void append_status(std::string& out, const process_status& status) {
    json_writer json{out};
    json.open_object();
    members process{json, status};
    figures_of_process(process);
    tell_all(json, "listeners", status.listeners, [](auto& one, const auto&) { figures_of_listener(one); });
    tell_all(json, "workers", status.workers, [](auto& one, const auto&) {
        sums_of_worker(one);
        figures_of_worker(one);
    });
    tell_all(json, "backends", status.backends, [&](auto& one, const backend_status& backend) {
        figures_of_backend(one);
        tell_all(json, "servers", backend.servers, [](auto& server, const auto&) { figures_of_server(server); });
        tell_all(json, "routes", backend.routes, [&](auto& way, const auto& route) { tell_route(json, way, route); });
    });
    tell_all(json, "offload_pools", status.pools, [](auto& one, const auto&) { figures_of_pool(one); });
    json.close_object();
    out.push_back('\n');
}

}  // namespace weir
