-- Sixteen requests at once.
local requests

init = function(arguments)
  local one = wrk.format("GET")
  requests = string.rep(one, 16)
end

request = function()
  return requests
end
