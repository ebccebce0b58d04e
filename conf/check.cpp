#include "conf/check.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "conf/units.hpp"

namespace weir::conf {
namespace {

std::string text_of(milliseconds time) { return write_milliseconds(static_cast<std::uint64_t>(time.count())); }

std::string key_of(const endpoint& address) {
    if (!address.unix_path.empty()) return "unix:" + address.unix_path;
    if (address.port == 0) return {};  // unreadable, or a port that the kernel chooses
    return (address.host.empty() ? "" : address.host + ":") + std::to_string(address.port);
}

/// Calls `again(i, first)` for every place whose key an earlier one had. An empty key is never the same as another.
template <class Key, class Again> void for_repeated(std::size_t count, Key key, Again again) {
    std::unordered_map<std::string, std::size_t> seen;
    for (std::size_t i = 0; i < count; ++i) {
        auto name = key(i);
        if (name.empty()) continue;
        if (const auto [first, is_new] = seen.emplace(std::move(name), i); !is_new) again(i, first->second);
    }
}

// ---- routes ----

/// Does every path that starts with `prefix`, by whole segments, start with `earlier` too?
bool covers_prefix(std::string_view earlier, std::string_view prefix) {
    if (!prefix.starts_with(earlier)) return false;
    return prefix.size() == earlier.size() || earlier.ends_with('/') || prefix[earlier.size()] == '/';
}

bool covers_host(std::string_view earlier, std::string_view host) {
    return earlier == host || (earlier.starts_with("*.") && host.ends_with(earlier.substr(1)));
}

bool covers_hosts(const std::vector<std::string>& earlier, const std::vector<std::string>& later) {
    const auto covered = [&](const std::string& host) {
        return std::ranges::any_of(earlier, [&](const auto& pattern) { return covers_host(pattern, host); });
    };
    return earlier.empty() || (!later.empty() && std::ranges::all_of(later, covered));
}

bool covers_methods(const std::vector<std::string>& earlier, const std::vector<std::string>& later) {
    const auto covered = [&](const std::string& method) { return std::ranges::find(earlier, method) != earlier.end(); };
    return earlier.empty() || (!later.empty() && std::ranges::all_of(later, covered));
}

/// Whatever the later route would match, the earlier one has taken.
bool shadows(const route& earlier, const route& later) {
    return covers_prefix(earlier.prefix, later.prefix) && covers_hosts(earlier.hosts, later.hosts) &&
           covers_methods(earlier.methods, later.methods);
}

void check_route(const route& made, const written& where, diagnostics& problems) {
    if (!where.find("route", "PREFIX")) return;  // hardly begun, and reported
    const span* goals[] = {where.find("route", "BACKEND"), where.find("redirect"), where.find("respond")};
    const span* first = nullptr;
    for (const span* goal : goals) {
        if (!goal) continue;
        if (first) {
            problems.error(*goal, "a route has one of a backend, 'redirect' and 'respond', not two");
            problems.note(*first, "the first is here");
        }
        if (!first) first = goal;
    }
    if (!first) problems.error(where.self, "this route leads nowhere; it needs a backend, 'redirect' or 'respond'");
    if (const auto* upgrade = where.find("upgrade", "PROTOCOL"); upgrade && where.sound)
        if (std::ranges::find(made.upgrades, "h2c") != made.upgrades.end())
            problems.warning(*upgrade,
                             "h2c lets clients speak HTTP/2 to the servers past every check and route of weir");
}

void check_action(const directive& of, const header_action& made, const written& where, diagnostics& problems) {
    const auto* value = where.find(of.name, "VALUE");
    if (!where.sound) return;
    if (made.what == header_action::kind::remove) {
        if (value) problems.error(*value, "'remove' takes the name of a header only");
    } else if (!value) {
        problems.error(where.self, std::string{made.what == header_action::kind::set ? "'set'" : "'add'"} +
                                       " needs a value after the name of the header");
    }
    std::string name = made.name;
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    if (name == "host" && made.what != header_action::kind::set)
        problems.error(*where.find(of.name, "NAME"), "'Host' may only be set: a request has exactly one");
}

void check_response(const fixed_response& made, const written& where, diagnostics& problems) {
    if (!where.sound || made.body.empty() || (made.status != 204 && made.status != 205 && made.status != 304)) return;
    problems.error(*where.find("respond", "BODY"),
                   "a response with status " + std::to_string(made.status) + " has no body");
}

// ---- listeners ----

void check_tcp(const listener& made, const written& where, diagnostics& problems) {
    for (const auto& each : where.entries) {
        const bool of_http = each.what->http_only ? each.part == nullptr : each.part && each.part->http_only;
        if (!of_http) continue;
        const auto name = each.part ? std::string{each.part->name} + "=" : std::string{each.what->name};
        problems.error(each.where, "'" + name + "' is for http; this listener has 'protocol tcp'");
    }
    if (made.defer_accept && where.find("defer_accept"))
        problems.error(*where.find("defer_accept", "on|off"),
                       "'defer_accept on' would stall protocols in which the server speaks first; it is for http");
    if (!where.find("default_backend")) problems.error(where.self, "a tcp listener needs a 'default_backend'");
}

void check_listener(const listener& made, const written& where, diagnostics& problems) {
    const auto routes = where.all("route");
    if (made.protocol == http_protocol::tcp) {
        check_tcp(made, where, problems);
    } else {
        if (routes.empty() && !where.find("default_backend"))
            problems.error(where.self, "this listener leads nowhere; it needs a 'route' or a 'default_backend'");
        const auto* defer = where.find("defer_accept", "on|off");
        if (defer && made.defer_accept && !made.address.unix_path.empty())
            problems.error(*defer, "'defer_accept on' means nothing on a Unix socket");
    }
    if (!where.sound) return;

    // Each is compared with so many that no file written by hand has more, and a generated one still loads at once.
    constexpr std::size_t most = 1000;
    for (std::size_t later = 1; later < routes.size(); ++later)
        for (std::size_t earlier = 0; earlier < std::min(later, most); ++earlier) {
            if (!shadows(made.routes[earlier], made.routes[later])) continue;
            problems.warning(routes[later], "this route never matches: an earlier one takes all its requests");
            problems.note(routes[earlier], "the earlier one is here");
            break;
        }
    for (const auto& network : made.trusted) {
        const bool every_v4 = network.prefix == 96 && network.bytes[10] == 0xff;
        if (network.unix_socket || (network.prefix > 0 && !every_v4)) continue;
        problems.warning(*where.find("trusted", "NETWORK"),
                         quoted(network.text) + " trusts everybody: any client can claim any address");
    }
}

// ---- backends ----

void check_backend(const backend& made, const written& where, diagnostics& problems) {
    const auto servers = where.all("server");
    if (servers.empty()) problems.error(where.self, "backend " + quoted(made.name) + " has no 'server'");
    if (!where.sound) return;

    const auto address = [&](std::size_t i) { return key_of(made.servers[i].address); };
    for_repeated(servers.size(), address, [&](std::size_t i, std::size_t first) {
        problems.warning(servers[i], "the same server twice; a larger share is written weight=2");
        problems.note(servers[first], "first given here");
    });

    // Whoever lowers `total` alone wants just that: a default that it overtakes is no news.
    const auto& timeout = made.timeout;
    const auto overtaken = [&](std::string_view name, milliseconds time) {
        const auto* place = where.find("timeout", name);
        if (!place || time <= timeout.total) return false;
        problems.warning(*place, std::string{name} + "=" + text_of(time) +
                                     " never ends a wait: total=" + text_of(timeout.total) + " is over before");
        return true;
    };
    overtaken("first_byte", timeout.first_byte);
    if (overtaken("connect", timeout.connect)) return;

    const span* places[] = {where.find("retry", "N"), where.find("timeout", "connect"), where.find("timeout", "total")};
    const auto place = std::ranges::find_if(places, [](const span* each) { return each != nullptr; });
    const auto tries = made.retries + 1;
    if (place != std::end(places) && tries > 1 && timeout.connect * tries > timeout.total)
        problems.warning(**place, std::to_string(tries) + " tries of connect=" + text_of(timeout.connect) +
                                      " do not fit into total=" + text_of(timeout.total));
}

// ---- the whole ----

void check_unused(const config& whole, const written& top, diagnostics& problems) {
    std::vector<bool> used(whole.backends.size());
    for (const auto& listener : whole.listeners) {
        if (listener.default_backend) used[*listener.default_backend] = true;
        for (const auto& route : listener.routes)
            if (route.backend) used[*route.backend] = true;
    }
    const auto places = top.all("backend");
    for (std::size_t i = 0; i < used.size(); ++i)
        if (!used[i]) problems.warning(places[i], "backend " + quoted(whole.backends[i].name) + " is not used");
}

}  // namespace

const span* written::find(std::string_view name, std::string_view part) const {
    for (const auto& each : entries)
        if (each.what->name == name && (each.part ? each.part->name : std::string_view{}) == part) return &each.where;
    return nullptr;
}

std::vector<span> written::all(std::string_view name) const {
    std::vector<span> out;
    for (const auto& each : entries)
        if (each.what->name == name && !each.part) out.push_back(each.where);
    return out;
}

void check(const directive& made, target what, const written& where, diagnostics& problems) {
    if (what.action) check_action(made, *what.action, where, problems);
    else if (made.name == "respond") check_response(*what.route->responds, where, problems);
    else if (made.name == "route") check_route(*what.route, where, problems);
    else if (made.name == "listen") check_listener(*what.listener, where, problems);
    else if (made.name == "backend") check_backend(*what.backend, where, problems);
}

void check(const config& whole, const written& top, unsigned cores, diagnostics& problems) {
    const auto listeners = top.all("listen"), backends = top.all("backend");
    if (listeners.empty() && !problems.has_errors())
        problems.error({{1, 1}, 1}, "no 'listen'; a whole configuration is: listen 8080 { route / web; } "
                                    "backend web { server 127.0.0.1:9001; }");

    const auto twice = [&problems](const std::vector<span>& places, std::string_view what, auto key) {
        for_repeated(places.size(), key, [&](std::size_t i, std::size_t first) {
            problems.error(places[i], std::string{what}.append(" ").append(quoted(key(i))).append(" is given twice"));
            problems.note(places[first], "first given here");
        });
    };
    twice(backends, "backend", [&](std::size_t i) { return whole.backends[i].name; });
    twice(listeners, "address", [&](std::size_t i) { return key_of(whole.listeners[i].address); });

    if (whole.drain.deadline < whole.drain.lame_duck) {
        const auto *duck = top.find("drain", "lame_duck"), *deadline = top.find("drain", "deadline");
        if (duck || deadline)
            problems.error(deadline ? *deadline : *duck,
                           "deadline=" + text_of(whole.drain.deadline) +
                               " is over before lame_duck=" + text_of(whole.drain.lame_duck) + " ends");
    }
    if (const auto* workers = top.find("workers", "N"); workers && whole.workers > cores)
        problems.warning(*workers, std::to_string(whole.workers) + " workers share " + std::to_string(cores) +
                                       (cores == 1 ? " core" : " cores") + "; more than one for a core costs latency");
    if (!problems.has_errors()) check_unused(whole, top, problems);
}

}  // namespace weir::conf
