-- Finds the rule of a table that owns a request. It reads host and path as Kong routes them and as
-- other servers may read the path. `gate`: a table (table.py), with the result of `tree_of` as
-- `tree`. Needs json.lua, path.lua.
local RULE = true         -- no element equals it

-- Adds a path to a tree of the rules' paths, in lower case, element by element. RULE marks the end
-- of a path.
local function plant(tree, elements)
  for _, element in ipairs(elements) do
    tree[element] = tree[element] or {}
    tree = tree[element]
  end
  tree[RULE] = true
end

local function tree_of(rules)
  local tree = {}
  for path in pairs(rules) do
    if type(path) == 'string' then plant(tree, elements_of(lower(path))) end
  end
  return tree
end

-- The paths that may own `text`, longest first, as the table writes them. None is longer than the
-- table's `depth`.
-- nil if the text has a dot segment, which Kong resolves before it routes.
local function owners_of(gate, text)
  local owners, path = { '/' }, ''
  for number, element in ipairs(elements_of(text)) do
    if element == '.' or element == '..' then return nil end
    if number <= gate.depth then
      path = path .. '/' .. element
      table.insert(owners, 1, path)
    end
  end
  return owners
end

-- The number of elements of the longest rule below `tree` that another server may read in the path;
-- -1 without any.
local function deepest(tree, patterns, depth)
  local found, pattern = tree[RULE] and depth or -1, patterns[depth + 1]
  if not pattern then return found end
  for element, below in pairs(find(pattern, '*', 1, true) and tree or { [pattern] = tree[pattern] }) do
    if element ~= RULE and meets(pattern, element) then found = math.max(found, deepest(below, patterns, depth + 1)) end
  end
  return found
end

-- The methods of the rule that owns the path, and the rule's path. If another server may read a
-- longer rule's path, the first value is true.
local function rule_of(gate, owners, signs)
  local rule, owner, depth
  for number, path in ipairs(owners) do
    if gate.rules[path] then
      rule, owner, depth = gate.rules[path], path, #owners - number
      break
    end
  end
  local patterns = {}
  for number, element in ipairs(elements_of(signs, gate.depth)) do patterns[number] = spelled(element) end
  return deepest(gate.tree, patterns, 0) > (depth or -1) or rule, owner
end

local function first_of(paths, owners)
  for _, path in ipairs(owners) do
    if paths[path] ~= nil then return paths[path] end
  end
end

-- Whether this component owns host and path: the exact host before wildcards, then the longest
-- path. Longer paths and nearer hosts of other components stand in the table as false, so that
-- their requests are not decided here.
local function owned(gate, owners)
  local rest = gsub(ngx.var.http_host or '', ':%d+$', '')
  if #rest > 253 then return false end                         -- the longest DNS name
  if find(rest, '[^a-z0-9._-]') then return false end   -- as in Kong's router, capitals match no route
  local pattern = rest
  while pattern do
    local paths = gate.hosts[pattern]
    local mine = paths and first_of(paths, owners)
    if mine ~= nil then return mine end
    local dot = find(rest, '.', 1, true)
    rest = dot and sub(rest, dot + 1)
    pattern = dot and '*.' .. rest
  end
  return false
end
