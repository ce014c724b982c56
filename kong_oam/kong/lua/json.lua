-- A strict JSON reader (RFC 8259) in plain Lua, since Kong's sandbox offers none. It takes one
-- pass, and no pattern backtracks.
-- json_read(text) -> value, or nil and a reason. Objects and arrays are tables. The reader rejects
-- duplicate keys, infinite numbers, text that is not UTF-8, and nesting beyond 32. `null` is the
-- table json_null, so that a key with null exists. json_is_array(value) recognises arrays,
-- json_is_object(value) objects.
-- All of admission reads texts with these functions.
local byte, char, find, gmatch, gsub = string.byte, string.char, string.find, string.gmatch, string.gsub
local lower, match, sub = string.lower, string.match, string.sub
local json_null = {}
local json_read, json_is_array, json_is_object, utf8_valid
-- With tools:
local json_spans
-- End of tools.
do
  local ARRAY, OBJECT = {}, {}   -- keys that no text equals; they mark the type of a table
  local MAX_DEPTH = 32
  local ESCAPES = { ['"'] = '"', ['\\'] = '\\', ['/'] = '/', b = '\b', f = '\f', n = '\n', r = '\r', t = '\t' }
  local LITERALS = { t = 'true', f = 'false', n = 'null' }
  local VALUES = { t = true, f = false, n = json_null }

  function json_is_array(value) return type(value) == 'table' and value[ARRAY] == true end
  function json_is_object(value) return type(value) == 'table' and value[OBJECT] == true end

  -- Sequences of UTF-8 beside ASCII (RFC 3629, section 4). No byte can both begin and continue a
  -- sequence.
  function utf8_valid(text)
    if not find(text, '[\128-\255]') then return true end
    text = gsub(text, '[\194-\223][\128-\191]', '?')
    text = gsub(text, '\224[\160-\191][\128-\191]', '?')
    text = gsub(text, '\237[\128-\159][\128-\191]', '?')
    text = gsub(text, '[\225-\236\238\239][\128-\191][\128-\191]', '?')
    text = gsub(text, '\240[\144-\191][\128-\191][\128-\191]', '?')
    text = gsub(text, '[\241-\243][\128-\191][\128-\191][\128-\191]', '?')
    text = gsub(text, '\244[\128-\143][\128-\191][\128-\191]', '?')
    return not find(text, '[\128-\255]')
  end

  local function utf8_char(code)
    if code < 128 then return char(code) end
    local tail, room = '', 64          -- room: the number of codes of a sequence's first byte
    repeat
      local low = code % 64
      tail, code, room = char(128 + low) .. tail, (code - low) / 64, room / 2
    until code < room
    return char(256 - 2 * room + code) .. tail
  end

  local function space(text, at)
    local _, last = find(text, '^[ \t\r\n]*', at)
    return last + 1
  end

  local function hex4(text, at)
    return tonumber(match(text, '^%x%x%x%x', at) or error('bad escape of a character', 0), 16)
  end

  local function escaped(text, at)       -- at: after the backslash
    local letter = sub(text, at, at)
    if letter ~= 'u' then return ESCAPES[letter] or error('unknown escape', 0), at + 1 end
    local code = hex4(text, at + 1)
    at = at + 5
    if code >= 0xD800 and code <= 0xDFFF then
      local low = code < 0xDC00 and sub(text, at, at + 1) == '\\u' and hex4(text, at + 2) or 0
      if low < 0xDC00 or low > 0xDFFF then error('lone surrogate', 0) end
      code, at = 0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00), at + 6
    end
    return utf8_char(code), at
  end

  local function read_string(text, at)   -- at: after the opening quote
    local parts = {}
    while true do
      local stop = find(text, '["\\%c]', at) or error('unfinished text', 0)
      local mark = sub(text, stop, stop)
      parts[#parts + 1] = sub(text, at, stop - 1)
      at = stop + 1
      if mark == '"' then return table.concat(parts), at end
      if mark == '\\' then
        mark, at = escaped(text, at)
      elseif mark ~= '\127' then         -- %c includes DEL, but JSON allows it
        error('control character in a text', 0)
      end
      parts[#parts + 1] = mark
    end
  end

  local function read_number(text, at)
    local _, last = find(text, '^-?[1-9]%d*', at)
    if not last then _, last = find(text, '^-?0', at) end
    if not last then error('unexpected character', 0) end
    local _, fraction = find(text, '^%.%d+', last + 1)
    last = fraction or last
    local _, exponent = find(text, '^[eE][+-]?%d+', last + 1)
    local number = tonumber(sub(text, at, exponent or last))
    if not number or number - number ~= 0 then error('number out of range', 0) end
    return number, (exponent or last) + 1
  end

  local read_value
  -- With tools:
  local spans   -- the places of the parts of upper objects and arrays, while json_spans reads
  -- End of tools.

  local function read_list(text, at, depth, kind, closing)   -- at: after the opening bracket
    local result, key = { [kind] = true }, 0
    at = space(text, at)
    if sub(text, at, at) == closing then return result, at + 1 end
    while true do
      if kind == ARRAY then
        key = key + 1
      else
        at = space(text, at)
        if sub(text, at, at) ~= '"' then error('expected a key', 0) end
        key, at = read_string(text, at + 1)
        at = space(text, at)
        if sub(text, at, at) ~= ':' then error('expected a colon', 0) end
        if result[key] ~= nil then error('a key stands twice', 0) end
        at = at + 1
      end
      -- With tools:
      local first = spans and space(text, at)
      -- End of tools.
      result[key], at = read_value(text, at, depth + 1)
      -- With tools:
      if spans and depth <= 2 then
        spans[result] = spans[result] or {}
        spans[result][key] = { first, at - 1 }
      end
      -- End of tools.
      at = space(text, at)
      local mark = sub(text, at, at)
      at = at + 1
      if mark == closing then return result, at end
      if mark ~= ',' then error('expected a comma or ' .. closing, 0) end
    end
  end

  function read_value(text, at, depth)
    at = space(text, at)
    local mark = sub(text, at, at)
    if mark == '"' then return read_string(text, at + 1) end
    if mark == '{' or mark == '[' then
      if depth >= MAX_DEPTH then error('nested too deeply', 0) end
      if mark == '{' then return read_list(text, at + 1, depth, OBJECT, '}') end
      return read_list(text, at + 1, depth, ARRAY, ']')
    end
    local word = LITERALS[mark]
    if not word then return read_number(text, at) end
    if sub(text, at, at + #word - 1) ~= word then error('unexpected character', 0) end
    return VALUES[mark], at + #word
  end

  function json_read(text)
    if type(text) ~= 'string' or not utf8_valid(text) then return nil, 'not UTF-8 text' end
    local ok, value, at = pcall(read_value, text, 1, 0)
    if not ok then return nil, value end
    if space(text, at) <= #text then return nil, 'something follows the value' end
    return value
  end

  -- With tools:
  -- json_spans(text) -> the value, and {table: {key: {first, last}}}; nil as json_read. The places
  -- of parts in the text, three levels deep.
  function json_spans(text)
    spans = {}
    local value = json_read(text)
    local found = spans
    spans = nil
    return value, found
  end
  -- End of tools.
end
