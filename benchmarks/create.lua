-- Distributed under the Boost Software License, Version 1.0. See LICENSE.
-- For wrk, from the root of the tree: creates clients as W1 has them, and at the end prints responses, microseconds, responses
-- that are no success, failures, and the median and the 99th percentile of the latency in microseconds.
wrk.method = "POST"
wrk.path = "/api/clients"
wrk.headers["authorization"] = "benchmark-token"
wrk.headers["content-type"] = "application/json"
for body in io.lines("benchmarks/data/W1.json") do wrk.body = body end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
