-- Cuts the tools that the caller may not call out of lists, in JSON and in event streams. A list
-- that cannot be read becomes an error, never the complete list. All other bytes of a message stay.
-- Needs answer_headers.lua in the phase before, and admission's functions.
-- Sources: Model Context Protocol, tools/list; HTML Living Standard, server-sent events.
local LARGEST = 1048576   -- bytes of a list, and of an event
local find, sub = string.find, string.sub

local function failure(id)
  local written_id = kong.ctx.shared.kong_oam_readers.written_id
  return '{"jsonrpc":"2.0","id":' .. written_id(id)
    .. ',"error":{"code":-32010,"message":"The gateway cannot read the list of tools"}}'
end

-- Whether an object has a key that some parsers read as this key.
local function has_other_spelling(object, key)
  for name in pairs(object) do
    if type(name) == 'string' and name ~= key and string.lower(name) == key then return true end
  end
  return false
end

-- The texts of the tools that the caller may call; nil if a tool has no name.
local function callable(text, listed, places, list, readers)
  local kept = {}
  for number, tool in ipairs(listed) do
    if not readers.json_is_object(tool) or type(tool.name) ~= 'string' then return nil end
    local place = places[number]
    if list.tools[tool.name] then kept[#kept + 1] = sub(text, place[1], place[2]) end
  end
  return '[' .. table.concat(kept, ',') .. ']'
end

-- The message with only the caller's tools; nil if it cannot be read. The answer to `tools/list`
-- must have a list. A stream has other messages, too.
local function shortened(text, list)
  local readers = kong.ctx.shared.kong_oam_readers
  if not list.is_answer and not find(text, '"tools"', 1, true) and not find(text, '\\u', 1, true) then return text end
  local message, spans = readers.json_spans(text)
  if not readers.json_is_object(message) or has_other_spelling(message, 'result') then return nil end
  local result = message.result
  if result == nil then return text end
  if not readers.json_is_object(result) or has_other_spelling(result, 'tools') then return nil end
  if result.tools == nil and not list.is_answer then return text end
  if not readers.json_is_array(result.tools) then return nil end
  local places = spans[result]
  local tools = callable(text, result.tools, spans[result.tools] or {}, list, readers)
  if not tools then return nil end
  local scope, place = places.cacheScope, places.tools
  if not scope then
    return sub(text, 1, place[1] - 1) .. tools .. ',"cacheScope":"private"' .. sub(text, place[2] + 1)
  end
  if scope[1] < place[1] then
    return sub(text, 1, scope[1] - 1) .. '"private"' .. sub(text, scope[2] + 1, place[1] - 1) .. tools
      .. sub(text, place[2] + 1)
  end
  return sub(text, 1, place[1] - 1) .. tools .. sub(text, place[2] + 1, scope[1] - 1) .. '"private"'
    .. sub(text, scope[2] + 1)
end

-- Ends an event, and adds its lines to `written`.
local function end_event(list, written)
  for _, line in ipairs(list.others) do written[#written + 1] = line end
  local data = table.concat(list.data, '\n')
  if list.is_large then
    data = failure(list.id)
  elseif data ~= '' then
    data = shortened(data, list) or failure(list.id)
  elseif list.data[1] then
    written[#written + 1] = 'data:'   -- some clients read the event's id only with data
  end
  for line in string.gmatch(data, '[^\n]+') do written[#written + 1] = 'data: ' .. line end
  written[#written + 1] = ''
  list.data, list.others, list.size, list.is_large = {}, {}, 0, false
end

local function take_line(list, line, written)
  if not list.has_begun then line = string.gsub(line, '^\239\187\191', '') end   -- a byte order mark
  list.has_begun = true
  if line == '' then return end_event(list, written) end
  list.size = list.size + #line
  list.is_large = list.is_large or list.size > LARGEST
  if list.is_large then
    list.data, list.others = {}, {}
  elseif line == 'data' or sub(line, 1, 5) == 'data:' then
    list.data[#list.data + 1] = string.gsub(sub(line, 6), '^ ', '')
  else
    list.others[#list.others + 1] = line
  end
end

-- Whether a line ends in the part, or ended before with a CR, behind which an LF may follow.
local function has_line(list, part)
  local last = list.rest[#list.rest]
  return find(part, '[\r\n]') ~= nil or (last and sub(last, -1) == '\r') or false
end

-- Keeps the beginning of a line, if the line is not too long.
local function keep_rest(list, part)
  if part == '' then return end
  list.rest[#list.rest + 1], list.rest_size = part, list.rest_size + #part
  if list.rest_size > LARGEST then
    list.is_large, list.size, list.rest, list.rest_size = true, LARGEST, { ':' }, 0
  end
end

-- The events that end in a part of a stream. Each of them is written anew. A line ends with CR, LF
-- or both.
local function events(list, part, is_last)
  local written = {}
  if has_line(list, part) or is_last then
    local text, at = table.concat(list.rest) .. part, 1
    while true do
      local stop = find(text, '[\r\n]', at)
      if not stop or (stop == #text and sub(text, stop) == '\r' and not is_last) then break end
      take_line(list, sub(text, at, stop - 1), written)
      at = stop + (sub(text, stop, stop + 1) == '\r\n' and 2 or 1)
    end
    part, list.rest, list.rest_size = sub(text, at), {}, 0
  end
  if is_last and part ~= '' then take_line(list, part, written) end
  if is_last and list.size > 0 then end_event(list, written) end
  keep_rest(list, part)
  written[#written + 1] = ''
  return table.concat(written, '\n')
end

-- A part of the answer as the caller gets it.
local function changed(list, part, is_last)
  if list.is_stream and not list.failed then return events(list, part, is_last) end
  list.size = list.size + #part
  list.failed = list.failed or list.size > LARGEST
  if not list.failed then list.data[#list.data + 1] = part end
  if not is_last then return '' end
  local text = table.concat(list.data)
  if list.failed then
    return (list.is_stream and 'data: ' or '') .. failure(list.id) .. (list.is_stream and '\n\n' or '')
  end
  return text == '' and text or shortened(text, list) or failure(list.id)
end

return function()
  local shared = kong.ctx.shared
  local decision = shared.kong_oam_decision
  if not decision or decision.status ~= 200 or not decision.tools then return end
  if shared.kong_oam_list == nil and kong.response.get_source() == 'service' then
    shared.kong_oam_list = { failed = true, size = 0, data = {} }
  end
  local list = shared.kong_oam_list
  if not list then return end
  local ok, text = pcall(changed, list, ngx.arg[1] or '', ngx.arg[2])
  if not ok then
    kong.log.err('a list of tools failed: ', text)
    list.failed, list.is_stream, text = true, false, ''
  end
  ngx.arg[1] = text
end
