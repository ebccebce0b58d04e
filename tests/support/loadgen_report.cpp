#include "tests/support/loadgen_report.hpp"

#include <cstdio>

namespace loadgen {
namespace {

double seconds_of(nanoseconds t) { return static_cast<double>(t.count()) / 1e9; }
double micros_of(nanoseconds t) { return static_cast<double>(t.count()) / 1e3; }
double per_second_of(const tally& found, std::uint64_t n) {
    return found.elapsed.count() > 0 ? static_cast<double>(n) / seconds_of(found.elapsed) : 0;
}
double per_second(const tally& found) { return per_second_of(found, found.answered); }

std::string alert_name(int number) { return SSL_alert_desc_string_long(number); }

std::string fixed(double value, int digits) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

std::string readable(nanoseconds t) {
    const auto us = micros_of(t);
    if (us < 1000) return fixed(us, 0) + " us";
    if (us < 1e6) return fixed(us / 1e3, us < 1e5 ? 2 : 1) + " ms";
    return fixed(us / 1e6, 2) + " s";
}

struct percent {
    const char* name;
    double share;
};
constexpr percent percentiles[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}};

}  // namespace

std::string as_table(const tally& found, const plan& asked) {
    std::string text;
    const auto line = [&text](const std::string& name, const std::string& value) {
        text.append(name).append(name.size() < 12 ? 12 - name.size() : 1, ' ').append(value).append("\n");
    };
    line("sent", std::to_string(found.sent) + " in " + fixed(seconds_of(found.elapsed), 2) + " s over " +
                     std::to_string(found.connections_opened) + " connections");
    std::string answered = std::to_string(found.answered) + " (" + fixed(per_second(found), 0) + "/s)";
    for (std::size_t i = 0; asked.kind == traffic::http && i < found.by_class.size(); ++i)
        if (found.by_class[i] > 0) answered += "  " + std::to_string(i) + "xx " + std::to_string(found.by_class[i]);
    line("answered", answered);
    std::string errors = std::to_string(found.failed());
    for (std::size_t i = 0; i < found.errors.size(); ++i)
        if (found.errors[i] > 0)
            errors += std::string{"  "} + name_of(static_cast<failure>(i)) + " " + std::to_string(found.errors[i]);
    line("errors", errors);
    std::string latency;
    for (const auto& [name, share] : percentiles)
        latency += std::string{name} + " " + readable(found.latency.percentile(share)) + "  ";
    line("latency", latency + "max " + readable(found.latency.max()));
    if (asked.tls) {
        line("handshakes", std::to_string(found.handshakes_full) + " full, " +
                               std::to_string(found.handshakes_resumed) + " resumed (" +
                               fixed(per_second_of(found, found.handshakes_full + found.handshakes_resumed), 0) +
                               "/s)  p50 " + readable(found.handshake.percentile(50)) + "  p99 " +
                               readable(found.handshake.percentile(99)));
        std::string alerts;
        for (const auto& [number, n] : found.alerts)
            alerts += (alerts.empty() ? "" : "  ") + alert_name(number) + " " + std::to_string(n);
        if (!alerts.empty()) line("alerts", alerts);
    }
    line("bytes", std::to_string(found.bytes_in) + " in, " + std::to_string(found.bytes_out) + " out");
    if (asked.rate > 0) {
        line("asked", fixed(asked.rate, 0) + "/s; latencies count from the intended start");
        line("own delay", "p99 " + readable(found.lateness.percentile(99)) + " (included in the latencies)");
    }
    return text;
}

std::string as_json(const tally& found, const plan& asked) {
    std::string json = "{";
    const auto put = [&json](const std::string& key, const std::string& value) {
        if (json.back() != '{' && json.back() != '[') json += ',';
        json.append("\"").append(key).append("\":").append(value);
    };
    const auto number = [](std::uint64_t n) { return std::to_string(n); };
    put("sent", number(found.sent));
    put("answered", number(found.answered));
    put("errors_total", number(found.failed()));
    put("elapsed_s", fixed(seconds_of(found.elapsed), 6));
    put("per_second", fixed(per_second(found), 2));
    put("asked_per_second", fixed(asked.rate, 2));
    put("status", "{");
    for (std::size_t i = 0; asked.kind == traffic::http && i < found.by_class.size(); ++i)
        if (found.by_class[i] > 0) put(std::to_string(i) + "xx", number(found.by_class[i]));
    json += '}';
    put("errors", "{");
    for (std::size_t i = 0; i < found.errors.size(); ++i)
        if (found.errors[i] > 0) put(name_of(static_cast<failure>(i)), number(found.errors[i]));
    json += '}';
    const auto times = [&](const std::string& key, const histogram& of) {
        put(key, "{");
        put("min", fixed(micros_of(of.min()), 1));
        put("mean", fixed(micros_of(of.mean()), 1));
        for (const auto& [name, share] : percentiles) put(name, fixed(micros_of(of.percentile(share)), 1));
        put("max", fixed(micros_of(of.max()), 1));
        json += '}';
    };
    times("latency_us", found.latency);
    times("own_delay_us", found.lateness);
    if (asked.tls) {
        put("handshakes", "{");
        put("full", number(found.handshakes_full));
        put("resumed", number(found.handshakes_resumed));
        put("alerts", "{");
        for (const auto& [alert, n] : found.alerts) put(std::to_string(alert), number(n));
        json += "}}";
        times("handshake_us", found.handshake);
    }
    const auto statuses = [&](const status_counts& of) {
        put("status", "{");
        for (const auto& [status, n] : of) put(std::to_string(status), number(n));
        json += '}';
    };
    const auto groups = [&](const std::string& key, const std::vector<group_tally>& all, const auto& begin) {
        put(key, "[");
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (json.back() != '[') json += ',';
            json += '{';
            begin(i);
            put("wanted", number(all[i].wanted));
            put("ok", number(all[i].ok));
            put("errors", number(all[i].errors));
            statuses(all[i].statuses);
            times("ok_latency_us", all[i].ok_latency);
            json += '}';
        }
        json += ']';
    };
    groups("steps", found.steps, [&](std::size_t i) {
        put("from_s", fixed(seconds_of(asked.steps[i].from), 3));
        put("factor", fixed(asked.steps[i].factor, 3));
    });
    groups("kinds", found.kinds, [&](std::size_t i) {
        put("name", '"' + asked.kinds[i].name + '"');
        put("rate", fixed(asked.kinds[i].rate, 2));
    });
    put("connections_opened", number(found.connections_opened));
    put("bytes_in", number(found.bytes_in));
    put("bytes_out", number(found.bytes_out));
    put("seconds", "[");
    for (const auto& second : found.seconds) {
        if (json.back() != '[') json += ',';
        json += '{';
        put("wanted", number(second.wanted));
        put("answered", number(second.answered));
        put("errors", number(second.errors));
        put("p50_us", fixed(micros_of(second.p50), 1));
        put("p99_us", fixed(micros_of(second.p99), 1));
        put("max_us", fixed(micros_of(second.max), 1));
        put("ok", number(second.ok));
        put("ok_p50_us", fixed(micros_of(second.ok_p50), 1));
        put("ok_p99_us", fixed(micros_of(second.ok_p99), 1));
        statuses(second.statuses);
        json += '}';
    }
    return json + "]}\n";
}

}  // namespace loadgen
