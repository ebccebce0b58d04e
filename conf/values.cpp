#include "conf/values.hpp"

#include <algorithm>

#include "conf/address.hpp"
#include "conf/diagnostic.hpp"
#include "conf/http_words.hpp"
#include "conf/suggest.hpp"

namespace weir::conf {
namespace {

std::unexpected<std::string> wrong(std::string what = {}) { return std::unexpected{std::move(what)}; }

reading<milliseconds> read_time(std::string_view text) {
    const auto count = read_milliseconds(text);
    if (!count) return wrong(count.error());
    return milliseconds{*count};
}

reading<unsigned> read_status(std::string_view text, unsigned low) {
    const auto status = read_number(text);
    if (!status || *status < low || *status > 599) return wrong();
    return static_cast<unsigned>(*status);
}

constexpr std::string_view causes_in_words[] = {"connect_failure", "reset", "timeout", "none"};

/// Of the list `text`, this item is not one.
std::unexpected<std::string> wrong_item(std::string_view item, std::string_view text) {
    if (item.empty()) return wrong("an item of the list is empty; lists are written without blanks");
    const auto hint = did_you_mean(item, causes_in_words);
    if (item == text) return wrong(hint.empty() ? std::string{} : hint.substr(2));
    return wrong(item == "none" ? "'none' stands alone" : quoted(item) + " is not one" + hint);
}

}  // namespace

std::string write_time(milliseconds time) { return write_milliseconds(static_cast<std::uint64_t>(time.count())); }

reading<unsigned> read_percent(std::string_view text) {
    if (!text.ends_with('%'))
        return wrong(read_number(text) ? "a share is written with its sign: " + std::string{text} + "%" : "");
    text.remove_suffix(1);
    const auto point = text.find('.');
    const auto whole = read_number(text.substr(0, point));
    if (!whole || *whole > 100) return wrong();
    auto permille = static_cast<unsigned>(*whole) * 10;
    if (point != text.npos) {
        const auto tenths = text.substr(point + 1);
        if (tenths.size() != 1 || tenths[0] < '0' || tenths[0] > '9') return wrong("at most one digit after the point");
        permille += static_cast<unsigned>(tenths[0] - '0');
    }
    if (permille > 1000) return wrong();
    return permille;
}

std::string write_percent(unsigned permille) {
    auto text = std::to_string(permille / 10);
    if (permille % 10 > 0) text.append(".").append(std::to_string(permille % 10));
    return text.append("%");
}

reading<span_of_time> read_span(std::string_view text, milliseconds low, milliseconds high) {
    const auto dots = text.find("..");
    if (dots == text.npos) return wrong("two times with two dots between, as in 25ms..1s");
    const auto first = read_time(text.substr(0, dots)), most = read_time(text.substr(dots + 2));
    if (!first) return wrong(first.error());
    if (!most) return wrong(most.error());
    if (*first > *most) return wrong("the first is longer than the second");
    if (*first < low || *most > high) return wrong("both between " + write_time(low) + " and " + write_time(high));
    return span_of_time{*first, *most};
}

std::string write_span(milliseconds first, milliseconds most) { return write_time(first) + ".." + write_time(most); }

reading<std::optional<milliseconds>> read_per_try(std::string_view text) {
    if (text == "auto") return std::optional<milliseconds>{};
    if (text == "off") return std::optional{no_time_limit};
    const auto time = read_time(text);
    if (!time) return wrong(time.error());
    if (*time < milliseconds{1} || *time > std::chrono::hours{24}) return wrong();
    return std::optional{*time};
}

std::string write_per_try(std::optional<milliseconds> time) {
    if (!time) return "auto";
    return *time == no_time_limit ? "off" : write_time(*time);
}

reading<std::pair<unsigned, unsigned>> read_statuses(std::string_view text) {
    const auto dash = text.find('-');
    const auto lowest = read_status(text.substr(0, dash), 100);
    const auto highest = dash == text.npos ? lowest : read_status(text.substr(dash + 1), 100);
    if (!lowest || !highest || *lowest > *highest) return wrong();
    return std::pair{*lowest, *highest};
}

std::string write_statuses(unsigned lowest, unsigned highest) {
    return lowest == highest ? std::to_string(lowest) : std::to_string(lowest) + "-" + std::to_string(highest);
}

reading<client_key> read_client_key(std::string_view text) {
    if (text == "client_address") return client_key{};
    constexpr std::string_view header = "header:";
    if (!text.starts_with(header)) return wrong();
    text.remove_prefix(header.size());
    if (!is_token(text)) return wrong("the name of a header follows the colon");
    return client_key{std::string{text}};
}

std::string write_client_key(const client_key& key) {
    return key.header.empty() ? "client_address" : "header:" + key.header;
}

reading<in_flight_limit> read_limit(std::string_view text) {
    if (text == "adaptive") return in_flight_limit{};
    if (text == "off") return in_flight_limit{in_flight_limit::kind::off, 0};
    const auto places = read_number(text);
    if (!places || *places < 1 || *places > 1'000'000) return wrong();
    return in_flight_limit{in_flight_limit::kind::fixed, static_cast<unsigned>(*places)};
}

std::string write_limit(const in_flight_limit& limit) {
    switch (limit.how) {
    case in_flight_limit::kind::adaptive: return "adaptive";
    case in_flight_limit::kind::off: return "off";
    case in_flight_limit::kind::fixed: return std::to_string(limit.places);
    }
    return {};
}

reading<hedging> read_hedging(std::string_view text) {
    hedging how;
    if (text == "off") return how;
    if (text.starts_with('p')) {
        auto digits = text.substr(1);
        const auto percent = read_percent(std::string{digits} + "%");
        if (!percent || *percent < 500 || *percent > 999) return wrong("a percentile from p50 to p99.9");
        how.how = hedging::kind::percentile;
        how.permille = *percent;
        return how;
    }
    const auto delay = read_time(text);
    if (!delay) return wrong(delay.error());
    if (*delay < milliseconds{1} || *delay > milliseconds{3'600'000}) return wrong();
    how.how = hedging::kind::delay;
    how.delay = *delay;
    return how;
}

std::string write_hedging(const hedging& how) {
    switch (how.how) {
    case hedging::kind::off: return "off";
    case hedging::kind::delay: return write_time(how.delay);
    case hedging::kind::percentile: break;
    }
    auto text = "p" + write_percent(how.permille);
    text.pop_back();
    return text;
}

reading<retry_causes> read_causes(std::string_view text) {
    retry_causes causes;
    if (text == "none") return causes;
    const auto whole = text;
    while (true) {
        const auto item = text.substr(0, text.find(','));
        if (item == "connect_failure") causes.connect_failure = true;
        else if (item == "reset") causes.reset = true;
        else if (item == "timeout") causes.timeout = true;
        else if (const auto status = read_status(item, 400)) causes.statuses.push_back(*status);
        else return wrong_item(item, whole);
        if (item.size() == text.size()) break;
        text.remove_prefix(item.size() + 1);
    }
    std::ranges::sort(causes.statuses);
    const auto again = std::ranges::unique(causes.statuses);
    causes.statuses.erase(again.begin(), again.end());
    return causes;
}

std::string write_causes(const retry_causes& causes) {
    std::string text;
    const auto add = [&text](std::string_view item) { text.append(text.empty() ? "" : ",").append(item); };
    if (causes.connect_failure) add("connect_failure");
    if (causes.reset) add("reset");
    if (causes.timeout) add("timeout");
    for (const auto status : causes.statuses) add(std::to_string(status));
    return text.empty() ? "none" : text;
}

reading<std::string> read_colon_list(std::string_view text) {
    if (text.find_first_of(", ") != text.npos) return wrong("the names of this list have ':' between them");
    for (auto rest = text;;) {
        const auto name = rest.substr(0, rest.find(':'));
        const bool spelled = std::ranges::all_of(name, [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                   std::string_view{"-_+!@=."}.contains(c);
        });
        if (name.empty()) return wrong("a name of the list is empty");
        if (!spelled) return wrong(name == text ? std::string{} : quoted(name) + " is not one");
        if (name.size() == rest.size()) return std::string{text};
        rest.remove_prefix(name.size() + 1);
    }
}

reading<std::string> read_tls_name(std::string_view text) {
    if (text.starts_with('[') && text.ends_with(']')) return wrong("here an IPv6 address stands without brackets");
    if (is_ipv4(text) || is_ipv6(text)) return std::string{text};
    if (!is_host_name(text)) return wrong(text.contains(':') ? "names are compared without a port" : "");
    std::string name{text};
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return name;
}

}  // namespace weir::conf
