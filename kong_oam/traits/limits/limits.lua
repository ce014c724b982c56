-- Refuses a body that says it is too large, before anything of it is read, and has requests that must not be repeated tried
-- once. Where it does not say how large it is body.lua sees to it, behind the gate: nobody's is read who may not call.
local NO_CONTENT = { GET = true, HEAD = true, DELETE = true, OPTIONS = true }   -- methods that give a body no meaning

local function bounded(most, method, refuse)
  local length = ngx.var.http_content_length
  if length then
    local bytes = tonumber(length)
    if not bytes or bytes > most then refuse(413, 'body-too-large') end
  elseif (ngx.req.http_version() or 0) >= 2 then   -- where a body needs neither a length nor chunks, and cannot be read here
    if not NO_CONTENT[method] then refuse(411, 'length-needed') end
    ngx.req.discard_body()
  end
end

return function()
  local readers, method = kong.ctx.shared.kong_oam_readers, ngx.req.get_method()
  local limits = readers.left_table().limits
  if limits.body then bounded(limits.body, method, readers.refuse) end
  if limits.retried and not readers.contains(limits.retried, method) and kong.service.set_retries then
    kong.service.set_retries(0)
  end
end
