"""Stand-ins for provider plugins: `kong`, `okta`, `kubernetes` and `time`.

Each speaks the engine's provider protocol (pulumi/proto/provider.proto) and drives the HTTP API
that the official plugin of the same name drives. None of them is the official plugin, which is used
where somebody asks for it (`launchers`).

    values      protobuf structs <-> plain Python values, unknowns and secrets
    sdk         which inputs a resource has, read from the installed SDK's classes
    provider    one gRPC servicer for any set of resources
    http        JSON over loopback HTTP
    kong, okta_*, kubernetes, time    the resources themselves
"""
