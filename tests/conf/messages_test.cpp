// One golden test per message: what is wrong, where the caret stands and how long it is. A message that changes is
// read here once more, as a user would read it.
#include "tests/conf/golden.hpp"

using namespace weir::conf;
using namespace weir::conf::golden;

TEST_CASE("messages: the grammar", "[golden]") {
    CHECK(found_in(in_top("workers 2")) == messages{"1:9+1 error: expected ';' after '2'"});
    CHECK(found_in(in_top("; workers 2;")) == messages{"1:1+1 error: ';' without a directive before it"});
    CHECK(found_in(in_top("{ workers 2; }")) == messages{"1:1+1 error: '{' without a directive before it"});
    CHECK(found_in(in_top("}")) == messages{"1:1+1 error: '}' without a '{' before it"});
    CHECK(found_in("listen 1 { route / web;") ==
          messages{"1:10+1 error: this '{' is never closed", "1:20+3 error: unknown backend 'web'"});
    CHECK(found_in(in_top("a { b { c { d { e { f { g { h { i { j; } } } } } } } } }")) ==
          messages{"1:1+1 error: unknown directive 'a'", "1:35+1 error: blocks nested more than 8 deep"});
    CHECK(found_in(in_top("workers\n2\nmax_connections 5;")) == messages{"2:1+1 error: expected ';' after '2'"});
    CHECK(found_in(in_listen("backlog 12\nmax_headers 7;")) == messages{"2:9+2 error: expected ';' after '12'"});
    CHECK(found_in(in_top("workers 2\nmax_connections 5\npid_file off;")) ==
          messages{"1:9+1 error: expected ';' after '2'", "2:17+1 error: expected ';' after '5'"});
    CHECK(found_in(in_top("workers 2#two\n;")) ==
          messages{"1:9+5 error: 'workers' takes auto or a whole number from 1 to 1024, not '2#two'",
                   "1:10+1 error: '#' within a value; put a blank before a comment, or quote the value"});
    CHECK(found_in(in_top("workers 2\"x\";")) ==
          messages{"1:9+4 error: 'workers' takes auto or a whole number from 1 to 1024, not '2x'",
                   "1:10+1 error: quotation mark within a value; quote the whole value"});
    CHECK(found_in(in_top("pid_file \"/a\"b;")) ==
          messages{"1:14+1 error: a blank or ';' must follow the closing quotation mark"});
    CHECK(found_in(in_top("pid_file \"/a;")) ==
          messages{"1:10+1 error: this quotation mark is not closed on its line; write a line feed as \\n",
                   "1:10+4 error: expected ';' after '/a;'"});
    CHECK(found_in(in_top("pid_file \"/a\\tb\";")) ==
          messages{"1:13+2 error: unknown escape '\\t'; there are \\\" \\\\ and \\n"});
    CHECK(found_in(in_top("workers \001\002 2;")) ==
          messages{"1:9+1 error: control character 0x01; a configuration is plain text"});
    CHECK(found_in(in_top("pid_file \"/a\001\";")) == messages{"1:13+1 error: control character within quotes"});
    CHECK(found_in("\xef\xbb\xbf"
                   "listen 1 { }") ==
          messages{"1:1+1 error: the file starts with a byte order mark; save it as UTF-8 without one"});
    CHECK(found_in("") == messages{"1:1+1 error: no 'listen'; a whole configuration is: listen 8080 { route / web; } "
                                   "backend web { server 127.0.0.1:9001; }"});
    CHECK(found_in("# nothing\n") == messages{"1:1+1 error: no 'listen'; a whole configuration is: listen 8080 { route "
                                              "/ web; } backend web { server 127.0.0.1:9001; }"});
}

TEST_CASE("messages: names of directives", "[golden]") {
    CHECK(found_in(in_backend("hegde after=p95 budget=5%;")) ==
          messages{"2:1+5 error: unknown directive 'hegde' in 'backend'; did you mean 'hedge'?"});
    CHECK(found_in(in_top("lisen 8080 { route / web; }")) ==
          messages{"1:1+5 error: unknown directive 'lisen'; did you mean 'listen'?"});
    CHECK(found_in(in_top("retry 2;")) ==
          messages{"1:1+5 error: unknown directive 'retry'; it stands in 'route' and in 'backend'"});
    CHECK(found_in(in_listen("timeouts client_header=1s;")) ==
          messages{"2:1+8 error: unknown directive 'timeouts' in 'listen'; did you mean 'timeout'?"});
    CHECK(found_in(in_backend("max_requests 5;")) ==
          messages{"2:1+12 error: unknown directive 'max_requests' in 'backend'; it stands in 'listen'"});
    CHECK(found_in(in_top("upstream x { server a:1; }")) ==
          messages{"1:1+8 error: unknown directive 'upstream'; weir says 'backend'"});
    CHECK(found_in(in_listen("location / { }")) ==
          messages{"2:1+8 error: unknown directive 'location' in 'listen'; weir says 'route'"});
    CHECK(found_in(in_listen("xyzzy;")) == messages{"2:1+5 error: unknown directive 'xyzzy' in 'listen'"});
    CHECK(found_in(in_top("timeout connect=1s;")) ==
          messages{"1:1+7 error: unknown directive 'timeout'; it stands in 'listen' and in 'route' and in 'backend'"});
}

