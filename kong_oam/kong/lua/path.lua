-- The only reading of a path, and the possible readings of other servers. kong_oam/access/paths.py
-- does the same and gives the reasons. Needs json.lua.
local unreadable, elements_of, spelled, meets, separates
do
  local function ranges(text)   -- pairs of code points: first and last of each range
    local pairs_of = {}
    for first, last in gmatch(text, '(%x+)%-?(%x*)') do
      pairs_of[#pairs_of + 1] = tonumber(first, 16)
      pairs_of[#pairs_of + 1] = tonumber(last == '' and first or last, 16)
    end
    return pairs_of
  end

  -- Code points that other servers may read as something else. SEPARATING: as / \ ; ? % #. LETTERS:
  -- as ASCII letters. LOOSE: as ASCII characters, as several, or as none. LIKE: as a sign that
  -- Windows knows.
  local SEPARATING = ranges('A5 B4 BC-BF F7 37E 66A 2044-2049 20A9 2100-2101 2105-2106 214D 2150-215F 2189 2215-2216 '
    .. '2571-2572 27CB 27CD 29E3-29E5 29F5-29F9 33A7-33A8 33AE-33AF 33C6 33DE-33DF FE14-FE16 FE54 FE56 '
    .. 'FE5F FE68 FE6A FF03 FF05 FF0F FF1B FF1F FF3C')
  local LETTERS = ranges('C0-2AF 393 398 3A3 3A6 3A9 3B1 3B4-3B5 3C0 3C3-3C4 3C6 4BB 660-669 6F0-6F9 1E00-1EFF 2C60-2C7B')
  local LOOSE = ranges('80-BF 2B0-385 61C 115F-1160 1680 17B4-17B5 180B-180F 1AB0-1AFF 1D00-1DFF 1FBD-25FF 263A-266B '
    .. '2758 2776-2793 2A74-2C5F 2C7C-2C7F 3000-303F 3099-309C 3164 3200-33FF A700-A7FF AB30-AB6F '
    .. 'FB00-FE7F FEFF-FF65 FF9E-FFFF 10780-107BF 1BCA0-1BCA3 1D173-1D7FF 1F100-1F1AC 1FBF0-1FBF9 '
    .. 'E0000-E0FFF')
  local LIKE = {
    [0x589] = ':', [0xFE13] = ':', [0xFE55] = ':', [0xFF1A] = ':', [0xFE69] = '$', [0xFF04] = '$',
    [0x223C] = '~', [0x301C] = '~', [0xFF5E] = '~',
  }

  local function is_one_of(listed, code)
    for at = 1, #listed, 2 do
      if code >= listed[at] and code <= listed[at + 1] then return true end
    end
    return false
  end

  -- The sign for a UTF-8 character: `\` for a separator, \1 for a letter, `?` for other readings,
  -- or the character itself.
  local function sign(character)
    local a, b, c, d = byte(character, 1, 4)
    local code = a % 32 * 64 + b % 64
    if d then code = ((a % 8 * 64 + b % 64) * 64 + c % 64) * 64 + d % 64
    elseif c then code = (a % 16 * 64 + b % 64) * 64 + c % 64 end
    if is_one_of(SEPARATING, code) then return '\\' end
    return LIKE[code] or is_one_of(LETTERS, code) and '\1' or is_one_of(LOOSE, code) and '?' or nil
  end

  local function is_reserved(hex)   -- encodings of control bytes and of / \ ; ? %
    local code = tonumber(hex, 16)
    return code < 32 or code == 127 or code == 47 or code == 92 or code == 59 or code == 63 or code == 37
  end

  local function decoded(hex) return char(tonumber(hex, 16)) end

  -- elements_of(text) -> its elements, at most `most` of them.
  function elements_of(text, most)
    local elements = {}
    for element in gmatch(text, '[^/]+') do
      if #elements == most then break end
      elements[#elements + 1] = element
    end
    return elements
  end

  -- Whether some server may read a dot segment or no element here. Examples are wildcards and
  -- streams of Windows, session ids of ASP.NET, and dots beside non-ASCII characters or before a
  -- fragment.
  local function may_vanish(element)
    local before = match(element, '^[^#]*')   -- some servers cut the decoded path at a fragment
    local bare = gsub(before, '[\128-\255\1?]', '')
    return find(before, '^[ .?*<>"]+$') or find(before, '^%(%a%(.*%)%)$') or find(element, '^[ .?*<>"]*:.*%$')
      or find(element, '^%(%a%(.*%)%)$') or (bare ~= element and find(bare, '^[ .]+$') and find(bare, '.', 1, true))
  end

  -- unreadable(path) -> true if two servers could read the path differently. Otherwise false, the
  -- decoded path, and the path with a sign for each character that other servers may read
  -- differently.
  function unreadable(path)
    if type(path) ~= 'string' or not find(path, '^/') or find(path, '[%c \\;#]') then return true end
    if find(gsub(path, '%%%x%x', ''), '%%') then return true end
    for hex in gmatch(path, '%%(%x%x)') do
      if is_reserved(lower(hex)) then return true end
    end
    local text = gsub(path, '%%(%x%x)', decoded)
    if not utf8_valid(text) then return true end
    local signs = gsub(text, '[\194-\244][\128-\191]+', sign)
    if find(signs, '\\', 1, true) then return true end
    for element in gmatch(signs, '[^/]+') do
      if element ~= '.' and element ~= '..' and may_vanish(element) then return true end
    end
    return false, text, signs
  end

  -- separates(character) -> whether the character may be read as / \ ; ? % #, or is not UTF-8.
  function separates(character)
    return not utf8_valid(character) or sign(character) == '\\'
  end

  -- spelled(element) -> a pattern of the possible readings of an element with signs, in lower case;
  -- `*` means any characters or none.
  function spelled(element)
    local pattern = lower(element)
    if find(pattern, '~[%d?]') then return '*' end   -- a short name of Windows may be any long name
    local at = find(pattern, '#', 1, true)           -- some servers cut the decoded path at a fragment
    if at then pattern = sub(pattern, 1, at - 1) end
    at = find(pattern, ':', 1, true)                 -- Windows reads a stream of a file
    if at and find(pattern, '$', at, true) then pattern = sub(pattern, 1, at - 1) end
    if find(pattern, '%w') then pattern = gsub(pattern, '[\128-\255]+', '*') end   -- some drop non-ASCII
    pattern = gsub(pattern, '[<>"?\1]', '*')
    local leading = match(pattern, '^[ *]*')
    pattern = (find(leading, '*', 1, true) and '*' or '') .. sub(pattern, #leading + 1)
    local trailing = match(string.reverse(pattern), '^[ .*]*')
    pattern = sub(pattern, 1, #pattern - #trailing) .. (find(trailing, '*', 1, true) and '*' or '')
    return (gsub(pattern, '%*+', '*'))
  end

  -- meets(pattern, element) -> whether another server may read a match of the pattern as the
  -- element of a rule.
  function meets(pattern, element)
    local first, rest = match(pattern, '^([^*]*)%*(.*)$')
    if not first then return pattern == element end
    if sub(element, 1, #first) ~= first then return false end
    local at = #first + 1
    local literal, more = match(rest, '^([^*]*)%*(.*)$')
    while literal do
      local _, stop = find(element, literal, at, true)
      if not stop then return false end
      at, rest = stop + 1, more
      literal, more = match(rest, '^([^*]*)%*(.*)$')
    end
    return #element - at + 1 >= #rest and sub(element, #element - #rest + 1) == rest
  end
end
