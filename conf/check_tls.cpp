#include "conf/check_tls.hpp"

#include <algorithm>
#include <string>

#include "conf/address.hpp"
#include "conf/http_words.hpp"
#include "conf/repeated.hpp"

namespace weir::conf {
namespace {

using variable = text_template::variable;

/// In an OpenSSL list: `!NAME` and `-NAME` take away; these would bring in what no one should speak.
bool is_weak(std::string_view name) {
    if (name.starts_with('!') || name.starts_with('-')) return false;
    constexpr std::string_view parts[] = {"NULL", "EXP", "RC4", "DES", "MD5", "ADH", "AECDH", "LOW", "SECLEVEL=0"};
    return std::ranges::any_of(parts, [&](auto part) { return name.contains(part); });
}

void check_algorithms(const tls_algorithms& made, const written& where, diagnostics& problems) {
    const auto* ciphers = where.find("ciphers", "LIST");
    if (!ciphers) return;
    if (made.min_version == tls_version::v1_3)
        problems.warning(*ciphers,
                         "'ciphers' are for TLS 1.2, which 'min_version 1.3' leaves out; those of TLS 1.3 are "
                         "'ciphersuites'");
    for (std::string_view rest = made.ciphers; !rest.empty();) {
        const auto name = rest.substr(0, rest.find(':'));
        if (is_weak(name)) {
            problems.warning(*ciphers, quoted(name) + " is too weak to protect anything");
            break;
        }
        rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    }
}

// ---- what requests are told ----

bool is_of_client_certificate(variable which) {
    return which == variable::client_certificate_subject || which == variable::client_certificate_verdict ||
           which == variable::client_certificate_fingerprint || which == variable::client_certificate_serial;
}
bool is_of_tls(variable which) {
    return which == variable::sni || which == variable::tls_version || which == variable::tls_cipher;
}

/// The first variable of a kind in a text; none when there is none.
template <class Kind> variable first_variable(const text_template& text, Kind is_one) {
    for (const auto& piece : text.pieces)
        if (is_one(piece.var)) return piece.var;
    return variable::none;
}

void check_value(const listener& on, const text_template& text, span where, diagnostics& problems) {
    const bool asks = on.tls && on.tls->clients != client_auth::off;
    if (const auto of_tls = first_variable(text, is_of_tls); of_tls != variable::none && !on.tls)
        problems.warning(where, quoted(name_of(of_tls)) + " is always empty: this listener has no 'tls'");
    if (const auto of_client = first_variable(text, is_of_client_certificate); of_client != variable::none && !asks)
        problems.warning(where,
                         quoted(name_of(of_client)) + " tells nothing: this listener asks for no 'client_certificate'");
}

void check_actions(const listener& on, const std::vector<header_action>& actions, const std::vector<span>& places,
                   bool for_servers, diagnostics& problems) {
    for (std::size_t i = 0; i < actions.size(); ++i) {
        check_value(on, actions[i].value, places[i], problems);
        if (actions[i].what != header_action::kind::add || !for_servers) continue;
        if (first_variable(actions[i].value, is_of_client_certificate) == variable::none) continue;
        problems.warning(places[i], "'add' keeps what the client itself sent as " + quoted(actions[i].name) +
                                        ": it may claim any certificate; 'set' replaces it");
    }
}

void check_headers(const listener& made, const written& where, diagnostics& problems) {
    bool tells = false;
    const auto routes = where.all_blocks("route");
    for (std::size_t i = 0; i < routes.size(); ++i) {
        const auto& route = made.routes[i];
        check_actions(made, route.request_headers, routes[i]->all("request_header"), true, problems);
        check_actions(made, route.response_headers, routes[i]->all("response_header"), false, problems);
        if (route.redirects) check_value(made, route.redirects->to, *routes[i]->find("redirect"), problems);
        for (const auto& action : route.request_headers)
            tells = tells || first_variable(action.value, is_of_client_certificate) != variable::none;
    }
    if (!made.tls || made.tls->clients != client_auth::optional || tells) return;
    problems.warning(*where.all_blocks("tls").front()->find("client_certificate", "MODE"),
                     made.protocol == http_protocol::tcp
                         ? "in tcp mode nobody learns what an optional certificate was worth; 'required' refuses"
                         : "nobody learns what an optional certificate was worth: no 'request_header' of this listener "
                           "has $client_certificate_verdict");
}

// ---- sni ----

bool covers_name(std::string_view earlier, std::string_view name) {
    return earlier == name || (earlier.starts_with("*.") && name.ends_with(earlier.substr(1)));
}

/// Is each of `later` in `earlier`? An empty list stands for all there is.
template <class Covers>
bool covers_all(const std::vector<std::string>& earlier, const std::vector<std::string>& later, Covers covers) {
    if (earlier.empty()) return true;
    return !later.empty() && std::ranges::all_of(later, [&](const auto& item) {
        return std::ranges::any_of(earlier, [&](const auto& pattern) { return covers(pattern, item); });
    });
}

bool shadows(const sni_route& earlier, const sni_route& later) {
    return covers_all(earlier.names, later.names, covers_name) &&
           covers_all(earlier.alpn, later.alpn, [](const auto& a, const auto& b) { return a == b; });
}

void check_sni(const listener& made, const written& where, diagnostics& problems) {
    const auto places = where.all("sni");
    if (places.empty()) return;
    if (made.protocol == http_protocol::http) {
        problems.error(places.front(), "'sni' is for listeners with 'protocol tcp'; with http a route has host=");
        return;
    }
    if (made.tls) {
        problems.error(places.front(), "'sni' passes TLS on unopened, but the 'tls' of this listener opens it");
        problems.note(*where.find("tls"), "the block is here");
        return;
    }
    if (!where.sound) return;
    for (std::size_t i = 0; i < places.size(); ++i)
        for (const auto& name : made.sni[i].names)
            if (is_ipv4(name) || name.starts_with('['))
                problems.error(places[i], quoted(name) + " is an address; a ClientHello tells names only (RFC 6066)");
    constexpr std::size_t most = 1000;  // each is compared with so many; a generated file still loads at once
    for (std::size_t later = 1; later < places.size(); ++later)
        for (std::size_t earlier = 0; earlier < std::min(later, most); ++earlier) {
            if (!shadows(made.sni[earlier], made.sni[later])) continue;
            problems.warning(places[later], "this 'sni' never matches: an earlier one takes all its connections");
            problems.note(places[earlier], "the earlier one is here");
            break;
        }
    const auto takes_all = [](const sni_route& route) { return route.names.empty() && route.alpn.empty(); };
    if (!made.default_backend && std::ranges::none_of(made.sni, takes_all))
        problems.warning(where.self,
                         "who asks for another name is closed; 'sni * BACKEND' or 'default_backend' would take them");
}

// ---- ALPN ----

/// For each backend: do requests of http listeners reach it, its role as a fallback included?
std::vector<bool> reached_by_http(const config& whole) {
    std::vector<bool> reached(whole.backends.size());
    const auto reach = [&](std::size_t at) {
        while (!reached[at]) {
            reached[at] = true;
            if (whole.backends[at].fallback.how == fallback::kind::backend) at = whole.backends[at].fallback.backend;
        }
    };
    for (const auto& listener : whole.listeners) {
        if (listener.protocol == http_protocol::tcp) continue;
        if (listener.default_backend) reach(*listener.default_backend);
        for (const auto& route : listener.routes)
            if (route.backend) reach(*route.backend);
    }
    return reached;
}

/// What weir would have to speak but does not; none: fine.
const std::string* unspoken(const std::vector<std::string>& alpn) {
    const auto spoken = [](const std::string& name) { return name == "http/1.1" || name == "http/1.0"; };
    const auto found = std::ranges::find_if_not(alpn, spoken);
    return found == alpn.end() ? nullptr : &*found;
}

}  // namespace

void check_tls(const server_tls& made, const written& where, diagnostics& problems) {
    const auto certificates = where.all("certificate");
    if (certificates.empty()) problems.error(where.self, "'tls' needs a certificate: certificate FILE key=FILE");
    if (!where.sound) return;

    const auto file = [&](std::size_t i) { return made.certificates[i].certificate.path; };
    for_repeated(certificates.size(), file, [&](std::size_t i, std::size_t first) {
        problems.warning(certificates[i], "the same certificate twice");
        problems.note(certificates[first], "first given here");
    });
    if (made.clients != client_auth::off && made.client_ca.path.empty())
        problems.error(*where.find("client_certificate", "MODE"),
                       std::string{"'client_certificate "} +
                           (made.clients == client_auth::required ? "required" : "optional") +
                           "' needs ca=FILE: the authorities whose certificates clients may have");
    check_algorithms(made.algorithms, where, problems);
}

void check_tls(const client_tls& made, const written& where, diagnostics& problems) {
    if (!where.sound) return;
    check_algorithms(made.algorithms, where, problems);
    if (made.verify) return;
    problems.warning(*where.find("verify", "on|off"),
                     "with 'verify off' whoever gets between weir and a server can read and change everything");
    if (const auto* ca = where.find("ca", "FILE")) problems.warning(*ca, "'ca' means nothing with 'verify off'");
}

void check_listener_tls(const listener& made, const written& where, diagnostics& problems) {
    check_sni(made, where, problems);
    if (!where.sound) return;
    check_headers(made, where, problems);
    if (!made.tls || made.protocol == http_protocol::tcp) return;
    if (const auto* name = unspoken(made.tls->alpn))
        problems.error(*where.all_blocks("tls").front()->find("alpn", "LIST"),
                       "in http mode weir speaks HTTP/1.1 with clients, not " + quoted(*name) +
                           "; 'alpn' takes http/1.1 or off");
}

void check_backend_tls(const backend& made, const written& where, diagnostics& problems) {
    if (!made.tls || !made.tls->verify || !made.tls->name.empty()) return;
    const auto places = where.all("server");
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (made.servers[i].address.unix_path.empty()) continue;
        problems.error(places[i],
                       "a Unix socket has no host to check the server's certificate against; 'tls' needs a 'name'");
        problems.note(*where.find("tls"), "the block is here");
    }
}