TEST_CASE("messages: arguments", "[golden]") {
    CHECK(found_in(in_backend("retry;")) == messages{"2:1+5 error: 'retry' needs N: a whole number from 0 to 10"});
    CHECK(found_in(in_backend("retry 1 2;")) == messages{"2:9+1 error: 'retry' takes 1 argument; '2' is one too many"});
    CHECK(found_in(in_backend("retry 1k;")) ==
          messages{"2:7+2 error: 'retry' takes a whole number from 0 to 10, not '1k'"});
    CHECK(found_in(in_backend("retry 11;")) ==
          messages{"2:7+2 error: 'retry' takes a whole number from 0 to 10, not '11'"});
    CHECK(found_in(in_backend("retry -1;")) ==
          messages{"2:7+2 error: 'retry' takes a whole number from 0 to 10, not '-1'"});
    CHECK(found_in(in_backend("retry 99999999999999999999;")) ==
          messages{"2:7+20 error: 'retry' takes a whole number from 0 to 10, not '99999999999999999999'"});
    CHECK(
        found_in(in_backend("timeout;")) ==
        messages{
            "2:1+7 error: 'timeout' needs one or more of connect=, tls=, first_byte=, idle=, tunnel_idle=, total=, per_try="});
    CHECK(found_in(in_backend("timeout 5s;")) ==
          messages{"2:9+2 error: 'timeout' takes no plain arguments; '5s' is not key=value"});
    CHECK(found_in(in_backend("timeout conect=5s;")) ==
          messages{"2:9+9 error: unknown argument 'conect' of 'timeout'; did you mean 'connect'?"});
    CHECK(found_in(in_backend("timeout read=5s;")) ==
          messages{"2:9+7 error: unknown argument 'read' of 'timeout'; there "
                   "is connect=, tls=, first_byte=, idle=, tunnel_idle=, total=, per_try="});
    CHECK(found_in(in_alone("server a:1 wait=2;")) ==
          messages{"2:12+6 error: unknown argument 'wait' of 'server'; there is weight=, limit=, backup="});
    CHECK(found_in(in_top("user a b c;")) ==
          messages{"1:10+1 error: 'user' takes at most 2 arguments; 'c' is one too many"});
    CHECK(found_in(in_top("access_log format=json stderr;")) ==
          messages{"1:24+6 error: 'stderr' must stand before the key=value arguments"});
    CHECK(found_in(in_top("access_log;")) ==
          messages{"1:1+10 error: 'access_log' needs PATH: stdout, stderr, off or a path with a '/' in it"});
    CHECK(found_in(in_backend("retry 2 { }")) == messages{"2:1+5 error: 'retry' takes no block; it ends with ';'"});
    CHECK(found_in(in_top("listen 2;")) == messages{"1:1+6 error: 'listen' needs a block in braces"});
    CHECK(found_in(in_top("backend b;")) == messages{"1:1+7 error: 'backend' needs a block in braces"});
    CHECK(found_in(in_top("listen { route / web; }")) ==
          messages{"1:1+6 error: 'listen' needs ADDRESS: an IP address and port, a port, or unix:/path"});
    CHECK(found_in(in_listen("route;")) == messages{"2:1+5 error: 'route' needs PREFIX: the start of a path"});
}

