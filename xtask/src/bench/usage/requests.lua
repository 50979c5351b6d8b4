-- Requests of 5,000 callers with four versions and twenty clients, all of which are refused.
local number = 0

request = function()
  -- A prime, so that the callers come in no simple order.
  number = (number + 7919) % 5000
  wrk.headers["X-Api-Key"] = "key-" .. number
  wrk.headers["X-Api-Version"] = "1." .. (number % 4)
  wrk.headers["User-Agent"] = "AcmeApp/4." .. (number % 20) .. " (Linux)"
  return wrk.format("GET", "/orders/" .. number)
end
