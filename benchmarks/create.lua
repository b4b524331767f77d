-- Distributed under the Boost Software License, Version 1.0. See LICENSE.
-- For wrk, from the root of the tree: creates clients as W1 has them, and at the end prints responses, microseconds, responses
-- that are no success, failures, and the median and the 99th percentile of the latency in microseconds. Where KEYS is in the
-- environment each has a key of 36 digits: random ones, or, if it is `timed`, in the order of time.
wrk.method = "POST"
wrk.path = "/api/clients"
wrk.headers["authorization"] = "benchmark-token"
wrk.headers["content-type"] = "application/json"
for body in io.lines("benchmarks/data/W1.json") do wrk.body = body end

local keys = os.getenv("KEYS")
if keys then
  local start, count = os.time(), 0
  math.randomseed(start)
  local function digits(n) return string.format("%0" .. n .. "x", math.random(0, 16 ^ n - 1)) end
  function request()
    count = count + 1
    local first = keys == "timed" and string.format("%012x", start * 100000 + count) or digits(12)
    wrk.headers["idempotency-key"] = first .. digits(8) .. digits(8) .. digits(8)
    return wrk.format()
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