TEST_CASE("messages: given twice", "[golden]") {
    CHECK(found_in(in_backend("retry 1;\nretry 2;")) ==
          messages{"3:1+5 error: 'retry' is given twice", "2:1+5 note: first given here"});
    CHECK(found_in(in_backend("timeout connect=1s;\ntimeout idle=1s connect=2s;")) ==
          messages{"3:17+10 error: 'connect=' is given twice", "2:9+10 note: first given here"});
    CHECK(found_in(in_alone("server a:1 weight=1 weight=2;")) ==
          messages{"2:21+8 error: 'weight=' is given twice", "2:12+8 note: first given here"});
    CHECK(found_in(in_top("access_log off;\naccess_log stdout queue=5;")) ==
          messages{"2:1+10 error: 'access_log' is given twice", "1:1+10 note: first given here"});
    CHECK(found_in(in_goal("respond 200;\nrespond 201;")) ==
          messages{"3:1+7 error: 'respond' is given twice", "2:1+7 note: first given here"});
    CHECK(found_in(std::string{} + "listen 1 { route / web; }\nlisten 1 { route / web; }" + web) ==
          messages{"2:8+1 error: address '1' is given twice", "1:8+1 note: first given here"});
    CHECK(found_in(std::string{} + "listen 1 { route / web; }" + web + "backend web { server b:1; }") ==
          messages{"3:9+3 error: backend 'web' is given twice", "2:9+3 note: first given here"});
}

TEST_CASE("messages: times", "[golden]") {
    CHECK(found_in(in_backend("timeout connect=12;")) ==
          messages{"2:9+10 error: 'connect=' takes a time from 1ms to 1h, not '12'; a time needs a unit: 12s or 12ms"});
    CHECK(found_in(in_backend("timeout connect=5sec;")) ==
          messages{"2:9+12 error: 'connect=' takes a time from 1ms to 1h, not '5sec'; write 5s"});
    CHECK(found_in(in_backend("timeout connect=1.5s;")) ==
          messages{"2:9+12 error: 'connect=' takes a time from 1ms to 1h, not '1.5s'; write a whole number of a "
                   "smaller unit"});
    CHECK(found_in(in_backend("timeout connect=s;")) ==
          messages{"2:9+9 error: 'connect=' takes a time from 1ms to 1h, not 's'"});
    CHECK(found_in(in_backend("timeout connect=;")) ==
          messages{"2:9+8 error: 'connect=' takes a time from 1ms to 1h, not ''"});
    CHECK(found_in(in_backend("timeout connect=0s;")) ==
          messages{"2:9+10 error: 'connect=' takes a time from 1ms to 1h, not '0s'"});
    CHECK(found_in(in_backend("timeout connect=2h;")) ==
          messages{"2:9+10 error: 'connect=' takes a time from 1ms to 1h, not '2h'"});
    CHECK(found_in(in_backend("timeout connect=5parsecs;")) ==
          messages{"2:9+16 error: 'connect=' takes a time from 1ms to 1h, not '5parsecs'"});
    CHECK(found_in(in_backend("timeout connect=99999999999999999d;")) ==
          messages{"2:9+26 error: 'connect=' takes a time from 1ms to 1h, not '99999999999999999d'"});
}

TEST_CASE("messages: sizes", "[golden]") {
    CHECK(found_in(in_listen("max_head 16;")) ==
          messages{
              "2:10+2 error: 'max_head' takes a size from 1KiB to 1MiB, not '16'; a size needs a unit: 16KiB or 16B"});
    CHECK(found_in(in_listen("max_head 16k;")) ==
          messages{"2:10+3 error: 'max_head' takes a size from 1KiB to 1MiB, not '16k'; write 16KiB"});
    CHECK(found_in(in_listen("max_head 16KB;")) ==
          messages{"2:10+4 error: 'max_head' takes a size from 1KiB to 1MiB, not '16KB'; write 16KiB"});
    CHECK(found_in(in_listen("max_head 1B;")) ==
          messages{"2:10+2 error: 'max_head' takes a size from 1KiB to 1MiB, not '1B'"});
    CHECK(found_in(in_listen("max_body -1;")) ==
          messages{"2:10+2 error: 'max_body' takes unlimited or a size from 0B to 1048576GiB, not '-1'"});
    CHECK(found_in(in_listen("max_body unlimitd;")) ==
          messages{"2:10+8 error: 'max_body' takes unlimited or a size from 0B to 1048576GiB, not 'unlimitd'; did you "
                   "mean 'unlimited'?"});
    CHECK(found_in(in_listen("min_body_rate no;")) ==
          messages{"2:15+2 error: 'min_body_rate' takes off or a size from 1B to 1GiB, not 'no'"});
}

