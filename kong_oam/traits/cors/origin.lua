-- The method of a preflight (Fetch, 4.8): an OPTIONS with Origin and Access-Control-Request-Method;
-- nil for every other request.
local function preflight_method()
  if ngx.req.get_method() == 'OPTIONS' and ngx.var.http_origin then
    return ngx.var.http_access_control_request_method
  end
end
