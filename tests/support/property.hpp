#pragma once
/// Property tests: rapidcheck inside a Catch2 test case.
///
///     TEST_CASE("encoding and decoding cancel out", "[property]") {
///         rc::prop("for any bytes", [](const std::string& bytes) { RC_ASSERT(decode(encode(bytes)) == bytes); });
///     }
///
/// A failure prints the smallest counterexample found and the seed; RC_PARAMS="reproduce=..." runs it once more, and
/// RC_PARAMS="max_success=10000" looks harder. Inside a property use RC_ASSERT and RC_PRE, not CHECK.
///
/// `rc::prop` is a SECTION of the test case, like the one of <rapidcheck/catch.h>. It is our own because that header
/// wants version 2 of Catch2 by its path.
#include <rapidcheck.h>

#include <iostream>
#include <sstream>
#include <string>
#include <utility>

#include "tests/support/catch.hpp"

namespace rc {

template <class Property>
void prop(const std::string& description, Property&& holds) {
    SECTION(description) {
        const auto outcome = detail::checkTestable(std::forward<Property>(holds));
        std::ostringstream told;
        detail::printResultMessage(outcome, told);
        if (!outcome.template is<detail::SuccessResult>()) FAIL(told.str());
        // How often each RC_CLASSIFY or RC_TAG occurred: worth seeing, it shows whether the inputs reach the corners.
        if (!outcome.template get<detail::SuccessResult>().distribution.empty())
            std::cout << "- " << description << '\n' << told.str() << '\n';
        SUCCEED();
    }
}

}  // namespace rc