TEST_CASE("messages: words", "[golden]") {
    CHECK(
        found_in(in_backend("balance p2;")) ==
        messages{
            "2:9+2 error: 'balance' takes least_latency, p2c, least_requests, round_robin or hash, not 'p2'; did you mean 'p2c'?"});
    CHECK(
        found_in(in_backend("balance p2cc;")) ==
        messages{
            "2:9+4 error: 'balance' takes least_latency, p2c, least_requests, round_robin or hash, not 'p2cc'; did you mean 'p2c'?"});
    CHECK(found_in(in_backend("balance how=p2c;")) ==
          messages{"2:9+7 error: unknown argument 'how' of 'balance'; there is key=, bound="});
    CHECK(found_in(in_listen("defer_accept yes;")) ==
          messages{"2:14+3 error: 'defer_accept' takes on or off, not 'yes'"});
    CHECK(found_in(in_listen("forwarded x-forwarded;")) ==
          messages{"2:11+11 error: 'forwarded' takes off, x_forwarded, rfc7239 or both, not 'x-forwarded'; did you "
                   "mean 'x_forwarded'?"});
    CHECK(found_in(in_backend("send_proxy v3;")) ==
          messages{"2:12+2 error: 'send_proxy' takes off, v1 or v2, not 'v3'"});
    CHECK(found_in(in_top("access_log stdot;")) ==
          messages{"1:12+5 error: 'access_log' takes stdout, stderr, off or a "
                   "path with a '/' in it, not 'stdot'; did you mean 'stdout'?"});
    CHECK(found_in(in_top("error_log off;")) ==
          messages{"1:11+3 error: 'error_log' takes stderr or a path with a '/' in it, not 'off'"});
    CHECK(found_in(in_top("error_log stderr level=warning;")) ==
          messages{"1:18+13 error: 'level=' takes debug, info, warn or error, not 'warning'"});
    CHECK(found_in(in_top("pid_file weir.pid;")) ==
          messages{"1:10+8 error: 'pid_file' takes off or a path with a '/' in it, not 'weir.pid'"});
    CHECK(found_in(in_top("workers none;")) ==
          messages{"1:9+4 error: 'workers' takes auto or a whole number from 1 to 1024, not 'none'"});
    CHECK(found_in(in_top("workers 0;")) ==
          messages{"1:9+1 error: 'workers' takes auto or a whole number from 1 to 1024, not '0'"});
    CHECK(found_in(in_top("user we$ir;")) ==
          messages{"1:6+5 error: 'user' takes a name of at most 64 letters, digits and -._, not 'we$ir'"});
}

