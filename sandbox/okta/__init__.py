"""A stand-in for an Okta org: management API, custom authorization servers and a test login, in
memory on loopback.

from sandbox.okta import Okta, User
users = (User("user-sales", groups=("sales",)),)
with Okta(api_token="...", groups=("sales",), users=users) as okta:
    print(okta.url)
"""

from sandbox.okta.org import User
from sandbox.okta.service import Okta

__all__ = ["Okta", "User"]
