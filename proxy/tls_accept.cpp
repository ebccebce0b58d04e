#include "proxy/tls_accept.hpp"

#include "lib/async/race.hpp"
#include "lib/http/answer.hpp"
#include "lib/tls/handshake.hpp"
#include "proxy/standing.hpp"
#include "proxy/turn_away.hpp"

namespace weir {
namespace {

using namespace std::string_view_literals;

constexpr auto last_word_limit = 1s;

/// The alert "handshake_failure" in a record of its own (RFC 8446 section 6), for one who expects TLS where there is none.
constexpr auto no_tls_here = "\x15\x03\x01\x00\x02\x02\x28"sv;
constexpr auto unrecognized_name = "\x15\x03\x01\x00\x02\x02\x70"sv;

constexpr std::size_t record_type_handshake = 0x16, major_version = 0x03;

task<void> say_and_close(byte_stream& client, std::string_view what) {
    const auto sent = co_await timeout(client.time(), last_word_limit, client.write(what));
    if (sent && *sent) co_await close_politely(client);
}

tls::handshake_kind kind_of(const tls::server_context& context, const tls::client_hello& hello) {
    if (hello.offers_resumption) return tls::handshake_kind::resumption;
    const auto& certificate = context.likely_certificate(hello);
    if (certificate.kind != tls::key_kind::rsa) return tls::handshake_kind::ecdsa;
    return certificate.bits <= 2048 ? tls::handshake_kind::rsa : tls::handshake_kind::long_rsa;
}

/// True: it may go on to the handshake itself. One that may not is told so.
bool within_rate(worker_context& w, listener_view& view, const byte_stream& client) {
    const auto rate = view.settings.tls->handshake_rate;
    if (rate == 0) return true;
    token_rate allowed;
    allowed.tokens = allowed.burst = rate;
    {
        const std::lock_guard lock{view.shared.tls->mutex};
        if (view.shared.tls->rate.take(allowed, w.time.now())) return true;
    }
    note_turned_away(w, log_level::debug, reason::handshakes_full, "over the rate of new handshakes", client);
    return false;
}

void count(worker_context& w, const byte_stream& client, time_point began) {
    const bool resumed = tls::session_of(client.layer())->facts().resumed;
    (resumed ? w.numbers.handshakes_resumed : w.numbers.handshakes_full).add();
    w.numbers.handshake_time.record_us(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(w.time.now() - began).count()));
}

}  // namespace

bool looks_like_tls(std::string_view bytes) noexcept {
    return bytes.size() >= 2 && bytes[0] == record_type_handshake && bytes[1] == major_version;
}

task<std::expected<tls::client_hello, reason>> read_client_hello(worker_context& w, listener_view& view,
                                                                 byte_stream& client, time_point until) {
    tls::client_hello hello;
    while (true) {
        const auto state =
            client.in().empty() ? tls::hello_state::incomplete : tls::parse_client_hello(client.in(), hello);
        switch (state) {
        case tls::hello_state::complete: co_return std::move(hello);
        case tls::hello_state::incomplete: break;
        case tls::hello_state::not_tls:
            note_turned_away(w, log_level::info, reason::plain_on_tls_port, "what came is no TLS", client);
            if (view.settings.protocol == conf::http_protocol::http) {
                http::answer_mode mode;
                mode.date = w.date_now();
                w.scratch.clear();
                http::append_refusal(w.scratch, reason::plain_on_tls_port, mode);
                co_await say_and_close(client, w.scratch);
            }
            co_return std::unexpected{reason::plain_on_tls_port};
        case tls::hello_state::malformed:
        case tls::hello_state::too_large:
            note_turned_away(w, log_level::info, reason::client_tls_failed,
                             state == tls::hello_state::too_large ? "the ClientHello is too large"
                                                                  : "the ClientHello is malformed",
                             client);
            co_await say_and_close(client, no_tls_here);
            co_return std::unexpected{reason::client_tls_failed};
        }
        const auto got = co_await timeout_at(w.time, until, client.fill());
        if (!got) {
            note_turned_away(w, log_level::info, reason::client_tls_timeout, "no whole ClientHello came", client);
            co_return std::unexpected{reason::client_tls_timeout};
        }
        if (*got && **got > 0) continue;
        if (!client.in().empty())
            note_turned_away(w, log_level::info, reason::client_tls_failed, "the ClientHello is cut short", client);
        co_return std::unexpected{reason::client_closed};
    }
}

task<bool> accept_tls(worker_context& w, listener_view& view, byte_stream& client, const tls::client_hello& hello,
                      time_point until) {
    const auto began = w.time.now();
    auto& here = *view.shared.tls;
    if (!within_rate(w, view, client)) {
        client.reset_on_close();
        co_return false;
    }
    auto place = here.gate.try_enter();
    if (!place) {
        auto waited = co_await timeout_at(w.time, until, here.gate.enter(w.time));
        if (!waited) {
            note_turned_away(w, log_level::debug, reason::handshakes_full, "too many are in progress", client);
            client.reset_on_close();
            co_return false;
        }
        place = std::move(*waited);
    }
    const auto context = here.context.get();
    tls::session_options how;
    how.tells_peer = view.tells_tls_facts;
    how.may_use_kernel = view.settings.tls->kernel_tls;
    auto session = std::make_unique<tls::session>(context->new_session(hello), w.time, how);
    auto shaken = co_await timeout_at(
        w.time, until,
        tls::shake_hands(client, std::move(session), *w.handshakes, kind_of(*context, hello), key_of(client.peer())));
    if (!shaken) {
        note_turned_away(w, log_level::info, reason::client_tls_timeout, "the handshake took too long", client);
        co_return false;
    }
    if (*shaken) {
        count(w, client, began);
        co_return true;
    }
    const auto& failure = shaken->error();
    const bool busy = failure.how == tls::handshake_failure::kind::refused;
    if (busy) client.reset_on_close();
    note_turned_away(w, busy ? log_level::debug : log_level::info,
                     busy ? reason::handshakes_full : reason::client_tls_failed, failure.text, client);
    co_return false;
}

task<bool> begin_tls(worker_context& w, listener_view& view, byte_stream& client) {
    const auto until = w.time.after(view.settings.timeout.tls);
    const auto hello = co_await read_client_hello(w, view, client, until);
    if (!hello) co_return false;
    co_return co_await accept_tls(w, view, client, *hello, until);
}

task<void> refuse_tls(worker_context& w, byte_stream& client) {
    note_turned_away(w, log_level::info, reason::tls_on_plain_port, "what came is a TLS handshake", client);
    co_await say_and_close(client, no_tls_here);
}

task<void> refuse_name(worker_context& w, byte_stream& client, std::string_view name) {
    std::string what = name.empty() ? "the client names no server" : "no route for the name ";
    note_turned_away(w, log_level::info, reason::unknown_name, what.append(name), client);
    co_await say_and_close(client, unrecognized_name);
}

}  // namespace weir
