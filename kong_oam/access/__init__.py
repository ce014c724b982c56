"""The access model: what Applications say about who may call what. Frozen values in, frozen values
out; no engine, no product.

model            the vocabulary: rules, roles, clients, components, the estate
endpoint         where components are exposed, and what that leads to
providers        identity providers as values: which of their claims say what
settings         the settings of a stack
paths            one reading of a request's path
compile          Applications and a stack become an estate, or diagnostics
issue            which token a provider gives
tokens           which token counts: authenticate
decide           the answer to a request
principals       who may call, as a value
callers          who may call, by request
sites            where requests arrive
request_classes  requests that estates cannot tell apart
report           the access table and the grants, as a stack exports them
rotation         generations of clients' keys
lint             what no rule of the model forbids, and somebody should look at
matrix           principals by endpoints, as a value, as text, CSV and a page
diff             what a change does to access, and in which words
codes            the diagnostic codes ACC201 and on
"""
