-- Runs behind the gate: reads a body in chunks, of a request that the gate let pass, and refuses it where it is larger than
-- the table allows.
return function()
  local readers = kong.ctx.shared.kong_oam_readers
  local limits = readers.left_table().limits
  if not limits or not limits.body or not ngx.var.http_transfer_encoding then return end
  ngx.req.read_body()
  local bytes = tonumber(ngx.var.content_length)   -- as it was counted; the header is not there
  if not bytes or bytes > limits.body then readers.refuse(413, 'body-too-large') end
end
