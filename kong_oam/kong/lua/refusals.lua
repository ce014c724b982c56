-- Whether a rule refuses a path, by its text. kong_oam/access/refusals.py does the same and gives
-- the reasons. Needs json.lua, path.lua.
local refuses
do
  -- The elements of a text. The last element is empty if the text ends with a slash.
  local function elements_of_text(text, most)
    local elements = {}
    for element in gmatch(text, '/([^/]*)') do
      if #elements == most then break end
      elements[#elements + 1] = element
    end
    return elements
  end

  -- Whether another server may read a match of the pattern as an element with this beginning.
  local function may_begin(pattern, beginning)
    local first = match(pattern, '^[^*]*')
    if sub(first, 1, #beginning) == beginning then return true end
    return first ~= pattern and sub(beginning, 1, #first) == first
  end

  -- Whether another server may read the path as the text, or as a path that begins with it.
  local function may_be(patterns, text, is_beginning)
    local elements = elements_of_text(lower(text))
    local last = #elements
    if #patterns < last or (#patterns > last and not is_beginning) then return false end
    for number = 1, last - 1 do
      if not meets(patterns[number], elements[number]) then return false end
    end
    if is_beginning then return may_begin(patterns[last], elements[last]) end
    return meets(patterns[last], elements[last])
  end

  local function texts_in(refusals, form)
    local texts = refusals[form]
    if texts == nil then return {} end
    if not json_is_array(texts) then error('refusals of the table are no list', 0) end
    return texts
  end

  -- refuses(refusals, text, signs, depth) -> whether {exactly, begins} list the text of the path.
  -- `signs`: the text with signs. No refusal has more than `depth` elements.
  function refuses(refusals, text, signs, depth)
    if not json_is_object(refusals) then error('the table has no refusals where some are', 0) end
    local exactly, begins = texts_in(refusals, 'exactly'), texts_in(refusals, 'begins')
    for _, other in ipairs(exactly) do
      if text == other then return true end
    end
    for _, other in ipairs(begins) do
      if sub(text, 1, #other) == other then return true end
    end
    local patterns = elements_of_text(signs, depth + 1)
    for number, element in ipairs(patterns) do patterns[number] = spelled(element) end
    for _, other in ipairs(exactly) do
      if may_be(patterns, other, false) then return true end
    end
    for _, other in ipairs(begins) do
      if may_be(patterns, other, true) then return true end
    end
    return false
  end
end
