#include "conf/load.hpp"

#include <algorithm>
#include <utility>

#include "conf/binding.hpp"
#include "conf/check.hpp"
#include "conf/parser.hpp"
#include "conf/schema.hpp"
#include "conf/suggest.hpp"

namespace weir::conf {
namespace {

/// What other proxies call it.
struct habit {
    std::string_view theirs, ours;
};
constexpr habit habits[] = {
    {"upstream", "backend"},
    {"frontend", "listen"},
    {"bind", "listen"},
    {"location", "route"},
    {"proxy_pass", "route"},
    {"use_backend", "route"},
    {"mode", "protocol"},
    {"maxconn", "max_connections"},
    {"worker_processes", "workers"},
    {"nbthread", "workers"},
    {"threads", "workers"},
    {"pid", "pid_file"},
    {"pidfile", "pid_file"},
    {"retries", "retry"},
    {"client_max_body_size", "max_body"},
    {"large_client_header_buffers", "max_head"},
    {"return", "respond"},
    {"add_header", "response_header"},
    {"proxy_set_header", "request_header"},
    {"keepalive_timeout", "timeout"},
    {"keepalive", "keep_alive"},
    {"keepalive_requests", "max_requests"},
    {"proxy_protocol", "accept_proxy"},
    {"set_real_ip_from", "trusted"},
    {"ssl", "tls"},
    {"ssl_certificate", "certificate"},
    {"ssl_certificate_key", "certificate"},
    {"ssl_protocols", "min_version"},
    {"ssl_ciphers", "ciphers"},
    {"ssl_ecdh_curve", "curves"},
    {"ssl_verify_client", "client_certificate"},
    {"ssl_session_tickets", "tickets"},
    {"ssl_preread", "sni"},
    {"crt", "certificate"},
    {"proxy_ssl_verify", "verify"},
    {"proxy_ssl_name", "name"},
};

class loader {
public:
    loader(std::string_view file, environment machine) : machine_{machine}, problems_{file} { made_.file = file; }
    load_result load(std::string_view text);

private:
    void collect_backends(const std::vector<statement>& block);
    void read_block(std::vector<statement> block, scope where, target what, written& places);
    std::vector<statement> split(std::vector<statement> block, scope where);
    void read(statement& from, const directive& as, target around, written& places);
    void read_arguments(const statement& from, const directive& as, target what, written& places);
    void read_plain(const token& word, const directive& as, std::size_t position, target what, written& places);
    void read_keyed(const token& word, const directive& as, target what, written& places);
    void store(const argument& to, const token& word, std::string_view text, std::string_view subject, target what);
    void set_defaults(std::span<const argument> of, target what);
    void set_defaults(scope of, target what);
    void finish(target what, target around, location at, const written& inner);
    void twice(span again, std::string_view name, span first);
    void unknown(const token& name, scope where);
    std::size_t errors() const noexcept { return problems_.error_count(); }

