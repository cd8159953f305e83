-- Where this site keeps its things. The server's user must be able to write into `state` and no one
-- else need read it.
return {
  catalog = "/srv/shop/shop.json",
  state = "/var/lib/shop",
  -- Whether visitors come over TLS, here or at a proxy in front: then browsers keep the cookie off every other way.
  secure = false,
}