TEST_CASE("messages: addresses", "[golden]") {
    CHECK(found_in(in_top("listen 70000 { route / web; }")) ==
          messages{"1:8+5 error: 'listen' takes an IP address and port, a port, or unix:/path, not '70000'; a port is "
                   "a number from 0 to 65535"});
    CHECK(found_in(in_top("listen localhost:80 { route / web; }")) ==
          messages{"1:8+12 error: 'listen' takes an IP address and port, a port, or unix:/path, not 'localhost:80'; "
                   "write 127.0.0.1:80"});
    CHECK(found_in(in_top("listen example.com:80 { route / web; }")) ==
          messages{"1:8+14 error: 'listen' takes an IP address and port, a port, or unix:/path, not 'example.com:80'; "
                   "example.com is not an IP address"});
    CHECK(found_in(in_top("listen *:80 { route / web; }")) ==
          messages{"1:8+4 error: 'listen' takes an IP address and port, a port, or unix:/path, not '*:80'; write 80 "
                   "for every address"});
    CHECK(found_in(in_top("listen ::1:80 { route / web; }")) ==
          messages{"1:8+6 error: 'listen' takes an IP address and port, a port, or unix:/path, not '::1:80'; write an "
                   "IPv6 address in brackets: [::1]:80"});
    CHECK(found_in(in_top("listen [::1:80 { route / web; }")) ==
          messages{"1:8+7 error: 'listen' takes an IP address and port, a port, or unix:/path, not '[::1:80'; the ']' "
                   "is missing"});
    CHECK(found_in(in_top("listen [::1] { route / web; }")) ==
          messages{"1:8+5 error: 'listen' takes an IP address and port, a port, or unix:/path, not '[::1]'; the port "
                   "is missing: [address]:port"});
    CHECK(found_in(in_top("listen [::g]:80 { route / web; }")) ==
          messages{"1:8+8 error: 'listen' takes an IP address and port, a port, or unix:/path, not '[::g]:80'; ::g is "
                   "not an IPv6 address"});
    CHECK(found_in(in_top("listen 127.0.0.1 { route / web; }")) ==
          messages{"1:8+9 error: 'listen' takes an IP address and port, a port, or unix:/path, not '127.0.0.1'; the "
                   "port is missing: 127.0.0.1:80"});
    CHECK(found_in(in_top("listen unix:run { route / web; }")) ==
          messages{"1:8+8 error: 'listen' takes an IP address and port, a port, or unix:/path, not 'unix:run'; write "
                   "unix:/path, with the path from the root on"});
    CHECK(found_in(in_top("listen unix:/" + std::string(107, 'x') + " { route / web; }")) ==
          messages{"1:8+113 error: 'listen' takes an IP address and port, a port, or unix:/path, not "
                   "'unix:/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'; the path of a Unix socket has "
                   "at most 107 bytes"});
    CHECK(found_in(in_alone("server 9001;")) ==
          messages{"2:8+4 error: 'server' takes a host and port, or unix:/path, not "
                   "'9001'; the host is missing: 127.0.0.1:9001"});
    CHECK(found_in(in_alone("server a;")) ==
          messages{"2:8+1 error: 'server' takes a host and port, or unix:/path, not 'a'; the port is missing: a:80"});
    CHECK(found_in(in_alone("server a:0;")) ==
          messages{"2:8+3 error: 'server' takes a host and port, or unix:/path, not "
                   "'a:0'; a port is a number from 1 to 65535"});
    CHECK(found_in(in_alone("server a:http;")) ==
          messages{"2:8+6 error: 'server' takes a host and port, or unix:/path, "
                   "not 'a:http'; a port is a number from 1 to 65535"});
    CHECK(found_in(in_alone("server 300.1.1.1:80;")) ==
          messages{"2:8+12 error: 'server' takes a host and port, or unix:/path, not '300.1.1.1:80'; 300.1.1.1 is "
                   "neither a host name nor an IP address"});
    CHECK(found_in(in_alone("server a..b:80;")) ==
          messages{"2:8+7 error: 'server' takes a host and port, or unix:/path, not 'a..b:80'; a..b is neither a host "
                   "name nor an IP address"});
    CHECK(found_in(in_alone("server http://a:80;")) ==
          messages{"2:8+11 error: 'server' takes a host and port, or unix:/path, not 'http://a:80'; write the address "
                   "without http://"});
    CHECK(found_in(in_alone("server a:1 weight=0;")) ==
          messages{"2:12+8 error: 'weight=' takes a whole number from 1 to 256, not '0'"});
    CHECK(found_in(in_listen("trusted 10.0.0.1/8;")) ==
          messages{"2:9+10 error: 'trusted' takes none or a list of networks such as 10.0.0.0/8,::1,unix, not "
                   "'10.0.0.1/8'; it has bits behind its prefix; the network is 10.0.0.0/8"});
    CHECK(found_in(in_listen("trusted 10.0.0.0/33;")) ==
          messages{"2:9+11 error: 'trusted' takes none or a list of networks such as 10.0.0.0/8,::1,unix, not "
                   "'10.0.0.0/33'; the part after '/' is a number from 0 to 32"});
    CHECK(found_in(in_listen("trusted fd00::1/8;")) ==
          messages{"2:9+9 error: 'trusted' takes none or a list of networks such as 10.0.0.0/8,::1,unix, not "
                   "'fd00::1/8'; it has bits behind its prefix; the network is fd00::/8"});
    CHECK(found_in(in_listen("trusted ten;")) ==
          messages{"2:9+3 error: 'trusted' takes none or a list of networks such as 10.0.0.0/8,::1,unix, not 'ten'"});
    CHECK(found_in(in_listen("trusted 10.0.0.0/8,;")) ==
          messages{"2:9+11 error: 'trusted' takes none or a list of networks such as 10.0.0.0/8,::1,unix, not "
                   "'10.0.0.0/8,'; an item of the list is empty; lists are written without blanks"});
    CHECK(found_in(in_listen("trusted unix,10.0.0.0/a;")) ==
          messages{"2:9+15 error: 'trusted' takes none or a list of networks such as 10.0.0.0/8,::1,unix, not "
                   "'unix,10.0.0.0/a'; '10.0.0.0/a': the part after '/' is a number from 0 to 32"});
}

