/// The load generator as a program; `loadgen --help` lists its options. INT and TERM end a run early, with its report.
#include <sys/resource.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/loadgen_report.hpp"

namespace {

using namespace std::chrono_literals;

constexpr std::string_view help = R"(usage: loadgen [option]... URL
Sends requests and measures the answers. URL is http://HOST:PORT/PATH, https://..., HOST:PORT or unix:PATH.

  --rate N              requests a second, on schedule whatever happens; latency counts from the intended start.
                        0 (the default): each connection as fast as it is answered
  --random-gaps SEED    at random distances instead of even ones, as independent clients would
  --steps TIME=FACTOR,...   changes the rate, as in 0s=1,10s=5,15s=1; the report tells of each step
  --clients NAME,source=IP,rate=N,connections=N   clients of their own address and rate; repeatable, the report tells of
                        each; in place of --rate and --connections
  --duration TIME       10s unless --requests is given
  --requests N          stop after so many
  --connections N       64
  --new-connections     one per request
  --timeout TIME        an answer later than this is an error; 10s
  --path PATH           instead of the URL's; repeatable, used in turn
  --method NAME         GET, or POST with a body
  --header NAME:VALUE   one more field; repeatable; a Host here replaces ours
  --body BYTES          send so many bytes of known text with each request
  --verify              received bodies must be the known text of the origin's /bytes
  --tcp-pingpong BYTES  plain TCP: send so many, wait for as many
  --tcp-bulk BYTES      plain TCP, a connection each: send so many (0: none), half-close, read to the end
  --tls                 speak TLS, as https:// does too; any certificate will do
  --sni NAME            instead of the URL's host
  --alpn LIST           as in h2,http/1.1
  --tls-version V       1.2 or 1.3, and no other
  --ciphers LIST        of TLS 1.2, --ciphersuites LIST of TLS 1.3, --curves LIST of both; as OpenSSL has them
  --tls-resume          a new connection resumes the session of the one it follows; else each handshake is a full one
  --hold                when done, say "holding" and keep the connections open until TERM or INT
  --json                one line for programs instead of the table

Exit code: 0 if anything was answered and nothing failed, 3 if something failed, 1 if it could not start.
)";

struct order {
    loadgen::plan plan;
    bool json = false;
    std::string target, host, url_path = "/", method;
    std::vector<std::string> paths, headers;
};

[[noreturn]] void complain(const std::string& what) {
    std::fprintf(stderr, "loadgen: %s (see --help)\n", what.c_str());
    std::exit(1);
}

template <class Number>
Number number(std::string_view option, std::string_view text) {
    Number value{};
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc{} || end != text.data() + text.size() || value < Number{})
        complain(std::string{option} + " wants a number, not '" + std::string{text} + "'");
    return value;
}

std::chrono::nanoseconds duration(std::string_view option, std::string_view text) {
    double value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
    const double scale = unit == "s" || unit.empty() ? 1e9
                         : unit == "ms"              ? 1e6
                         : unit == "us"              ? 1e3
                         : unit == "m"               ? 6e10
                                                     : 0;
    if (problem != std::errc{} || scale == 0 || !(value > 0 && value * scale < 1e18))
        complain(std::string{option} + " wants a time like 500ms or 10s, not '" + std::string{text} + "'");
    return std::chrono::nanoseconds{static_cast<std::int64_t>(value * scale)};
}

std::vector<std::string_view> comma_separated(std::string_view text) {
    std::vector<std::string_view> parts;
    for (std::size_t end = 0; end != text.npos; text.remove_prefix(std::min(text.size(), end + 1))) {
        end = text.find(',');
        parts.push_back(text.substr(0, end));
    }
    return parts;
}

std::pair<std::string_view, std::string_view> key_and_value(std::string_view option, std::string_view text) {
    const auto equals = text.find('=');
    if (equals == text.npos) complain(std::string{option} + " wants KEY=VALUE, not '" + std::string{text} + "'");
    return {text.substr(0, equals), text.substr(equals + 1)};
}

std::vector<loadgen::step> steps(std::string_view option, std::string_view text) {
    std::vector<loadgen::step> all;
    for (const auto part : comma_separated(text)) {
        const auto [from, factor] = key_and_value(option, part);
        const auto at = from == "0" || from == "0s" ? 0ns : duration(option, from);
        if (all.empty() ? at != 0ns : at <= all.back().from) complain("--steps wants times in order, the first 0s");
        all.push_back({at, number<double>(option, factor)});
    }
    return all;
}

loadgen::client_kind clients(std::string_view option, std::string_view text) {
    loadgen::client_kind made;
    for (const auto part : comma_separated(text)) {
        if (made.name.empty()) {
            made.name = part;
            continue;
        }
        const auto [key, value] = key_and_value(option, part);
        if (key == "source") made.source = loadgen::resolve(std::string{value} + ":0");
        else if (key == "rate") made.rate = number<double>(option, value);
        else if (key == "connections") made.connections = number<unsigned>(option, value);
        else complain(std::string{option} + ": there is no '" + std::string{key} + "'");
    }
    return made;
}

loadgen::tls_plan& tls_of(order& given) {
    if (!given.plan.tls) given.plan.tls.emplace();
    return *given.plan.tls;
}

/// The host of the URL as SNI has it: a name, without a port; empty for an address.
std::string sni_of(const std::string& host) {
    const auto name = host.substr(0, host.find(':'));
    const bool address = host.starts_with('[') || name.find_first_not_of("0123456789.") == name.npos;
    return address ? std::string{} : name;
}

