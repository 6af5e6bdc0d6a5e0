// Which state of the sources this is.
#pragma once

namespace nabla::models {

/// "git describe --always --dirty" at the time of the build, as "82dd8e8-dirty"; "unknown" where
/// the sources are no git repository.
const char* git_commit();

}  // namespace nabla::models
