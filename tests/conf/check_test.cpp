// One golden test per message about the resilience of routes and backends: what contradicts itself is an error, what is
// legal and makes bad times worse a warning.
#include "tests/conf/golden.hpp"

using namespace weir::conf;
using namespace weir::conf::golden;

TEST_CASE("check: shares, spans and words", "[golden]") {
    CHECK(found_in(in_backend("breaker on share=0%;")) ==
          messages{"2:12+8 error: 'share=' takes a share from 1% to 100%, not '0%'"});
    CHECK(found_in(in_backend("breaker on slow=1s slow_share=0.9%;")) ==
          messages{"2:20+15 error: 'slow_share=' takes a share from 1% to 100%, not '0.9%'"});
    CHECK(found_in(in_backend("retry 2 budget=10;")) ==
          messages{
              "2:9+9 error: 'budget=' takes a share from 0% to 100%, not '10'; a share is written with its sign: 10%"});
    CHECK(
        found_in(in_backend("retry 2 backoff=1s;")) ==
        messages{"2:9+10 error: 'backoff=' takes two times as in 25ms..1s, not '1s'; two times with two dots between, "
                 "as in 25ms..1s"});
    CHECK(found_in(in_backend("retry 2 on=conect_failure;")) ==
          messages{"2:9+17 error: 'on=' takes none, or a list of connect_failure, reset, timeout and statuses from 400 "
                   "to 599, not 'conect_failure'; did you mean 'connect_failure'?"});
    CHECK(found_in(in_backend("limit adptive;")) ==
          messages{"2:7+7 error: 'limit' takes adaptive, off, or a whole number from 1 to 1000000, not 'adptive'; did "
                   "you mean 'adaptive'?"});
    CHECK(found_in(in_backend("queue auto key=client_adress;")) ==
          messages{"2:12+17 error: 'key=' takes client_address or header:NAME, not 'client_adress'; did you mean "
                   "'client_address'?"});
    CHECK(found_in(in_backend("timeout per_try=outo;")) ==
          messages{
              "2:9+12 error: 'per_try=' takes auto, off or a time from 1ms to 1d, not 'outo'; did you mean 'auto'?"});
    CHECK(found_in(in_backend("hedge p95;")) ==
          messages{"2:7+3 error: 'hedge' takes no plain arguments; 'p95' is not key=value"});
    CHECK(found_in(in_route("hedge after=95;")) ==
          messages{"2:7+8 error: 'after=' takes off, a percentile such as p95, or a time, not '95'; a time needs a "
                   "unit: 95s or 95ms"});
}

TEST_CASE("check: health", "[golden]") {
    CHECK(found_in(in_backend("health GET /a?b=c host=a.b:80;")) == messages{});
    CHECK(found_in(in_backend("health HAED /;")) ==
          messages{"2:8+4 error: 'health' takes off, tcp, GET, HEAD or OPTIONS, not 'HAED'; did you mean 'HEAD'?"});
    CHECK(found_in(in_backend("health GET;")) == messages{"2:8+3 error: 'health GET' needs a PATH such as /healthz"});
    CHECK(found_in(in_backend("health tcp /;")) ==
          messages{"2:12+1 error: only a check by GET, HEAD or OPTIONS has a PATH"});
    CHECK(found_in(in_backend("health GET /a#b;")) ==
          messages{"2:12+4 error: 'health' takes a path such as /healthz, not '/a#b'; a fragment is never sent to a "
                   "server",
                   "2:14+1 error: '#' within a value; put a blank before a comment, or quote the value"});
    CHECK(found_in(in_backend("health GET / host=\"a b\";")) ==
          messages{"2:14+10 error: 'host=' takes a host such as example.com or example.com:8080, not 'a b'; 'a b' is "
                   "neither a host name nor an IP address"});
    CHECK(found_in(in_backend("health tcp every=400ms;")) ==
          messages{"2:12+11 warning: checks every 400ms are a load of their own"});
}

TEST_CASE("check: fallbacks", "[golden]") {
    CHECK(found_in(in_backend("fallback none x;")) == messages{"2:15+1 error: 'fallback none' takes nothing more"});
    CHECK(found_in(in_backend("fallback respond;")) == messages{"2:10+7 error: 'fallback respond' needs a text"});
    CHECK(found_in(in_backend("fallback file /sorry status=200;")) == messages{});
    CHECK(found_in(in_backend("fallback file /empty;")) == messages{"2:15+6 error: cannot use '/empty': it is empty"});
    CHECK(found_in(in_backend("fallback file /etc;")) ==
          messages{"2:15+4 error: cannot use '/etc': it is a directory"});
    CHECK(found_in(in_backend("fallback backend wbe;")) ==
          messages{"2:18+3 error: unknown backend 'wbe'; did you mean 'web'?"});
    CHECK(found_in(in_backend("fallback backend web;")) ==
          messages{"2:18+3 error: the fallbacks of backend 'web' lead back to it"});
    CHECK(found_in(in_backend("fallback backend b;") + "\nbackend b { server b:1; fallback backend web; }") ==
          messages{"2:18+1 error: the fallbacks of backend 'web' lead back to it",
                   "4:42+3 error: the fallbacks of backend 'b' lead back to it"});
}

