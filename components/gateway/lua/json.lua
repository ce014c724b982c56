-- A strict JSON reader (RFC 8259) in plain Lua: Kong's sandbox offers none. One pass, no pattern that backtracks.
-- json_read(text) -> value, or nil and a reason. Objects and arrays are tables; a key that stands twice, a number that
-- is not finite, text that is not UTF-8 and nesting beyond 32 are refused. `null` is the table json_null, so that a key
-- with null is there; json_is_array(value) tells arrays, json_is_object(value) objects.
local json_null = {}
local json_read, json_is_array, json_is_object, utf8_valid
do
  local byte, char, find, sub = string.byte, string.char, string.find, string.sub
  local ARRAY, OBJECT = {}, {}   -- keys that no text can spell mark what a table is
  local MAX_DEPTH = 32
  local ESCAPES = { [34] = '"', [92] = "\\", [47] = "/", [98] = "\b", [102] = "\f", [110] = "\n", [114] = "\r", [116] = "\t" }

  function json_is_array(value) return type(value) == "table" and value[ARRAY] == true end
  function json_is_object(value) return type(value) == "table" and value[OBJECT] == true end

  local function continuation(text, at, low, high)
    local b = byte(text, at)
    return b and b >= low and b <= high
  end

  function utf8_valid(text)
    local at, size = 1, #text
    while at <= size do
      local b = byte(text, at)
      if b < 0x80 then
        at = at + 1
      elseif b >= 0xC2 and b <= 0xDF and continuation(text, at + 1, 0x80, 0xBF) then
        at = at + 2
      elseif b >= 0xE0 and b <= 0xEF
          and continuation(text, at + 1, b == 0xE0 and 0xA0 or 0x80, b == 0xED and 0x9F or 0xBF)
          and continuation(text, at + 2, 0x80, 0xBF) then
        at = at + 3
      elseif b >= 0xF0 and b <= 0xF4
          and continuation(text, at + 1, b == 0xF0 and 0x90 or 0x80, b == 0xF4 and 0x8F or 0xBF)
          and continuation(text, at + 2, 0x80, 0xBF) and continuation(text, at + 3, 0x80, 0xBF) then
        at = at + 4
      else
        return false
      end
    end
    return true
  end

  local function utf8_char(code)
    if code < 0x80 then return char(code) end
    if code < 0x800 then return char(0xC0 + (code - code % 64) / 64, 0x80 + code % 64) end
    if code < 0x10000 then
      local rest = (code - code % 64) / 64
      return char(0xE0 + (rest - rest % 64) / 64, 0x80 + rest % 64, 0x80 + code % 64)
    end
    local low = (code - code % 64) / 64
    local mid = (low - low % 64) / 64
    return char(0xF0 + (mid - mid % 64) / 64, 0x80 + mid % 64, 0x80 + low % 64, 0x80 + code % 64)
  end

  local function space(text, at)
    local _, last = find(text, "^[ \t\r\n]*", at)
    return last + 1
  end

  local function hex4(text, at)
    local digits = find(text, "^%x%x%x%x", at) and sub(text, at, at + 3) or error("bad \\u escape", 0)
    return tonumber(digits, 16), at + 4
  end

  local function escaped_char(text, at)
    local code
    code, at = hex4(text, at)
    if code >= 0xD800 and code <= 0xDBFF then
      if sub(text, at, at + 1) ~= "\\u" then error("lone surrogate", 0) end
      local low
      low, at = hex4(text, at + 2)
      if low < 0xDC00 or low > 0xDFFF then error("lone surrogate", 0) end
      code = 0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00)
    elseif code >= 0xDC00 and code <= 0xDFFF then
      error("lone surrogate", 0)
    end
    return utf8_char(code), at
  end

  local function read_string(text, at)   -- at: just behind the opening quote
    local parts = {}
    while true do
      local stop = find(text, '["\\%c]', at) or error("unfinished text", 0)
      parts[#parts + 1] = sub(text, at, stop - 1)
      local b = byte(text, stop)
      if b == 34 then
        return table.concat(parts), stop + 1
      elseif b == 127 then               -- %c counts DEL in, JSON does not
        parts[#parts + 1], at = "\127", stop + 1
      elseif b ~= 92 then
        error("control character in a text", 0)
      else
        local escape = byte(text, stop + 1)
        if escape == 117 then
          parts[#parts + 1], at = escaped_char(text, stop + 2)
        else
          parts[#parts + 1] = ESCAPES[escape] or error("unknown escape", 0)
          at = stop + 2
        end
      end
    end
  end

  local function read_number(text, at)
    local _, last = find(text, "^-?[1-9]%d*", at)
    if not last then _, last = find(text, "^-?0", at) end
    if not last then error("unexpected character", 0) end
    local _, fraction = find(text, "^%.%d+", last + 1)
    last = fraction or last
    local _, exponent = find(text, "^[eE][+-]?%d+", last + 1)
    last = exponent or last
    local number = tonumber(sub(text, at, last))
    if not number or number ~= number or number == math.huge or number == -math.huge then
      error("number out of range", 0)
    end
    return number, last + 1
  end

  local read_value

  local function read_array(text, at, depth)
    local result, count = { [ARRAY] = true }, 0
    at = space(text, at)
    if byte(text, at) == 93 then return result, at + 1 end
    while true do
      count = count + 1
      result[count], at = read_value(text, at, depth + 1)
      at = space(text, at)
      local b = byte(text, at)
      if b == 93 then return result, at + 1 end
      if b ~= 44 then error("expected , or ]", 0) end
      at = at + 1
    end
  end

  local function read_object(text, at, depth)
    local result = { [OBJECT] = true }
    at = space(text, at)
    if byte(text, at) == 125 then return result, at + 1 end
    while true do
      local key
      at = space(text, at)
      if byte(text, at) ~= 34 then error("expected a key", 0) end
      key, at = read_string(text, at + 1)
      at = space(text, at)
      if byte(text, at) ~= 58 then error("expected :", 0) end
      if result[key] ~= nil then error("a key stands twice", 0) end
      result[key], at = read_value(text, at + 1, depth + 1)
      at = space(text, at)
      local b = byte(text, at)
      if b == 125 then return result, at + 1 end
      if b ~= 44 then error("expected , or }", 0) end
      at = at + 1
    end
  end

  local function literal(text, at, word, value)
    if sub(text, at, at + #word - 1) ~= word then error("unexpected character", 0) end
    return value, at + #word
  end

  function read_value(text, at, depth)
    at = space(text, at)
    local b = byte(text, at)
    if depth >= MAX_DEPTH and (b == 123 or b == 91) then error("nested too deeply", 0) end
    if b == 123 then return read_object(text, at + 1, depth) end
    if b == 91 then return read_array(text, at + 1, depth) end
    if b == 34 then return read_string(text, at + 1) end
    if b == 116 then return literal(text, at, "true", true) end
    if b == 102 then return literal(text, at, "false", false) end
    if b == 110 then return literal(text, at, "null", json_null) end
    return read_number(text, at)
  end

  function json_read(text)
    if type(text) ~= "string" or not utf8_valid(text) then return nil, "not UTF-8 text" end
    local ok, value, at = pcall(read_value, text, 1, 0)
    if not ok then return nil, value end
    if space(text, at) <= #text then return nil, "something follows the value" end
    return value
  end
end
