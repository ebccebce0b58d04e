#include "conf/check.hpp"

#include <algorithm>
#include <string>

#include "conf/binding.hpp"
#include "conf/check_backend.hpp"
#include "conf/check_tls.hpp"
#include "conf/repeated.hpp"
#include "conf/values.hpp"

namespace weir::conf {
namespace {

/// What another choice of the same directive makes meaningless has its default, so that `-T` need not print it.
void settle_idle(target what, const written& where, diagnostics& problems) {
    for (const auto& each : where.entries) {
        if (!each.part || !each.part->shown || each.part->shown(what)) continue;
        const auto is_it = [&](const argument& keyed) { return &keyed == each.part; };
        if (each.what->plain.empty() || std::ranges::none_of(each.what->keyed, is_it)) continue;
        const auto& choice = each.what->plain.front();
        problems.warning(each.where,
                         quoted(std::string{each.part->name} + "=") + " means nothing with " +
                             quoted(std::string{each.what->name} + " " + print(choice, choice.in(what), {})));
        if (each.part->fallback.empty()) clear(each.part->in(what));
        else static_cast<void>(assign(*each.part, each.part->in(what), each.part->fallback, {each.part->name, {}}));
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

void refuse_http(const written& where, diagnostics& problems) {
    for (const auto& each : where.entries) {
        const bool of_http = each.what->http_only ? each.part == nullptr : each.part && each.part->http_only;
        if (!of_http) continue;
        const auto name = each.part ? std::string{each.part->name} + "=" : std::string{each.what->name};
        problems.error(each.where, "'" + name + "' is for http; this listener has 'protocol tcp'");
    }
    for (const auto* tls : where.all_blocks("tls")) refuse_http(*tls, problems);
}

void check_tcp(const listener& made, const written& where, diagnostics& problems) {
    refuse_http(where, problems);
    if (made.defer_accept && where.find("defer_accept"))
        problems.error(*where.find("defer_accept", "on|off"),
                       "'defer_accept on' would stall protocols in which the server speaks first; it is for http");
    if (!where.find("default_backend") && !where.find("sni"))
        problems.error(where.self, "a tcp listener needs a 'default_backend' or 'sni'");
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
    check_listener_tls(made, where, problems);
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
    const auto blocks = where.all_blocks("route");
    for (std::size_t i = 0; i < blocks.size(); ++i)
        if (made.routes[i].cls == priority::header && made.trusted.empty())
            problems.warning(*blocks[i]->find("priority", "CLASS"),
                             "this listener has no 'trusted' peer whose Priority header would be believed");
    for (const auto& network : made.trusted) {
        const bool every_v4 = network.prefix == 96 && network.bytes[10] == 0xff;
        if (network.unix_socket || (network.prefix > 0 && !every_v4)) continue;
        problems.warning(*where.find("trusted", "NETWORK"),
                         quoted(network.text) + " trusts everybody: any client can claim any address");
    }
}

// ---- the whole ----

/// What can be judged only once all backends are known.
void check_route_goal(const config& whole, const route& made, const written& where, diagnostics& problems) {
    const auto* race = where.find("race", "N");
    if (!race || !made.backend) return;
    const auto servers = whole.backends[*made.backend].servers.size();
    if (made.race > servers)
        problems.warning(*race, "race of " + std::to_string(made.race) + ", but backend " +
                                    quoted(whole.backends[*made.backend].name) + " has " + std::to_string(servers) +
                                    (servers == 1 ? " server" : " servers"));
}

/// Bytes in tcp mode have no place for an answer of our own, whether the backend itself has one or its fallback.
void check_tcp_goal(const config& whole, std::size_t at, span where, const written& top, diagnostics& problems) {
    while (whole.backends[at].fallback.how == fallback::kind::backend) at = whole.backends[at].fallback.backend;
    if (whole.backends[at].fallback.how == fallback::kind::none) return;
    problems.error(where, "a tcp listener cannot answer by itself, as the fallback of backend " +
                              quoted(whole.backends[at].name) + " wants; only 'fallback backend' works for it");
    problems.note(*top.all_blocks("backend")[at]->find("fallback", "KIND"), "the fallback is here");
}

void check_goals(const config& whole, const written& top, diagnostics& problems) {
    const auto listeners = top.all_blocks("listen");
    for (std::size_t i = 0; i < listeners.size(); ++i) {
        const auto& made = whole.listeners[i];
        if (const auto* goal = listeners[i]->find("default_backend", "BACKEND");
            goal && made.protocol == http_protocol::tcp)
            check_tcp_goal(whole, *made.default_backend, *goal, top, problems);
        const auto sni = listeners[i]->all("sni");
        for (std::size_t j = 0; j < sni.size(); ++j) check_tcp_goal(whole, made.sni[j].backend, sni[j], top, problems);
        const auto routes = listeners[i]->all_blocks("route");
        for (std::size_t j = 0; j < routes.size(); ++j) check_route_goal(whole, made.routes[j], *routes[j], problems);
    }
}

void check_unused(const config& whole, const written& top, diagnostics& problems) {
    std::vector<bool> used(whole.backends.size());
    for (const auto& each : whole.backends)
        if (each.fallback.how == fallback::kind::backend) used[each.fallback.backend] = true;
    for (const auto& listener : whole.listeners) {
        if (listener.default_backend) used[*listener.default_backend] = true;
        for (const auto& route : listener.sni) used[route.backend] = true;
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

std::vector<const written*> written::all_blocks(std::string_view name) const {
    std::vector<const written*> out;
    for (const auto& each : blocks)
        if (each.made->name == name) out.push_back(&each);
    return out;
}

void check(const directive& made, target what, const written& where, const environment& machine,
           diagnostics& problems) {
    if (made.has_block != block::never && where.sound) settle_idle(what, where, problems);
    if (what.action) check_action(made, *what.action, where, problems);
    else if (made.name == "respond") check_response(*what.route->responds, where, problems);
    else if (made.name == "route") check_route(*what.route, where, problems);
    else if (made.name == "tls" && made.where == scope::listen) check_tls(*what.server_tls, where, problems);
    else if (made.name == "tls") check_tls(*what.client_tls, where, problems);
    else if (made.name == "listen") check_listener(*what.listener, where, problems);
    else if (made.name == "backend") check_backend(*what.backend, where, machine, problems);
}

void check(config& whole, const written& top, const environment& machine, diagnostics& problems) {
    if (top.sound) settle_idle({.whole = &whole}, top, problems);
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
                           "deadline=" + write_time(whole.drain.deadline) +
                               " is over before lame_duck=" + write_time(whole.drain.lame_duck) + " ends");
    }
    if (const auto* workers = top.find("workers", "N"); workers && whole.workers > machine.cores)
        problems.warning(*workers, std::to_string(whole.workers) + " workers share " + std::to_string(machine.cores) +
                                       (machine.cores == 1 ? " core" : " cores") +
                                       "; more than one for a core costs latency");
    if (const auto* admin = top.find("admin", "ADDRESS"); admin && whole.admin && whole.admin->unix_path.empty())
        if (!whole.admin->host.starts_with("127.") && whole.admin->host != "::1" && whole.admin->host != "localhost")
            problems.warning(*admin, "whoever reaches " + quoted(whole.admin->text) + " can open and close breakers");
    settle_fallbacks(whole, top, problems);
    if (problems.has_errors()) return;
    settle_alpn(whole, top, problems);
    check_goals(whole, top, problems);
    check_redirects(whole, top, problems);
    check_unused(whole, top, problems);
}

}  // namespace weir::conf
