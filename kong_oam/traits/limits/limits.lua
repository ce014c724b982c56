-- Denies a request with a too large Content-Length before the body is read. Sets retries to 0 for
-- methods without retries. Script body.lua checks bodies of unknown length behind the gate, so that
-- a denied caller's body is never read.
local NO_CONTENT = { GET = true, HEAD = true, DELETE = true, OPTIONS = true }   -- methods without a meaning for a body

local function check_body(largest, method, refuse)
  local length = ngx.var.http_content_length
  if length then
    local bytes = tonumber(length)
    if not bytes or bytes > largest then refuse(413, 'body-too-large') end
  elseif (ngx.req.http_version() or 0) >= 2 then   -- HTTP/2 needs no length, and the body cannot be read here
    if not NO_CONTENT[method] then refuse(411, 'length-needed') end
    ngx.req.discard_body()
  end
end

return function()
  local readers, method = kong.ctx.shared.kong_oam_readers, ngx.req.get_method()
  local limits = readers.left_table().limits
  if limits.body then check_body(limits.body, method, readers.refuse) end
  if limits.retried and not readers.contains(limits.retried, method) and kong.service.set_retries then
    kong.service.set_retries(0)
  end
end
