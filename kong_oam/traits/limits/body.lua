-- Runs behind the gate, only for allowed requests. Reads a body in chunks and denies the request if
-- the body is too large.
return function()
  local readers = kong.ctx.shared.kong_oam_readers
  local limits = readers.left_table().limits
  if not limits or not limits.body or not ngx.var.http_transfer_encoding then return end
  ngx.req.read_body()
  local bytes = tonumber(ngx.var.content_length)   -- nginx's count; the header is missing
  if not bytes or bytes > limits.body then readers.refuse(413, 'body-too-large') end
end
