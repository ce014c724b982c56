"""Stand-ins for provider plugins: `kong`, `okta`, `kubernetes` and `time`.

Each speaks the engine's provider protocol (pulumi/proto/provider.proto) and calls the same HTTP API
as the official plugin of its name. Official plugins run only on request (`launchers`).

`values` converts protobuf structs. `sdk` reads the inputs of a resource from the installed SDK.
`provider` is a gRPC servicer for any set of resources, and `http` sends JSON over loopback HTTP.
"""