    environment machine_;
    diagnostics problems_;
    config made_;
    std::vector<std::string> backend_names_;
    std::vector<std::string_view> backends_;
};

load_result loader::load(std::string_view text) {
    if (text.size() > max_file_bytes) {
        problems_.error({{1, 1}, 1}, "the file is larger than 1 MiB; that is no configuration");
        return {std::nullopt, problems_.take()};
    }
    if (text.starts_with("\xef\xbb\xbf")) {
        problems_.error({{1, 1}, 1}, "the file starts with a byte order mark; save it as UTF-8 without one");
        return {std::nullopt, problems_.take()};
    }
    auto file = split(parse(text, problems_), scope::top);
    collect_backends(file);
    backends_.assign(backend_names_.begin(), backend_names_.end());

    const target whole{.whole = &made_};
    set_defaults(scope::top, whole);
    written places;
    read_block(std::move(file), scope::top, whole, places);
    made_.cores = std::max(machine_.cores, 1u);
    if (made_.workers == 0) made_.workers = made_.cores;  // auto
    if (made_.handshakes.threads == 0) made_.handshakes.threads = std::min(made_.cores, 64u);
    check(made_, places, machine_, problems_);

    const bool good = !problems_.has_errors();
    return {good ? std::optional{std::move(made_)} : std::nullopt, problems_.take()};
}

/// A route may name a backend that stands further down, so the names are known before anything is read. One that stands
/// in the wrong place is an error of its own, and not a reason to call its name unknown too.
void loader::collect_backends(const std::vector<statement>& block) {
    for (const auto& each : block) {
        if (each.name.text == "backend") backend_names_.push_back(each.words.empty() ? "" : each.words.front().text);
        collect_backends(each.block);
    }
}

void loader::read_block(std::vector<statement> block, scope where, target what, written& places) {
    for (auto& each : block) {
        const auto* found = find_directive(where, each.name.text);
        if (found) read(each, *found, what, places);
        else unknown(each.name, where);
    }
}

/// With too many arguments, the likeliest slip is a `;` forgotten at the end of a line: where a line starts with a
/// directive, the statement is cut in two there. Nothing that is right is cut.
std::vector<statement> loader::split(std::vector<statement> block, scope where) {
    std::vector<statement> out;
    for (auto& each : block) {
        const auto* found = find_directive(where, each.name.text);
        const auto is_plain = [&](const token& word) { return found->keyed.empty() || word.key_length == 0; };
        const auto has_too_many = [&] {
            return static_cast<std::size_t>(std::ranges::count_if(each.words, is_plain)) > found->plain.size();
        };
        if (!found || !has_too_many()) {
            out.push_back(std::move(each));
            continue;
        }
        statement piece{.name = std::move(each.name)};
        for (auto& word : each.words) {
            const auto& last = piece.words.empty() ? piece.name : piece.words.back();
            if (word.where.at.line == last.where.at.line || !find_directive(where, word.text)) {
                piece.words.push_back(std::move(word));
                continue;
            }
            problems_.error(last.where, "expected ';' after " + quoted(last.text));
            out.push_back(std::exchange(piece, {.name = std::move(word)}));
        }
        piece.has_block = each.has_block;
        piece.block = std::move(each.block);
        out.push_back(std::move(piece));
    }
    return out;
}

void loader::read(statement& from, const directive& as, target around, written& places) {
    const auto errors_before = errors();
    const bool repeats = as.makes.add && !as.makes.once;
    const bool is_one = !as.plain.empty() || as.keyed.empty();  // key=value arguments alone may come in several parts
    if (!repeats && is_one)
        if (const auto* first = places.find(as.name)) twice(from.name.where, as.name, *first);

    target what = around;
    written inner{.self = from.name.where, .made = &as};
    if (!from.words.empty() && !as.plain.empty()) inner.self = from.words.front().where;
    places.entries.push_back({&as, nullptr, as.makes.add && !as.makes.once ? inner.self : from.name.where});
    if (as.makes.add) {
        what = as.makes.add(around);
        set_defaults(as.plain, what);
        set_defaults(as.keyed, what);
        if (as.has_block != block::never) set_defaults(as.opens, what);
    }
    read_arguments(from, as, what, as.makes.add ? inner : places);

    if (from.has_block && as.has_block == block::never) {
        problems_.error(from.name.where, quoted(as.name) + " takes no block; it ends with ';'");
    } else if (from.has_block) {
        read_block(split(std::move(from.block), as.opens), as.opens, what, inner);
    } else if (as.has_block == block::must) {
        problems_.error(from.name.where, quoted(as.name) + " needs a block in braces");
        places.blocks.push_back(std::move(inner));
        return;  // what the block lacks is clear
    }
    if (!as.makes.add) return;
    inner.sound = errors() == errors_before;
    finish(what, around, from.name.where.at, inner);
    check(as, what, inner, machine_, problems_);
    places.sound = places.sound && errors() == errors_before;
    if (as.has_block != block::never) places.blocks.push_back(std::move(inner));
}

void loader::read_arguments(const statement& from, const directive& as, target what, written& places) {
    std::size_t plain = 0;
    bool keyed = false, excess = false;
    for (const auto& word : from.words) {
        if (word.key_length > 0 && !as.keyed.empty()) {
            read_keyed(word, as, what, places);
            keyed = true;
        } else if (plain == as.plain.size()) {
            if (std::exchange(excess, true)) continue;
            const auto most = plain == 0 ? std::string{as.keyed.empty() ? "no arguments" : "no plain arguments"}
                                         : std::to_string(plain) + (plain == 1 ? " argument" : " arguments");
            problems_.error(word.where,
                            quoted(as.name) + " takes " + (plain > 1 ? "at most " : "") + most + "; " +
                                quoted(word.text) +
                                (plain == 0 && !as.keyed.empty() ? " is not key=value" : " is one too many"));
        } else {
            if (keyed) problems_.error(word.where, quoted(word.text) + " must stand before the key=value arguments");
            read_plain(word, as, plain++, what, places);
        }
    }
    for (; plain < as.plain.size(); ++plain) {
        const auto& missing = as.plain[plain];
        if (missing.optional || (!missing.fallback.empty() && keyed)) continue;
        problems_.error(from.name.where,
                        quoted(as.name) + " needs " + std::string{missing.name} + ": " + expectation(missing));
        break;
    }
    if (as.plain.empty() && from.words.empty() && !as.keyed.empty()) {
        std::string keys;
        for (const auto& each : as.keyed) keys.append(keys.empty() ? "" : ", ").append(each.name).append("=");
        problems_.error(from.name.where, quoted(as.name) + " needs one or more of " + keys);
    }
}

void loader::read_plain(const token& word, const directive& as, std::size_t position, target what, written& places) {
    const auto& to = as.plain[position];
    places.entries.push_back({&as, &to, word.where});
    store(to, word, word.text, as.name, what);
}

void loader::read_keyed(const token& word, const directive& as, target what, written& places) {
    const auto key = std::string_view{word.text}.substr(0, word.key_length);
    const auto to = std::ranges::find(as.keyed, key, &argument::name);
    if (to == as.keyed.end()) {
        std::vector<std::string_view> keys;
        for (const auto& each : as.keyed) keys.push_back(each.name);
        auto hint = did_you_mean(key, keys);
        if (hint.empty())
            for (auto each : keys) hint.append(hint.empty() ? "; there is " : ", ").append(each).append("=");
        problems_.error(word.where, "unknown argument " + quoted(key) + " of " + quoted(as.name) + hint);
        return;
    }
    const auto name = std::string{key} + "=";
    // A directive with plain arguments is itself reported when it comes twice; within one, keys still must differ.
    const auto first = std::ranges::find(places.entries, &*to, &written::entry::part);
    if (first != places.entries.end()) twice(word.where, name, first->where);
    places.entries.push_back({&as, &*to, word.where});
    store(*to, word, std::string_view{word.text}.substr(word.key_length + 1), name, what);
}

void loader::store(const argument& to, const token& word, std::string_view text, std::string_view subject,
                   target what) {
    const auto in = to.in(what);
    if (const auto* file = std::get_if<file_name*>(&in)) (*file)->where = word.where;
    if (const auto done = assign(to, in, text, {subject, backends_}); !done) problems_.error(word.where, done.error());
}

/// Defaults are read like anything else, so the table holds them as one would write them.
void loader::set_defaults(std::span<const argument> of, target what) {
    for (const auto& each : of)
        if (!each.fallback.empty())
            static_cast<void>(assign(each, each.in(what), each.fallback, {each.name, backends_}));
}

void loader::set_defaults(scope of, target what) {
    for (const auto& each : schema()) {
        if (each.where != of || each.makes.add) continue;
        set_defaults(each.plain, what);
        set_defaults(each.keyed, what);
    }
}

/// What no table can say: where a thing stands, and the default that depends on something else.
void loader::finish(target what, target around, location at, const written& inner) {
    if (what.server != around.server) what.server->at = at;
    if (what.route != around.route) what.route->at = at;
    if (what.backend != around.backend) what.backend->at = at;
    if (what.rate != around.rate) {
        what.rate->at = at;
        if (!inner.find("rate_limit", "burst")) what.rate->burst = what.rate->requests;
    }
    if (what.certificate != around.certificate && what.certificate->key.path.empty())
        what.certificate->key = what.certificate->certificate;
    if (what.sni != around.sni) what.sni->at = at;
    if (what.server_tls != around.server_tls) what.server_tls->at = at;
    if (what.client_tls != around.client_tls) {
        what.client_tls->at = at;
        if (what.client_tls->key.path.empty()) what.client_tls->key = what.client_tls->certificate;
    }
    if (what.listener == around.listener) return;
    auto& made = *what.listener;
    made.at = at;
    if (!inner.find("connection_rate", "burst")) made.connection_rate.burst = made.connection_rate.requests;
    if (!inner.find("defer_accept"))
        made.defer_accept = made.protocol == http_protocol::http && made.address.unix_path.empty();
    const auto tls = inner.all_blocks("tls");
    if (made.tls && !tls.empty() && !tls.front()->find("alpn") && made.protocol == http_protocol::http)
        made.tls->alpn = {"http/1.1"};
}

void loader::twice(span again, std::string_view name, span first) {
    problems_.error(again, quoted(name) + " is given twice");
    problems_.note(first, "first given here");
}

void loader::unknown(const token& name, scope where) {
    auto message = "unknown directive " + quoted(name.text);
    if (where != scope::top) message.append(" ").append(in_words(where));

    std::string elsewhere;
    std::vector<std::string_view> names;
    for (const auto& each : schema()) {
        if (each.where == where) names.push_back(each.name);
        const bool is_argument = std::ranges::find(each.keyed, name.text, &argument::name) != each.keyed.end();
        if (each.where == where && is_argument) elsewhere.insert(0, "it is an argument of " + quoted(each.name));
        else if (each.name == name.text)
            elsewhere.append(elsewhere.empty() ? "it stands " : " and ").append(in_words(each.where));
    }
    const auto habit_of = std::ranges::find(habits, name.text, &habit::theirs);
    if (!elsewhere.empty()) message.append("; ").append(elsewhere);
    else if (habit_of != std::ranges::end(habits)) message.append("; weir says '").append(habit_of->ours).append("'");
    else message.append(did_you_mean(name.text, names));
    problems_.error(name.where, std::move(message));
}

}  // namespace

load_result load(std::string_view file_name, std::string_view text, environment machine) {
    return loader{file_name, machine}.load(text);
}

}  // namespace weir::conf
