// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include "peers.hpp"

#include "boost_json.hpp"
#include "nlohmann.hpp"
#include "rapidjson.hpp"
#include "simdjson.hpp"
#include "valijson.hpp"

namespace peers {

const std::vector<job::Reader>& readers() {
  static const std::vector<job::Reader> all{job::reader<BoostJson>(),        job::reader<BoostJsonMonotonic>(),
                                            job::reader<BoostJsonValueTo>(), job::reader<SimdjsonOnDemand>(),
                                            job::reader<RapidJsonInSitu>(),  job::reader<RapidJson>(),
                                            job::reader<RapidJsonSchema>(),  job::reader<Nlohmann>(),
                                            job::reader<ValijsonBoost>(),    job::reader<ValijsonNlohmann>()};
  return all;
}

const std::vector<job::Writer>& writers() {
  static const std::vector<job::Writer> all{job::writer<BoostJson>(), job::writer<BoostJsonMonotonic>(),
                                            job::writer<RapidJson>("RapidJSON Writer"), job::writer<Nlohmann>()};
  return all;
}

job::Reader reference() { return job::reader<Nlohmann>(); }

}  // namespace peers
