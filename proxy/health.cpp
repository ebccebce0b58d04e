#include "proxy/health.hpp"

#include <algorithm>
#include <cerrno>

#include "lib/async/stream.hpp"
#include "lib/http/parser.hpp"
#include "lib/http/write.hpp"
#include "lib/net/proxy_protocol.hpp"
#include "proxy/tls_connect.hpp"

namespace weir {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t checks_at_once = 16;  // of one backend
constexpr std::size_t most_head_bytes = 16 * 1024;
constexpr double jitter = 0.1;
constexpr int switching_protocols = 101;

/// Version 2 of the PROXY protocol, command LOCAL: the proxy speaks for itself, no addresses follow.
constexpr auto proxy_v2_local = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"sv;

std::string proxy_header_of(const conf::backend& settings) {
    std::string out;
    switch (settings.send_proxy) {
    case conf::proxy_header::off: break;
    case conf::proxy_header::v1: append_proxy_v1(out, {}, {}); break;
    case conf::proxy_header::v2: out = proxy_v2_local; break;
    }
    return out;
}

std::string question_of(const conf::backend& settings, const server& to) {
    std::string text;
    const auto& how = settings.health;
    const bool by_path = !to.settings().address.unix_path.empty();
    {
        http::head_writer out{text};
        http::append_request_line(out, how.method, how.path);
        http::append_field(out, "Host", !how.host.empty() ? how.host : by_path ? "localhost" : to.name());
        http::append_field(out, "User-Agent", "weir-health");
        http::append_field(out, "Connection", "close");
        http::end_head(out);
    }
    return text;
}

std::string cause_of_connect(io_error why) {
    if (why.code == ECONNREFUSED) return "connect refused";
    return std::string{"connect: "}.append(why.text());
}

/// The status of the final answer, or what came instead.
task<std::expected<int, std::string>> read_status(byte_stream& from) {
    http::response_parser parser;
    http::response_head head;
    http::head_limits limits;
    limits.max_head_bytes = most_head_bytes;
    while (true) {
        const auto used = parser.parse(from.in(), limits, head);
        if (!used) co_return std::unexpected{used.error().doing};
        if (*used > 0) {
            if (!head.is_interim() || head.status() == switching_protocols) co_return head.status();
            from.consume(*used);
            limits.max_head_bytes -= *used;  // so that interim answers come to an end
            continue;
        }
        const auto got = co_await from.fill();
        if (!got) co_return std::unexpected{std::string{"read: "}.append(got.error().text())};
        if (*got == 0) co_return std::unexpected{std::string{"closed without an answer"}};
    }
}

}  // namespace

struct health::checked_server {
    checked_server(std::size_t index, server& who, time_point due) : index{index}, who{&who}, due{due} {}
    std::size_t index;  // in its backend
    server* who;
    time_point due;
    bool under_way = false;
};

/// A stream of the servers whose check is due, for ever. A slow consumer finds checks late, they do not pile up.
class health::due_checks {
public:
    using value_type = checked_server*;
    due_checks(loop& time, random_source& chance, nanoseconds every, std::vector<checked_server>& all) noexcept
        : time_{&time}, chance_{&chance}, every_{every}, all_{&all} {}

    task<std::optional<checked_server*>> next() {
        auto& first = *std::ranges::min_element(*all_, {}, &checked_server::due);
        co_await time_->sleep_until(first.due);
        const auto factor = 1 + jitter * (2 * chance_->unit() - 1);
        first.due = time_->now() + nanoseconds{static_cast<std::int64_t>(static_cast<double>(every_.count()) * factor)};
        co_return &first;
    }

private:
    loop* time_;
    random_source* chance_;
    nanoseconds every_;
    std::vector<checked_server>* all_;
};

task<void> health::run(event& stop) {
    scope each{time_};
    for (auto& backend : shared_.backends)
        if (backend.settings().health.how != conf::health_check::kind::off) each.spawn(check_backend(backend, stop));
    co_await each.joined();
}

task<void> health::check_backend(backend& of, event& stop) {
    const auto& how = of.settings().health;
    std::vector<checked_server> all;
    const auto share = nanoseconds{how.every} / of.servers().size();
    for (auto& who : of.servers()) {
        const auto within = nanoseconds{static_cast<std::int64_t>(chance_.unit() * static_cast<double>(share.count()))};
        const auto due = time_.now() + static_cast<std::int64_t>(all.size()) * share + within;
        all.emplace_back(all.size(), who, due);
    }
    const auto rested = [](const checked_server* each) { return !each->under_way; };
    auto due = due_checks{time_, chance_, how.every, all} | take_until(stop) | filter(rested);
    auto check_it = [this, &of](checked_server* who) { return check(of, *who); };
    co_await for_each_concurrent(time_, std::move(due), checks_at_once, std::move(check_it));
}

task<void> health::check(backend& of, checked_server& who) {
    who.under_way = true;
    const auto found = co_await timeout(time_, of.settings().health.timeout, examine(of.settings(), *who.who));
    who.under_way = false;

    const bool passed = found && *found;
    if (!of.check_result(who.index, passed, time_.now())) co_return;
    const std::string why = passed ? "checks pass" : found ? found->error() : "timed out";
    shared_.events.add(time_.now(), {.kind = journal_kind::health,
                                     .backend = of.name(),
                                     .server = who.who->name(),
                                     .from = passed ? "down" : "up",
                                     .to = passed ? "up" : "down",
                                     .why = why});
    std::string line = "health: " + who.who->name() + " of " + of.name() + (passed ? " is up" : " is down: ");
    if (!passed) line += why;
    log_.write(passed ? log_level::info : log_level::warn, line, time_.wall_us());
}

/// The backend's context as it is now.
std::shared_ptr<const tls::client_context> health::tls_of(const conf::backend& settings) const {
    const auto index = static_cast<std::size_t>(&settings - shared_.config.backends.data());
    return shared_.backend_tls[index].get();
}

task<health::verdict> health::examine(const conf::backend& settings, const server& who) {
    auto addresses = who.addresses();
    if (addresses.empty()) co_return std::unexpected{std::string{"its name is not resolved"}};
    auto made = co_await connect(streams_, std::move(addresses));
    if (!made) co_return std::unexpected{cause_of_connect(made.error())};

    auto& stream = *made->stream;
    if (const auto greeting = proxy_header_of(settings); !greeting.empty()) {
        const auto sent = co_await stream.write(greeting);
        if (!sent) co_return std::unexpected{std::string{"write: "}.append(sent.error().text())};
    }
    if (settings.tls) {
        const auto context = tls_of(settings);
        tls_peer peer{tls_name_of(*settings.tls, who.settings()), nullptr, *handshakes_};
        const auto secured = co_await connect_tls(stream, *context, std::move(peer), time_.after(settings.timeout.tls));
        if (!secured) co_return std::unexpected{secured.error().doing};
    }
    if (settings.health.how == conf::health_check::kind::tcp) co_return verdict{};

    const auto question = question_of(settings, who);
    const auto sent = co_await stream.write(question);
    if (!sent) co_return std::unexpected{std::string{"write: "}.append(sent.error().text())};

    const auto status = co_await read_status(stream);
    if (!status) co_return std::unexpected{status.error()};
    const auto code = static_cast<unsigned>(*status);
    if (code < settings.health.lowest_status || code > settings.health.highest_status)
        co_return std::unexpected{"status " + std::to_string(code)};
    co_return verdict{};
}

}  // namespace weir