TEST_CASE("messages: routes", "[golden]") {
    CHECK(found_in(in_bare("route orders web;")) ==
          messages{"2:7+6 error: 'route' takes the start of a path, not 'orders'; a path starts with '/'"});
    CHECK(found_in(in_bare("route /a?b web;")) ==
          messages{"2:7+4 error: 'route' takes the start of a path, not '/a?b'; "
                   "only the path is compared, without query or fragment"});
    CHECK(found_in(in_bare("route /ä web;")) ==
          messages{"2:7+3 error: 'route' takes the start of a path, not '/ä'; blanks and characters beyond ASCII are "
                   "percent-encoded in a path"});
    CHECK(found_in(in_bare("route / wbe;")) == messages{"2:9+3 error: unknown backend 'wbe'; did you mean 'web'?"});
    CHECK(found_in(in_bare("route / nowhere;")) == messages{"2:9+7 error: unknown backend 'nowhere'"});
    CHECK(found_in(in_bare("route / web host=a:80;")) ==
          messages{"2:13+9 error: 'host=' takes a list of host names such as example.com,*.example.com, not 'a:80'; "
                   "hosts are compared without their port"});
    CHECK(found_in(in_bare("route / web host=*a.com;")) ==
          messages{"2:13+11 error: 'host=' takes a list of host names such as example.com,*.example.com, not '*a.com'; "
                   "'*' stands only for the first labels: *.example.com"});
    CHECK(found_in(in_bare("route / web host=a_b,c..d;")) ==
          messages{"2:13+13 error: 'host=' takes a list of host names such as example.com,*.example.com, not "
                   "'a_b,c..d'; 'c..d' is not one"});
    CHECK(found_in(in_bare("route / web method=get;")) ==
          messages{"2:13+10 error: 'method=' takes a list of methods such as GET,HEAD, not 'get'; methods are in upper "
                   "case: GET"});
    CHECK(
        found_in(in_bare("route / web method=CONNECT;")) ==
        messages{
            "2:13+14 error: 'method=' takes a list of methods such as GET,HEAD, not 'CONNECT'; weir refuses CONNECT"});
    CHECK(found_in(in_bare("route / web method=GET,,PUT;")) ==
          messages{"2:13+15 error: 'method=' takes a list of methods such as GET,HEAD, not 'GET,,PUT'; an item of the "
                   "list is empty; lists are written without blanks"});
    CHECK(found_in(in_bare("route / web method=G(T;")) ==
          messages{"2:13+10 error: 'method=' takes a list of methods such as GET,HEAD, not 'G(T'; a method has "
                   "letters, digits and -._ only"});
    CHECK(found_in(in_bare("route / web hots=a;")) ==
          messages{"2:13+6 error: unknown argument 'hots' of 'route'; did you mean 'host'?"});
    CHECK(found_in(in_bare("route /;")) ==
          messages{"2:7+1 error: this route leads nowhere; it needs a backend, 'redirect' or 'respond'"});
    CHECK(found_in(in_goal("upgrade off;")) ==
          messages{"1:18+1 error: this route leads nowhere; it needs a backend, 'redirect' or 'respond'"});
    CHECK(found_in(in_route("redirect 301 /x;")) ==
          messages{"2:1+8 error: a route has one of a backend, 'redirect' and 'respond', not two",
                   "1:20+3 note: the first is here"});
    CHECK(found_in(in_goal("redirect 301 /x;\nrespond 200;")) ==
          messages{"3:1+7 error: a route has one of a backend, 'redirect' and 'respond', not two",
                   "2:1+8 note: the first is here"});
    CHECK(found_in(in_goal("redirect 300 /x;")) ==
          messages{"2:10+3 error: 'redirect' takes 301, 302, 303, 307 or 308, not '300'"});
    CHECK(
        found_in(in_goal("redirect 301 x;")) ==
        messages{
            "2:14+1 error: 'redirect' takes a URL, not 'x'; it starts with '/', 'http://', 'https://' or a variable"});
    CHECK(found_in(in_goal("redirect 301 \"/a b\";")) ==
          messages{"2:14+6 error: 'redirect' takes a URL, not '/a b'; blanks and characters beyond ASCII are "
                   "percent-encoded in a URL"});
    CHECK(found_in(in_goal("redirect 301 /$hots;")) ==
          messages{
              "2:14+6 error: 'redirect' takes a URL, not '/$hots'; unknown variable '$hots'; did you mean '$host'?"});
    CHECK(
        found_in(in_goal("redirect 301 /$x;")) ==
        messages{"2:14+3 error: 'redirect' takes a URL, not '/$x'; unknown variable '$x'; write $$ for a dollar sign"});
    CHECK(
        found_in(in_goal("redirect 301 /$;")) ==
        messages{"2:14+2 error: 'redirect' takes a URL, not '/$'; '$' starts a variable; write $$ for a dollar sign"});
    CHECK(found_in(in_goal("redirect 301;")) == messages{"2:1+8 error: 'redirect' needs URL: a URL"});
    CHECK(found_in(in_goal("respond 199;")) ==
          messages{"2:9+3 error: 'respond' takes a whole number from 200 to 599, not '199'"});
    CHECK(found_in(in_goal("respond 600;")) ==
          messages{"2:9+3 error: 'respond' takes a whole number from 200 to 599, not '600'"});
    CHECK(found_in(in_goal("respond 204 \"x\";")) == messages{"2:13+3 error: a response with status 204 has no body"});
    CHECK(found_in(in_goal("respond 200 x type=\"a\\nb\";")) ==
          messages{"2:15+11 error: 'type=' takes the value of a header, not 'a?b'; a header value may not hold a line "
                   "feed or another control character"});
    CHECK(found_in(in_goal("respond 200 a=b;")) ==
          messages{"2:13+3 error: unknown argument 'a' of 'respond'; there is type="});
    CHECK(found_in(in_route("upgrade web(socket;")) ==
          messages{"2:9+10 error: 'upgrade' takes off or a list of protocols such as websocket, not 'web(socket'; a "
                   "protocol has letters, digits and -._ only"});
    CHECK(found_in(in_route("upgrade h2c;")) ==
          messages{"2:9+3 warning: h2c lets clients speak HTTP/2 to the servers past every check and route of weir"});
}

