#include "proxy/turn_away.hpp"

#include "lib/async/race.hpp"

namespace weir {
namespace {

constexpr auto linger_for = 1s;
constexpr std::size_t linger_bytes = 64 * 1024;

}  // namespace

task<void> close_politely(byte_stream& client) {
    client.shutdown_write();
    const auto until = client.time().now() + linger_for;
    for (std::size_t read = 0; read < linger_bytes && !client.at_end();) {
        read += client.in().size();
        client.consume(client.in().size());
        const auto got = co_await timeout_at(client.time(), until, client.fill());
        if (!got || !*got) break;
    }
}

void note_turned_away(worker_context& w, log_level level, reason why, std::string_view what,
                      const byte_stream& client) {
    w.numbers.refused_total[static_cast<std::size_t>(why)].add();
    if (!w.errors.wants(level)) return;
    std::string line{word(why)};
    line.append(": ").append(what).append(" [client ").append(client.peer_ip_text()).append("]");
    w.log(level, line);
}

}  // namespace weir
