-- Prepares the answer of an MCP server for lists.lua, if the answer may have a list of tools. Such
-- are answers to `tools/list`, and event streams of a GET, in which a server may send an answer
-- again. Removes the length, since the list becomes shorter. An encoded answer cannot be read.
local function header(name) return string.lower(kong.response.get_header(name) or '') end

-- The state of the list, or false for an answer without one.
local function list_of(decision)
  local message = (kong.ctx.shared.kong_oam_message or {}).meaning
  local list = {
    tools = decision.tools, id = message and message.id, is_answer = message ~= nil, rest = {}, rest_size = 0, size = 0,
    data = {}, others = {}, is_stream = string.find(header('Content-Type'), '^text/event%-stream') ~= nil,
  }
  if not list.is_answer and not list.is_stream then return false end
  local coding = header('Content-Encoding')
  list.failed = coding ~= '' and coding ~= 'identity'
  kong.response.clear_header('Content-Length')
  kong.response.clear_header('Content-Encoding')
  if not list.is_stream then kong.response.set_header('Content-Type', 'application/json') end
  return list
end

return function()
  local decision = kong.ctx.shared.kong_oam_decision
  if not decision or decision.status ~= 200 or not decision.tools then return end
  kong.ctx.shared.kong_oam_list = kong.response.get_source() == 'service' and list_of(decision)
end
