#include "lib/tls/handshake.hpp"

#include "lib/async/cpu_time.hpp"
#include "lib/async/race.hpp"

namespace weir::tls {
namespace {

/// A step that has run, wherever that was.
struct step_done {
    std::unique_ptr<session> tls;
    session::step result;
    std::string wire;
    nanoseconds cost;
};

/// A step of a handshake; owns the session while it runs.
struct step_to_do {
    explicit step_to_do(std::unique_ptr<session> of) : tls{std::move(of)} {}
    step_done operator()() {
        const auto before = thread_cpu_time();
        std::string wire;
        const auto result = tls->shake_hands(wire);
        return step_done{std::move(tls), result, std::move(wire), thread_cpu_time() - before};
    }
    std::unique_ptr<session> tls;
};

std::unexpected<handshake_failure> failed(handshake_failure::kind how, std::string text) {
    return std::unexpected<handshake_failure>{handshake_failure{how, std::move(text)}};
}

}  // namespace

task<std::expected<void, handshake_failure>> shake_hands(byte_stream& stream, std::unique_ptr<session> tls,
                                                         handshake_desk& desk, handshake_kind kind,
                                                         std::uint64_t client) {
    using how = handshake_failure::kind;
    auto& time = stream.time();
    const auto began = time.now();
    // A server computes when it has the ClientHello, a client when it has the answer to its own.
    const unsigned costly_step = kind == handshake_kind::as_client ? 1 : 0;
    for (unsigned number = 0;; ++number) {
        tls->keep(stream.in());
        stream.consume(stream.in().size());
        const bool costly = number == costly_step;
        auto& queue = desk.queue_for(kind);
        const bool here = !costly || desk.placement.runs_here(kind, queue.statistics().queued > 0, time.now());
        step_to_do work{std::move(tls)};
        std::optional<step_done> ran;
        if (here) {
            ran.emplace(work());
            if (costly) desk.placement.ran_here(kind, ran->cost, time.now());
        } else {
            auto step = queue.run(time, std::move(work), client, desk.placement.is_brief(kind));
            auto first = co_await race(std::move(step), stream.closed());
            if (first.index() == 1) co_return failed(how::left, "the connection was closed within the handshake");
            ran = std::move(std::get<0>(first));
            if (!ran) co_return failed(how::refused, "too many handshakes wait for their turn");
            desk.placement.learned(kind, ran->cost);
        }
        if (costly) ++(here || &queue == desk.turns ? desk.here : desk.on_threads);
        tls = std::move(ran->tls);
        if (!ran->wire.empty()) {
            const auto sent = co_await stream.write(ran->wire);
            if (!sent && ran->result != session::step::failed)
                co_return failed(how::left, std::string{sent.error().text()});
        }
        switch (ran->result) {
        case session::step::failed:
            co_return failed(SSL_get_verify_result(tls->ssl()) == X509_V_OK ? how::failed : how::untrusted,
                             tls->problem());
        case session::step::done:
            tls->set_time_taken(time.now() - began);
            stream.add_layer(std::move(tls));
            co_return {};
        case session::step::wants_bytes: break;
        }
        const auto got = co_await stream.fill();
        if (!got) co_return failed(how::left, std::string{got.error().text()});
        if (*got == 0) co_return failed(how::left, "the connection was closed within the handshake");
    }
}

}  // namespace weir::tls
