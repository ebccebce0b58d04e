#include "proxy/events_page.hpp"

#include "lib/telemetry/json.hpp"
#include "lib/telemetry/timestamp.hpp"

namespace weir {

void append_events(std::string& out, std::span<const journal_entry> entries, time_point now, std::int64_t wall_us) {
    timestamp_writer clock_face;
    for (const auto& each : entries) {
        char text[timestamp_bytes];
        const auto end = clock_face.write(wall_us - (now - each.at) / 1us, text);
        json_writer json{out};
        json.open_object();
        json.member("number", each.number);
        json.member("time", std::string_view{text, end});
        json.member("kind", word(each.kind));
        if (each.worker >= 0) json.member("worker", each.worker);
        if (!each.backend.empty()) json.member("backend", each.backend);
        if (!each.server.empty()) json.member("server", each.server);
        json.member("from", each.from);
        json.member("to", each.to);
        json.member("why", each.why);
        json.close_object();
        out.push_back('\n');
    }
}

}  // namespace weir
