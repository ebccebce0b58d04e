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

}  // namespace

void append_status(std::string& out, const process_status& status) {
    json_writer json{out};
    json.open_object();
    members process{json, status};
    figures_of_process(process);
    json.open_array("listeners");
    for (const auto& each : status.listeners) {
        json.open_object();
        members listener{json, each};
        figures_of_listener(listener);
        json.close_object();
    }
    json.close_array();
    json.open_array("workers");
    for (const auto& each : status.workers) {
        json.open_object();
        members worker{json, each};
        sums_of_worker(worker);
        figures_of_worker(worker);
        json.close_object();
    }
    json.close_array();
    json.open_array("backends");
    for (const auto& each : status.backends) {
        json.open_object();
        members backend{json, each};
        figures_of_backend(backend);
        json.open_array("servers");
        for (const auto& one : each.servers) {
            json.open_object();
            members server{json, one};
            figures_of_server(server);
            json.close_object();
        }
        json.close_array();
        json.close_object();
    }
    json.close_array();
    json.open_array("offload_pools");
    for (const auto& each : status.pools) {
        json.open_object();
        members pool{json, each};
        figures_of_pool(pool);
        json.close_object();
    }
    json.close_array();
    json.close_object();
    out.push_back('\n');
}

}  // namespace weir