void take_url(std::string_view url, order& given) {
    if (url.starts_with("unix:")) {
        given.target = url;
        given.host = "localhost";
        return;
    }
    std::string port = ":80";
    if (url.starts_with("http://")) url.remove_prefix(7);
    if (url.starts_with("https://")) url.remove_prefix(8), port = ":443", tls_of(given);
    const auto slash = url.find('/');
    given.host = url.substr(0, slash);
    if (slash != url.npos) given.url_path = url.substr(slash);
    const auto last_colon = given.host.rfind(':');
    const bool has_port = last_colon != std::string::npos && given.host.find(']', last_colon) == std::string::npos;
    given.target = has_port ? given.host : given.host + port;
}

order read_order(int argc, char** argv) {
    order given;
    auto& plan = given.plan;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        const auto value = [&] {
            if (i + 1 >= argc) complain(std::string{option} + " wants a value");
            return std::string_view{argv[++i]};
        };
        if (option == "--help") std::fputs(help.data(), stdout), std::exit(0);
        else if (option == "--rate") plan.rate = number<double>(option, value());
        else if (option == "--random-gaps") plan.random_gaps = number<std::uint64_t>(option, value());
        else if (option == "--steps") plan.steps = steps(option, value());
        else if (option == "--clients") plan.kinds.push_back(clients(option, value()));
        else if (option == "--duration") plan.duration = duration(option, value());
        else if (option == "--requests") plan.requests = number<std::uint64_t>(option, value());
        else if (option == "--connections") plan.connections = number<unsigned>(option, value());
        else if (option == "--new-connections") plan.new_connections = true;
        else if (option == "--timeout") plan.timeout = duration(option, value());
        else if (option == "--path") given.paths.emplace_back(value());
        else if (option == "--method") given.method = value();
        else if (option == "--header") given.headers.emplace_back(value());
        else if (option == "--body") plan.body_bytes = number<std::uint64_t>(option, value());
        else if (option == "--verify") plan.verify = true;
        else if (option == "--tcp-pingpong")
            plan.kind = loadgen::traffic::ping_pong, plan.message_bytes = number<std::uint64_t>(option, value());
        else if (option == "--tcp-bulk")
            plan.kind = loadgen::traffic::bulk, plan.message_bytes = number<std::uint64_t>(option, value());
        else if (option == "--tls") tls_of(given);
        else if (option == "--sni") tls_of(given).sni = value();
        else if (option == "--alpn") tls_of(given).alpn = value();
        else if (option == "--tls-version") tls_of(given).version = value();
        else if (option == "--ciphers") tls_of(given).ciphers = value();
        else if (option == "--ciphersuites") tls_of(given).ciphersuites = value();
        else if (option == "--curves") tls_of(given).curves = value();
        else if (option == "--tls-resume") tls_of(given).resume = true;
        else if (option == "--hold") plan.hold = true;
        else if (option == "--json") given.json = true;
        else if (option.starts_with("-") || !given.target.empty())
            complain("unknown option '" + std::string{option} + "'");
        else take_url(option, given);
    }
    if (given.target.empty()) complain("no URL");
    if (plan.tls && plan.tls->sni.empty()) plan.tls->sni = sni_of(given.host);
    if (plan.connections == 0) complain("--connections must not be 0");
    if (plan.kind == loadgen::traffic::ping_pong && plan.message_bytes == 0) complain("--tcp-pingpong must not be 0");
    if (plan.duration.count() == 0 && plan.requests == 0) plan.duration = 10s;
    return given;
}

std::vector<std::string> heads_of(const order& given) {
    std::vector<std::string> heads;
    const auto method = !given.method.empty() ? given.method : given.plan.body_bytes > 0 ? "POST" : "GET";
    for (const auto& path : given.paths.empty() ? std::vector{given.url_path} : given.paths) {
        std::string head = method + " " + path + " HTTP/1.1\r\n";
        bool has_host = false;
        for (const auto& field : given.headers)
            has_host = has_host || field.starts_with("Host:") || field.starts_with("host:");
        if (!has_host) head += "Host: " + given.host + "\r\n";
        for (const auto& field : given.headers) head += field + "\r\n";
        if (given.plan.body_bytes > 0) head += "Content-Length: " + std::to_string(given.plan.body_bytes) + "\r\n";
        if (given.plan.new_connections) head += "Connection: close\r\n";
        heads.push_back(head + "\r\n");
    }
    return heads;
}

loadgen::engine* running = nullptr;

}  // namespace

int main(int argc, char** argv) {
    auto given = read_order(argc, argv);
    auto& plan = given.plan;
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    std::uint64_t connections = plan.kinds.empty() ? plan.connections : 0;
    for (const auto& each : plan.kinds) connections += each.connections;
    if (connections + 16 > files.rlim_cur)
        std::fprintf(stderr, "loadgen: only %llu files may be open (ulimit -n)\n",
                     static_cast<unsigned long long>(files.rlim_cur));
    try {
        plan.target = loadgen::resolve(given.target);
        if (plan.kind == loadgen::traffic::http) plan.heads = heads_of(given);
        plan.head_requests = given.method == "HEAD";
        loadgen::engine engine{plan};
        engine.on_holding = [](const loadgen::tally&) { std::puts("holding"), std::fflush(stdout); };
        running = &engine;
        std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes with write()
        for (const int number : {SIGTERM, SIGINT}) std::signal(number, [](int) { running->stop(); });
        const auto found = engine.run();
        std::fputs((given.json ? as_json(found, plan) : as_table(found, plan)).c_str(), stdout);
        return found.failed() > 0 || found.answered == 0 ? 3 : 0;
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "loadgen: %s\n", problem.what());
        return 1;
    }
}
