-- Sets, adds and removes headers of every answer, as the table says.
return function()
  local readers = kong.ctx.shared.kong_oam_readers
  local loaded_table = readers and readers.left_table()
  if not loaded_table then return end   -- the request did not reach admission, so no workload answers it
  local headers = loaded_table.headers
  for _, name in ipairs(headers.remove) do kong.response.clear_header(name) end
  for _, pair in ipairs(headers.set) do kong.response.set_header(pair[1], pair[2]) end
  for _, pair in ipairs(headers.add) do kong.response.add_header(pair[1], pair[2]) end
end
