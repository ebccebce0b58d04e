#include "proxy/tls_contexts.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace weir {
namespace {

tls::version version_of(conf::tls_version from) {
    return from == conf::tls_version::v1_3 ? tls::version::tls13 : tls::version::tls12;
}
tls::client_auth clients_of(conf::client_auth from) {
    switch (from) {
    case conf::client_auth::off: return tls::client_auth::off;
    case conf::client_auth::optional: return tls::client_auth::optional;
    case conf::client_auth::required: return tls::client_auth::required;
    }
    std::unreachable();
}

template <class Settings>
void take_algorithms(Settings& into, const conf::tls_algorithms& from) {
    into.min_version = version_of(from.min_version);
    into.ciphers = from.ciphers;
    into.ciphersuites = from.ciphersuites;
    into.curves = from.curves;
}

tls::server_settings settings_of(const conf::server_tls& from) {
    tls::server_settings to;
    for (const auto& each : from.certificates)
        to.certificates.push_back({each.certificate.path, each.key.path, each.ocsp.path});
    to.refuse_unknown_names = from.refuse_unknown_names;
    take_algorithms(to, from.algorithms);
    to.alpn = from.alpn;
    to.clients = clients_of(from.clients);
    to.client_ca = from.client_ca.path;
    to.tickets = from.tickets;
    to.ticket_lifetime = std::chrono::duration_cast<std::chrono::seconds>(from.ticket_lifetime);
    return to;
}

tls::client_settings settings_of(const conf::client_tls& from) {
    tls::client_settings to;
    to.verify = from.verify;
    to.ca = from.ca.path;
    to.certificate = {from.certificate.path, from.key.path, {}};
    take_algorithms(to, from.algorithms);
    to.alpn = from.alpn;
    return to;
}

std::vector<const conf::file_name*> files_of(const conf::server_tls& from) {
    std::vector<const conf::file_name*> all;
    for (const auto& each : from.certificates) all.insert(all.end(), {&each.certificate, &each.key, &each.ocsp});
    all.push_back(&from.client_ca);
    return all;
}
std::vector<const conf::file_name*> files_of(const conf::client_tls& from) {
    return {&from.ca, &from.certificate, &from.key};
}

/// Where the configuration names the file that a message begins with, else where its TLS settings begin.
template <class Settings>
conf::span place_of(std::string_view message, const Settings& in) {
    for (const auto* each : files_of(in))
        if (!each->path.empty() && message.starts_with(each->path + ":")) return each->where;
    return {in.at, 3};
}

template <class Settings>
void report(conf::diagnostics& problems, const std::vector<std::string>& lines, const Settings& in, bool errors) {
    for (const auto& line : lines) {
        if (errors) problems.error(place_of(line, in), line);
        else problems.warning(place_of(line, in), line);
    }
}

template <class Context, class Settings>
std::shared_ptr<const Context> checked(typename Context::loaded loaded, const Settings& in,
                                       conf::diagnostics& problems) {
    if (!loaded) {
        report(problems, loaded.error(), in, true);
        return nullptr;
    }
    report(problems, (*loaded)->warnings(), in, false);
    return std::move(*loaded);
}

template <class Settings>
void add_files(std::vector<std::string>& all, const std::optional<Settings>& of) {
    if (!of) return;
    for (const auto* each : files_of(*of))
        if (!each->path.empty()) all.push_back(each->path);
}

}  // namespace

ticket_key_list make_ticket_keys(const conf::config& config, tls::wall_time now) {
    ticket_key_list keys;
    for (const auto& each : config.listeners) {
        auto& key = keys.emplace_back();
        if (!each.tls || !each.tls->tickets) continue;
        const auto lifetime = std::chrono::duration_cast<std::chrono::seconds>(each.tls->ticket_lifetime);
        key = std::make_shared<tls::ticket_keys>(lifetime, now);
    }
    return keys;
}

tls_contexts load_tls(const conf::config& config, ticket_key_list keys, tls::wall_time now,
                      conf::diagnostics& problems) {
    tls_contexts made;
    made.keys = std::move(keys);
    for (std::size_t i = 0; i < config.listeners.size(); ++i) {
        auto& context = made.listeners.emplace_back();
        const auto& settings = config.listeners[i].tls;
        if (!settings) continue;
        auto loaded = tls::server_context::load(settings_of(*settings), made.keys[i], now);
        context = checked<tls::server_context>(std::move(loaded), *settings, problems);
    }
    for (const auto& each : config.backends) {
        auto& context = made.backends.emplace_back();
        if (!each.tls) continue;
        auto loaded = tls::client_context::load(settings_of(*each.tls), now);
        context = checked<tls::client_context>(std::move(loaded), *each.tls, problems);
    }
    return made;
}

std::vector<std::string> files_of_tls(const conf::config& config) {
    std::vector<std::string> all;
    for (const auto& each : config.listeners) add_files(all, each.tls);
    for (const auto& each : config.backends) add_files(all, each.tls);
    std::ranges::sort(all);
    const auto doubled = std::ranges::unique(all);
    all.erase(doubled.begin(), doubled.end());
    return all;
}

}  // namespace weir
