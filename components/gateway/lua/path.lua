-- The one reading of a path, and what other servers may read in it. access/paths.py says the same, and why. Needs json.lua.
local unreadable, elements_of, spelled, meets
do
  local byte, find, gsub, lower, match, reverse = string.byte, string.find, string.gsub, string.lower, string.match, string.reverse
  local sub = string.sub

  -- Ranges of code points, first and last: what may be read as / \ ; ? % #; letters that may be read as ASCII ones; and
  -- other characters that may be read as ASCII ones, as several, or as none.
  local SEPARATING = {
    0xA5, 0xA5, 0x37E, 0x37E, 0x66A, 0x66A, 0x2044, 0x2044, 0x2047, 0x2049, 0x20A9, 0x20A9, 0x2100, 0x2101, 0x2105, 0x2106,
    0x2215, 0x2216, 0x29F5, 0x29F5, 0x29F8, 0x29F9, 0xFE14, 0xFE14, 0xFE16, 0xFE16, 0xFE54, 0xFE54, 0xFE56, 0xFE56,
    0xFE5F, 0xFE5F, 0xFE68, 0xFE68, 0xFE6A, 0xFE6A, 0xFF03, 0xFF03, 0xFF05, 0xFF05, 0xFF0F, 0xFF0F, 0xFF1B, 0xFF1B,
    0xFF1F, 0xFF1F, 0xFF3C, 0xFF3C,
  }
  local LETTERS = { 0xC0, 0x2AF, 0x1E00, 0x1EFF, 0x2C60, 0x2C7B, 0xA722, 0xA787, 0xAB30, 0xAB5A }
  local LOOSE = {
    0x80, 0xBF, 0x2B0, 0x385, 0x483, 0x489, 0x600, 0x605, 0x61C, 0x61C, 0x660, 0x66D, 0x6DD, 0x6DD, 0x6F0, 0x6F9,
    0x70F, 0x70F, 0x890, 0x891, 0x8E2, 0x8E2, 0x115F, 0x1160, 0x1680, 0x1680, 0x17B4, 0x17B5, 0x180B, 0x180F,
    0x1AB0, 0x1AFF, 0x1D00, 0x1DFF, 0x1FBD, 0x1FC1, 0x1FCD, 0x1FCF, 0x1FDD, 0x1FDF, 0x1FED, 0x1FEF, 0x1FFD, 0x24FF,
    0x2A74, 0x2A76, 0x2C7C, 0x2C7F, 0x2DE0, 0x2DFF, 0x3000, 0x303F, 0x3099, 0x309C, 0x3164, 0x3164, 0x3200, 0x33FF,
    0xA66F, 0xA67D, 0xA69E, 0xA69F, 0xA700, 0xA721, 0xA788, 0xA7FF, 0xA8E0, 0xA8F1, 0xAB5B, 0xAB6F, 0xFB00, 0xFB06,
    0xFB29, 0xFB29, 0xFC5E, 0xFC63, 0xFDFA, 0xFDFB, 0xFE00, 0xFE7F, 0xFEFF, 0xFF65, 0xFF9E, 0xFFA0, 0xFFE0, 0xFFFF,
    0x10376, 0x1037A, 0x10780, 0x107BF, 0x110BD, 0x110BD, 0x110CD, 0x110CD, 0x1133B, 0x1133B, 0x11366, 0x11374,
    0x13430, 0x1343F, 0x1BCA0, 0x1BCA3, 0x1D173, 0x1D17A, 0x1D242, 0x1D244, 0x1D400, 0x1D7FF, 0x1E000, 0x1E02A,
    0x1F100, 0x1F190, 0x1FBF0, 0x1FBF9, 0xE0000, 0xE0FFF,
  }

  local function is_one_of(ranges, code)
    for at = 1, #ranges, 2 do
      if code >= ranges[at] and code <= ranges[at + 1] then return true end
    end
    return false
  end

  -- A character of UTF-8 as the sign that stands for it: `\` where it may separate, `*` and `?` where it may be something
  -- else; itself otherwise.
  local function sign(character)
    local a, b, c, d = byte(character, 1, 4)
    local code = a % 32 * 64 + b % 64
    if d then code = ((a % 8 * 64 + b % 64) * 64 + c % 64) * 64 + d % 64
    elseif c then code = (a % 16 * 64 + b % 64) * 64 + c % 64 end
    if is_one_of(SEPARATING, code) then return '\\' end
    return is_one_of(LETTERS, code) and '*' or is_one_of(LOOSE, code) and '?' or nil
  end

  local function refused(hex)   -- encodings of control bytes and of / \ ; ? %
    local code = tonumber(hex, 16)
    return code < 32 or code == 127 or code == 47 or code == 92 or code == 59 or code == 63 or code == 37
  end

  local function decoded(hex) return string.char(tonumber(hex, 16)) end

  -- elements_of(text) -> its elements, at most `most` of them.
  function elements_of(text, most)
    local elements = {}
    for element in string.gmatch(text, '[^/]+') do
      if #elements == most then break end
      elements[#elements + 1] = element
    end
    return elements
  end

  -- unreadable(path) -> true where two servers could read the path differently; else false, the path, decoded, and the
  -- same with a sign for each character that another server may read as another one.
  function unreadable(path)
    if type(path) ~= 'string' or not find(path, '^/') or find(path, '[%c \\;#]') then return true end
    if find(gsub(path, '%%%x%x', ''), '%%') then return true end
    for hex in string.gmatch(path, '%%(%x%x)') do
      if refused(lower(hex)) then return true end
    end
    local text = gsub(path, '%%(%x%x)', decoded)
    if not utf8_valid(text) then return true end
    local signs = gsub(text, '[\194-\244][\128-\191]+', sign)
    if find(signs, '\\', 1, true) then return true end
    for element in string.gmatch(signs, '[^/]+') do
      if element ~= '.' and element ~= '..' and find(element, '^[ .?]+$') then return true end
      if find(element, '^[ .?]*:.*[$?]') then return true end   -- a stream of a folder
    end
    return false, text, signs
  end

  -- An element that ends in one of the signs, or in what Windows drops, without what may be dropped there.
  local function trimmed(element)
    local dropped = match(element, '^[ .*?]*')
    return (find(dropped, '[*?]') and '?' or '') .. sub(element, #dropped + 1)
  end

  -- spelled(element) -> the element, of a path with signs, as a pattern of what other servers may read: small letters,
  -- and `*` or `?` for any characters or none.
  function spelled(element)
    local pattern = gsub(lower(element), '[<>"]', '*')
    if find(pattern, '[~?][%d?]') then return '?' end   -- a short name, which says nothing of the long one
    local at = find(pattern, '[:?]')
    if at and find(pattern, '[$?]', at + 1) then pattern = sub(pattern, 1, at - 1) .. '?' end   -- a stream of a file
    local leading = match(pattern, '^[ *?]*')
    pattern = (find(leading, '[*?]') and '?' or '') .. sub(pattern, #leading + 1)
    return reverse(trimmed(reverse(pattern)))
  end

  -- meets(pattern, element) -> whether another server may read what is spelled like this as the element of a rule.
  function meets(pattern, element)
    local first, rest = match(pattern, '^([^*?]*)[*?]+(.*)$')
    if not first then return pattern == element end
    if sub(element, 1, #first) ~= first then return false end
    local at = #first + 1
    local literal, more = match(rest, '^([^*?]*)[*?]+(.*)$')
    while literal do
      local _, stop = find(element, literal, at, true)
      if not stop then return false end
      at, rest = stop + 1, more
      literal, more = match(rest, '^([^*?]*)[*?]+(.*)$')
    end
    return #element - at + 1 >= #rest and sub(element, #element - #rest + 1) == rest
  end
end