TEST_CASE("check: a tcp listener has no answer of its own", "[golden]") {
    const std::string tcp = "listen 1 { protocol tcp; default_backend a; }\n";
    CHECK(found_in(tcp + "backend a { server a:1; fallback respond sorry; }") ==
          messages{"1:42+1 error: a tcp listener cannot answer by itself, as the fallback of backend 'a' wants; only "
                   "'fallback backend' works for it",
                   "2:34+7 note: the fallback is here"});
    CHECK(found_in(tcp +
                   "backend a { server a:1; fallback backend b; }\nbackend b { server b:1; fallback file /sorry; }") ==
          messages{"1:42+1 error: a tcp listener cannot answer by itself, as the fallback of backend 'b' wants; only "
                   "'fallback backend' works for it",
                   "3:34+4 note: the fallback is here"});
    CHECK(found_in(tcp + "backend a { server a:1; fallback backend b; }\nbackend b { server b:1; }") == messages{});
}

TEST_CASE("check: legal, but it makes bad times worse", "[golden]") {
    CHECK(found_in(in_backend("retry 2 budget=60%;")) ==
          messages{"2:9+10 warning: a budget of 60% lets retries nearly double the load of servers that fail"});
    CHECK(found_in(in_backend("hedge after=p95 budget=21%;")) ==
          messages{"2:17+10 warning: a budget of 21% adds that much load to servers that are late already"});
    CHECK(found_in(in_backend("server b:1;\nlimit 1;")) ==
          messages{"3:7+1 warning: fewer requests in flight than there are servers: some are always idle"});
    CHECK(found_in(in_backend("queue auto patience=30s;")) ==
          messages{"2:12+12 warning: who waits for patience=30s has no time left: total=30s"});
    CHECK(found_in(in_backend("timeout per_try=31s;")) ==
          messages{"2:9+11 warning: per_try=31s never ends a wait: total=30s is over before"});
    CHECK(found_in(in_backend("timeout per_try=off;")) == messages{});
    CHECK(found_in(in_backend("breaker off;\noutliers off;")) ==
          messages{
              "2:9+3 warning: without breaker, outliers and health nothing keeps requests from a server that fails"});
    CHECK(found_in(in_backend("breaker off;\noutliers off;\nhealth tcp;")) == messages{});
    CHECK(found_in(in_top("admin 0.0.0.0:9900;")) ==
          messages{"1:7+12 warning: whoever reaches '0.0.0.0:9900' can open and close breakers"});
    CHECK(found_in(in_top("admin 9900;")) == messages{});
    CHECK(found_in(in_route("race 2;")) == messages{"2:6+1 warning: race of 2, but backend 'web' has 1 server"});
    CHECK(found_in(in_route("priority header;")) ==
          messages{"2:10+6 warning: this listener has no 'trusted' peer whose Priority header would be believed"});
    CHECK(found_in("listen 1 { route / web { priority header; } trusted unix; }" + web) == messages{});
}

TEST_CASE("check: settings that another choice makes meaningless", "[golden]") {
    CHECK(found_in(in_top("shed off memory=1GiB;")) ==
          messages{"1:10+11 warning: 'memory=' means nothing with 'shed off'"});
    CHECK(found_in(in_backend("balance p2c key=header:X-User;")) ==
          messages{"2:13+17 warning: 'key=' means nothing with 'balance p2c'"});
    CHECK(found_in(in_backend("breaker off failures=3;")) ==
          messages{"2:13+10 warning: 'failures=' means nothing with 'breaker off'"});
    CHECK(found_in(in_backend("breaker on slow_share=20%;")) ==
          messages{"2:12+14 warning: 'slow_share=' means nothing without 'slow='"});
    CHECK(found_in(in_backend("outliers off every=1s;")) ==
          messages{"2:14+8 warning: 'every=' means nothing with 'outliers off'"});
    CHECK(found_in(in_backend("health tcp status=204 host=a;")) ==
          messages{"2:12+10 warning: 'status=' means nothing with 'health tcp'",
                   "2:23+6 warning: 'host=' means nothing with 'health tcp'"});
    CHECK(found_in(in_backend("fallback backend b status=500;") + "\nbackend b { server b:1; }") ==
          messages{"2:20+10 warning: 'status=' means nothing with 'fallback backend'"});
}

TEST_CASE("check: a setting that means nothing has its default, so that -T prints the same configuration") {
    const auto text =
        in_backend("balance p2c key=header:X-User; breaker off open=1s..2s; health tcp host=a status=204;");
    const auto made = load("f", text, {});
    REQUIRE(made.value);
    const auto& backend = made.value->backends.front();
    CHECK(backend.hash_key == client_key{});
    CHECK(backend.breaker.open_most == std::chrono::minutes{1});
    CHECK(backend.health.host.empty());
    CHECK(backend.health.highest_status == 399);
    const auto again = load("f", dump(*made.value), {});
    REQUIRE(again.value);
    CHECK(again.found.empty());
    CHECK(*again.value == *made.value);
}