TEST_CASE("messages: headers", "[golden]") {
    CHECK(found_in(in_route("request_header sett X a;")) ==
          messages{"2:16+4 error: 'request_header' takes set, add or remove, not 'sett'; did you mean 'set'?"});
    CHECK(found_in(in_route("request_header set X;")) ==
          messages{"2:16+3 error: 'set' needs a value after the name of the header"});
    CHECK(found_in(in_route("request_header remove X a;")) ==
          messages{"2:25+1 error: 'remove' takes the name of a header only"});
    CHECK(found_in(in_route("request_header set \"X Y\" a;")) ==
          messages{"2:20+5 error: 'request_header' takes the name of a header, not 'X Y'; a header name has letters, "
                   "digits and -._ only"});
    CHECK(found_in(in_route("request_header set X: a;")) ==
          messages{"2:20+2 error: 'request_header' takes the name of a header, not 'X:'; a header name has letters, "
                   "digits and -._ only"});
    CHECK(found_in(in_route("request_header remove Connection;")) ==
          messages{"2:23+10 error: 'request_header' takes the name of a header, not 'Connection'; weir itself writes "
                   "this header: it frames the message or the connection"});
    CHECK(found_in(in_route("response_header set content-length 5;")) ==
          messages{"2:21+14 error: 'response_header' takes the name of a header, not 'content-length'; weir itself "
                   "writes this header: it frames the message or the connection"});
    CHECK(found_in(in_route("request_header add Host a;")) ==
          messages{"2:20+4 error: 'Host' may only be set: a request has exactly one"});
    CHECK(found_in(in_route("response_header set X \"a\\nb\";")) ==
          messages{"2:23+6 error: 'response_header' takes the value of a header, not 'a?b'; a header value may not "
                   "hold a line feed or another control character"});
    CHECK(found_in(in_route("response_header set X \" a\";")) ==
          messages{"2:23+4 error: 'response_header' takes the value of a header, not ' a'; a header value neither "
                   "starts nor ends with a blank"});
    CHECK(found_in(in_route("response_header set X $request;")) ==
          messages{"2:23+8 error: 'response_header' takes the value of a header, not '$request'; unknown variable "
                   "'$request'; did you mean '$request_id'?"});
    CHECK(found_in(in_route("response_header set X $clientaddress;")) ==
          messages{"2:23+14 error: 'response_header' takes the value of a header, not '$clientaddress'; unknown "
                   "variable '$clientaddress'; did you mean '$client_address'?"});
    CHECK(found_in(in_route("response_header set X a$;")) ==
          messages{"2:23+2 error: 'response_header' takes the value of a header, not 'a$'; '$' starts a variable; "
                   "write $$ for a dollar sign"});
    CHECK(found_in(in_route("response_header set X $client_adress;")) ==
          messages{"2:23+14 error: 'response_header' takes the value of a header, not '$client_adress'; unknown "
                   "variable '$client_adress'; did you mean '$client_address'?"});
}