void settle_alpn(config& whole, const written& top, diagnostics& problems) {
    const auto by_http = reached_by_http(whole);
    const auto blocks = top.all_blocks("backend");
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (!whole.backends[i].tls || !by_http[i]) continue;
        auto& alpn = whole.backends[i].tls->alpn;
        const auto* place = blocks[i]->all_blocks("tls").front()->find("alpn", "LIST");
        if (!place) alpn = {"http/1.1"};
        else if (const auto* name = unspoken(alpn))
            problems.error(*place, "in http mode weir speaks HTTP/1.1 with servers, not " + quoted(*name) +
                                       "; 'alpn' takes http/1.1 or off");
    }
}

void check_redirects(const config& whole, const written& top, diagnostics& problems) {
    const auto serves_443 = [](const listener& each) { return each.address.port == 443; };
    const bool another = std::ranges::any_of(whole.listeners, serves_443);
    const auto listeners = top.all_blocks("listen");
    for (std::size_t i = 0; i < listeners.size(); ++i) {
        const auto& made = whole.listeners[i];
        if (!made.tls) continue;
        const auto routes = listeners[i]->all_blocks("route");
        for (std::size_t j = 0; j < routes.size(); ++j) {
            if (!made.routes[j].redirects) continue;
            const std::string_view to = made.routes[j].redirects->to.text;
            const bool same = to == "https://$host$target" || to == "$scheme://$host$target";
            if (same && (serves_443(made) || !another))
                problems.warning(*routes[j]->find("redirect"),
                                 "this listener speaks TLS already: the redirect leads back to it, again and again");
            if (to.starts_with("http://"))
                problems.warning(*routes[j]->find("redirect"), "this redirect leads from TLS to plain HTTP");
        }
    }
}

}  // namespace weir::conf
