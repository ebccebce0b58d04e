#include "proxy/names.hpp"

#include "lib/async/stream.hpp"
#include "lib/net/resolver.hpp"
#include "lib/net/socket.hpp"

namespace weir {
namespace {

constexpr std::size_t lookups_at_once = 8;
constexpr std::size_t addresses_of_a_name = 8;  // a connect would not get to try more within its timeout
constexpr auto lookup_limit = 5s;

std::string text_of(const std::vector<address>& all) {
    std::string text;
    for (const auto& each : all) each.append_to(text.append(text.empty() ? "" : " "));
    return text;
}

std::vector<server*> named_servers(backend& of) {
    std::vector<server*> named;
    for (auto& each : of.servers())
        if (each.needs_lookup()) named.push_back(&each);
    return named;
}

}  // namespace

/// What a lookup found, or why it did not.
struct names::finding {
    finding(server& who, std::expected<std::vector<address>, std::string> what) : who{&who}, what{std::move(what)} {}
    server* who;
    std::expected<std::vector<address>, std::string> what;
};

task<names::finding> names::look_up(server& who) {
    const auto& at = who.settings().address;
    auto found = co_await timeout(time_, lookup_limit, resolve(time_, shared_.dns, at.host, at.port));
    if (!found) co_return finding{who, std::unexpected{std::string{"timed out"}}};
    if (*found) {
        auto first_ones = iterate{interleave_families(std::move(**found))} | take(addresses_of_a_name);
        auto usable = co_await collect(std::move(first_ones));
        co_return finding{who, std::move(usable)};
    }
    co_return finding{who, std::unexpected{std::move(found->error())}};
}

task<void> names::look_up_these(std::vector<server*> whom) {
    const auto is_news = [this](const finding& f) {
        if (f.what) return true;
        log(log_level::warn, "cannot resolve " + f.who->name() + ": " + f.what.error());
        return false;
    };
    auto publish = [this](finding f) {
        auto before = text_of(f.who->addresses()), found = text_of(*f.what);
        if (!f.who->set_addresses(std::move(*f.what))) return;
        log(log_level::info, "resolved " + f.who->name() + ": " + found);
        shared_.events.add(time_.now(), {.kind = journal_kind::addresses,
                                         .server = f.who->name(),
                                         .from = std::move(before),
                                         .to = std::move(found),
                                         .why = "looked up"});
    };
    auto findings = iterate{std::move(whom)} | map([this](server* who) { return look_up(*who); }) |
                    buffer_unordered(time_, lookups_at_once) | filter(is_news);
    co_await weir::for_each(std::move(findings), std::move(publish));
}

task<void> names::look_up_all() {
    std::vector<server*> all;
    for (auto& backend : shared_.backends) {
        const auto named = named_servers(backend);
        all.insert(all.end(), named.begin(), named.end());
    }
    co_await look_up_these(std::move(all));
}

task<void> names::keep_backend_fresh(backend& of, event& stop) {
    auto turns = ticks{time_, of.settings().resolve_every} | take_until(stop);
    while (co_await turns.next()) co_await look_up_these(named_servers(of));
}

task<void> names::keep_fresh(event& stop) {
    scope each{time_};
    for (auto& backend : shared_.backends)
        if (!named_servers(backend).empty()) each.spawn(keep_backend_fresh(backend, stop));
    co_await each.joined();
}

}  // namespace weir