TEST_CASE("messages: listeners", "[golden]") {
    CHECK(found_in(in_bare("")) ==
          messages{"1:8+1 error: this listener leads nowhere; it needs a 'route' or a 'default_backend'"});
    CHECK(found_in(in_bare("default_backend wbe;")) ==
          messages{"2:17+3 error: unknown backend 'wbe'; did you mean 'web'?"});
    CHECK(found_in(std::string{} + "listen 1 { protocol tcp; }" + web) ==
          messages{"1:8+1 error: a tcp listener needs a 'default_backend' or 'sni'"});
    CHECK(found_in(in_tcp("route / web;\nmax_head 16KiB;")) ==
          messages{"2:7+1 error: 'route' is for http; this listener has 'protocol tcp'",
                   "3:1+8 error: 'max_head' is for http; this listener has 'protocol tcp'"});
    CHECK(found_in(in_tcp("timeout client_header=1s keep_alive=1s;")) ==
          messages{"2:26+13 error: 'keep_alive=' is for http; this listener has 'protocol tcp'"});
    CHECK(found_in(in_tcp("tls { certificate a; kernel_tls off; }")) ==
          messages{"2:22+10 error: 'kernel_tls' is for http; this listener has 'protocol tcp'"});
    CHECK(
        found_in(in_tcp("defer_accept on;")) ==
        messages{
            "2:14+2 error: 'defer_accept on' would stall protocols in which the server speaks first; it is for http"});
    CHECK(found_in(std::string{} + "listen unix:/a { route / web; defer_accept on; }" + web) ==
          messages{"1:44+2 error: 'defer_accept on' means nothing on a Unix socket"});
    CHECK(found_in(in_bare("route /a web;\nroute /a/b web;\nroute /ab web;")) ==
          messages{"3:7+4 warning: this route never matches: an earlier one takes all its requests",
                   "2:7+2 note: the earlier one is here"});
    CHECK(found_in(in_bare("route / web host=*.a.b;\nroute /x web host=c.a.b method=GET;\nroute / web host=a.b;")) ==
          messages{"3:7+2 warning: this route never matches: an earlier one takes all its requests",
                   "2:7+1 note: the earlier one is here"});
    CHECK(found_in(in_bare("route / web method=GET;\nroute /a web method=GET;\nroute /a web;")) ==
          messages{"3:7+2 warning: this route never matches: an earlier one takes all its requests",
                   "2:7+1 note: the earlier one is here"});
    CHECK(found_in(in_listen("trusted 0.0.0.0/0;")) ==
          messages{"2:9+9 warning: '0.0.0.0/0' trusts everybody: any client can claim any address"});
    CHECK(found_in(in_listen("trusted 10.0.0.0/8,::/0;")) ==
          messages{"2:9+15 warning: '::/0' trusts everybody: any client can claim any address"});
}

TEST_CASE("messages: backends", "[golden]") {
    CHECK(found_in(in_alone("")) == messages{"1:35+3 error: backend 'web' has no 'server'"});
    CHECK(found_in(in_alone("server a:1;\nserver a:1;")) ==
          messages{"3:8+3 warning: the same server twice; a larger share is written weight=2",
                   "2:8+3 note: first given here"});
    CHECK(found_in(in_backend("timeout first_byte=31s;")) ==
          messages{"2:9+14 warning: first_byte=31s never ends a wait: total=30s is over before"});
    CHECK(found_in(in_backend("timeout connect=2s first_byte=1s total=1s;")) ==
          messages{"2:9+10 warning: connect=2s never ends a wait: total=1s is over before"});
    CHECK(found_in(in_backend("timeout total=10s;")) == messages{});
    CHECK(found_in(in_backend("retry 10;\ntimeout connect=5s;")) ==
          messages{"2:7+2 warning: 11 tries of connect=5s do not fit into total=30s"});
    CHECK(found_in(in_backend("timeout connect=11s;")) ==
          messages{"2:9+11 warning: 3 tries of connect=11s do not fit into total=30s"});
    CHECK(found_in(std::string{} + "listen 1 { route / web; }" + web + "backend spare { server b:1; }") ==
          messages{"3:9+5 warning: backend 'spare' is not used"});
    CHECK(found_in(in_top("backend ü { server a:1; }")) ==
          messages{"1:9+2 error: 'backend' takes a name of at most 64 letters, digits and -._, not 'ü'"});
}

TEST_CASE("messages: the process", "[golden]") {
    CHECK(found_in(in_top("drain lame_duck=30s;")) ==
          messages{"1:7+13 error: deadline=25s is over before lame_duck=30s ends"});
    CHECK(found_in(in_top("drain deadline=4s;")) ==
          messages{"1:7+11 error: deadline=4s is over before lame_duck=5s ends"});
    CHECK(found_in(in_top("workers 3;")) ==
          messages{"1:9+1 warning: 3 workers share 2 cores; more than one for a core costs latency"});
}
