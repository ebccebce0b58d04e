#include "conf/address.hpp"
#include "conf/schema_fields.hpp"

namespace weir::conf {
namespace {

/// Like a listen address, but a port alone is not for everybody to reach.
reading<std::optional<endpoint>> read_admin(std::string_view text) {
    if (text == "off") return std::optional<endpoint>{};
    auto at = read_listen_address(text);
    if (!at) return std::unexpected{at.error()};
    if (at->unix_path.empty() && at->host.empty()) {
        at->host = "127.0.0.1";
        at->text.insert(0, "127.0.0.1:");
    }
    return std::optional{std::move(*at)};
}

constexpr auto sheds = [](target t) { return t.whole->shed.on; };

template <auto List> target add_listener(target t) { return t.listener = &(t.whole->*List).emplace_back(), t; }
template <auto List> target add_backend(target t) { return t.backend = &(t.whole->*List).emplace_back(), t; }

const making listeners = {
    .add = add_listener<&config::listeners>,
    .count = [](target t) { return t.whole->listeners.size(); },
    .at = [](target t, std::size_t i) { return t.listener = &t.whole->listeners[i], t; },
};
const making backends = {
    .add = add_backend<&config::backends>,
    .count = [](target t) { return t.whole->backends.size(); },
    .at = [](target t, std::size_t i) { return t.backend = &t.whole->backends[i], t; },
};

}  // namespace

// An entry of the table is read as a whole; one member to a line would take it apart.
// clang-format off
std::vector<directive> schema_of_top() {
    return {
        {.name = "workers", .where = scope::top, .why = "threads with an event loop; auto: one per core, or as many as a cgroup's quota of time is worth",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(whole->workers), .fallback = "auto", .low = 1,
                    .high = 1024, .none = "auto"}}},
        {.name = "max_connections", .where = scope::top,
         .why = "client connections over all listeners; auto: what the limit of file descriptors allows",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(whole->max_connections), .fallback = "auto",
                    .low = 1, .high = 10'000'000, .none = "auto"}}},
        {.name = "pid_file", .where = scope::top,
         .why = "where the process id is written; weir -s finds the process by it",
         .plain = {{.name = "PATH", .what = kind::path, .in = FIELD(whole->pid_file), .fallback = "off",
                    .none = "off"}}},
        {.name = "user", .where = scope::top,
         .why = "whom to become once the addresses are bound; default: stay who we are",
         .plain = {{.name = "NAME", .what = kind::name, .in = FIELD(whole->user),
                    .shown = [](target t) { return !t.whole->user.empty(); }},
                   {.name = "GROUP", .what = kind::name, .in = FIELD(whole->group),
                    .fallback_words = "the group of the user", .optional = true,
                    .shown = [](target t) { return !t.whole->group.empty(); }}}},
        {.name = "access_log", .where = scope::top, .why = "one line for every request and connection",
         .plain = {{.name = "PATH", .what = kind::path, .in = FIELD(whole->access_log), .fallback = "stdout",
                    .words = {"stdout", "stderr"}, .none = "off"}},
         .keyed = {{.name = "format", .what = kind::choice, .in = CHOICE(whole->access_format), .fallback = "text",
                    .words = {"text", "json"}, .why = "the same fields either way"},
                   {.name = "queue", .what = kind::number, .in = FIELD(whole->access_queue), .fallback = "8192",
                    .low = 1, .high = 1'048'576,
                    .why = "lines that may wait, per worker; past it lines are dropped and counted, "
                           "for a slow disk must not stop traffic"}}},
        {.name = "error_log", .where = scope::top, .why = "what the process has to say",
         .plain = {{.name = "PATH", .what = kind::path, .in = FIELD(whole->error_log), .fallback = "stderr",
                    .words = {"stderr"}}},
         .keyed = {{.name = "level", .what = kind::choice, .in = CHOICE(whole->error_level), .fallback = "info",
                    .words = {"debug", "info", "warn", "error"}, .why = "the least that is written"}}},
        {.name = "drain", .where = scope::top, .why = "how TERM ends the process",
         .keyed = {{.name = "lame_duck", .what = kind::duration, .in = FIELD(whole->drain.lame_duck),
                    .fallback = "5s", .low = 0, .high = hour,
                    .why = "still accepting, while load balancers take notice"},
                   {.name = "deadline", .what = kind::duration, .in = FIELD(whole->drain.deadline), .fallback = "25s",
                    .low = 0, .high = day,
                    .why = "from TERM to the end at the latest; below the 30s after which supervisors kill"}}},
        {.name = "admin", .where = scope::top,
         .why = "where the dashboard, /metrics, /status, /events, /live and /ready are, and breakers take orders; "
                "a port alone means 127.0.0.1, for whoever reaches it can read and change all of that",
         .plain = {{.name = "ADDRESS", SHAPED(read_admin(text), t.whole->admin = *value,
                                               t.whole->admin ? t.whole->admin->text : "off"),
                    .fallback = "off", .words = {"off"}, .takes = "off, a port, an IP address and port, or unix:/path"}}},
        {.name = "shed", .where = scope::top,
         .why = "give up work, the least important first, when weir itself runs short of processor, memory or descriptors",
         .plain = {{.name = "on|off", .what = kind::choice, .in = FIELD(whole->shed.on), .fallback = "on",
                    .words = on_off}},
         .keyed = {{.name = "loop_delay",
                    SHAPED(read_span(text, milliseconds{1}, milliseconds{10'000}),
                           (t.whole->shed.delay_low = value->first, t.whole->shed.delay_high = value->most),
                           write_span(t.whole->shed.delay_low, t.whole->shed.delay_high)),
                    .fallback = "5ms..50ms",
                    .why = "what an event comes too late: no pressure, full pressure",
                    .takes = "two times as in 5ms..50ms", .shown = sheds},
                   {.name = "memory", .what = kind::size, .in = FIELD(whole->shed.memory_bytes), .fallback = "auto",
                    .low = 16 * MiB, .high = GiB * KiB, .none = "auto",
                    .why = "what weir may use; auto: what its cgroup or the machine has",
                    .shown = sheds}}},
        {.name = "handshakes", .where = scope::top,
         .why = "the costly steps of TLS handshakes are done beside the event loops, so that a storm of them holds up nobody else",
         .keyed = {{.name = "threads", .what = kind::number, .in = FIELD(whole->handshakes.threads), .fallback = "auto",
                    .low = 1, .high = 64, .none = "auto", .why = "auto: one per core; the event loops go before them, and each has a second one for idle processor time. "
                            "On a single core the loops do all but the longest steps themselves, one at a time between requests"},
                   {.name = "patience", .what = kind::duration, .in = FIELD(whole->handshakes.patience),
                    .fallback = "2s", .low = 1, .high = 10 * second,
                    .why = "the longest wait for one; who would wait longer is closed"}}},
        {.name = "listen", .where = scope::top, .why = "an address to accept clients on; may repeat",
         .plain = {{.name = "ADDRESS", .what = kind::listen_address, .in = FIELD(listener->address),
                    .why = "8080 (every address), 127.0.0.1:8080, [::1]:8080, unix:/run/weir.sock; port 0: "
                           "the kernel chooses"}},
         .makes = listeners, .has_block = block::must, .opens = scope::listen},
        {.name = "backend", .where = scope::top, .why = "a named group of servers that can do the same; may repeat",
         .plain = {{.name = "NAME", .what = kind::name, .in = FIELD(backend->name)}},
         .makes = backends, .has_block = block::must, .opens = scope::backend},
    };
}
// clang-format on

}  // namespace weir::conf
