#pragma once
/// The dashboard: the process as an operator watches it in a browser (GET / of the admin listener).
///
///     reply.body = dashboard_page(nonce);
///     reply.fields = dashboard_fields(nonce);           // Content-Security-Policy and its like
///
/// One page without any other resource. Its script asks /status every two seconds and /events for what is new, and shows for each
/// backend and server what stands there: verdict, breaker, in flight and limit, queue, rates, latency; pressure and ladder of
/// each worker; and the latest events. Rates are of the last interval, percentiles as /status tells them. Everything shown
/// is set as text, never as markup, so a name from the configuration cannot become a script; and the page's policy lets only
/// the script and style run that carry the nonce, and connects nowhere but here.
///
/// `nonce`: random, anew for each answer; base64 characters. Pure.
#include <string>
#include <string_view>

namespace weir {

std::string dashboard_page(std::string_view nonce);
/// Ready-made header lines.
std::string dashboard_fields(std::string_view nonce);

}  // namespace weir
