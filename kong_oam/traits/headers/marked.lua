-- Sets, adds and removes headers of every answer, whoever gave it, as the table says.
return function()
  local readers = kong.ctx.shared.kong_oam_readers
  local table_left = readers and readers.left_table()
  if not table_left then return end   -- of a request that did not reach admission, which gets no answer of a workload
  local headers = table_left.headers
  for _, name in ipairs(headers.remove) do kong.response.clear_header(name) end
  for _, pair in ipairs(headers.set) do kong.response.set_header(pair[1], pair[2]) end
  for _, pair in ipairs(headers.add) do kong.response.add_header(pair[1], pair[2]) end
end
