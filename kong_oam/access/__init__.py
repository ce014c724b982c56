"""The access model: what Applications say about who may call what. Frozen values in, frozen values out; no engine, no
product.

model    the vocabulary: providers, rules, roles, clients, the estate
paths    one reading of a request's path
compile  Applications and a stack become an estate, or diagnostics
tokens   issue and authenticate: which token is given, which one counts
decide   the answer to a request
"""
