#pragma once
/// What a run found, for people and for programs.
#include <string>

#include "tests/support/loadgen_engine.hpp"

namespace loadgen {

std::string as_table(const tally& found, const plan& asked);
/// One line. Times in microseconds with fractions, "seconds" holds one object per second of the run.
std::string as_json(const tally& found, const plan& asked);

}  // namespace loadgen
