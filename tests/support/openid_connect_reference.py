"""Every field of openid-connect's `config`, as Kong documents it.

Source: Kong's plugin reference, with the schema of each plugin of Kong Gateway Enterprise 3.11
(repository Kong/developer.konghq.com, app/_schemas/gateway/plugins/3.11/OpenidConnect.json). It is
copied by hand: a field's name, its type, and its default if it has any. Nothing of it was read from
a running Kong Enterprise.
"""

from __future__ import annotations

from tests.support.json_object import JsonObject

CHOICES = {
    "auth_methods": ("authorization_code", "bearer", "client_credentials", "introspection", "kong_oauth2", "password", "refresh_token", "session", "userinfo"),
    "bearer_token_param_type": ("body", "cookie", "header", "query"),
    "consumer_by": ("custom_id", "id", "username"),
    "disable_session": ("authorization_code", "bearer", "client_credentials", "introspection", "kong_oauth2", "password", "refresh_token", "session", "userinfo"),
}  # fmt: skip
"""The possible elements of a list, for the lists without a default."""

_EVERYWHERE = ["body", "header", "query"]

TEXTS: dict[str, str | None] = {
    "anonymous": None, "authorization_cookie_domain": None, "authorization_cookie_name": "authorization",
    "authorization_cookie_path": "/", "authorization_cookie_same_site": "Default", "authorization_endpoint": None,
    "bearer_token_cookie_name": None, "cache_tokens_salt": None, "client_arg": "client_id",
    "cluster_cache_strategy": "off", "downstream_access_token_header": None, "downstream_access_token_jwk_header": None,
    "downstream_id_token_header": None, "downstream_id_token_jwk_header": None, "downstream_introspection_header": None,
    "downstream_introspection_jwt_header": None, "downstream_refresh_token_header": None,
    "downstream_session_id_header": None, "downstream_user_info_header": None, "downstream_user_info_jwt_header": None,
    "end_session_endpoint": None, "forbidden_error_message": "Forbidden", "http_proxy": None,
    "http_proxy_authorization": None, "https_proxy": None, "https_proxy_authorization": None,
    "id_token_param_name": None, "introspection_accept": "application/json", "introspection_endpoint": None,
    "introspection_endpoint_auth_method": None, "introspection_hint": "access_token",
    "introspection_token_param_name": "token", "issuer": None, "jwt_session_claim": "sid", "jwt_session_cookie": None,
    "login_action": "upstream", "login_redirect_mode": "fragment", "logout_post_arg": None, "logout_query_arg": None,
    "logout_uri_suffix": None, "mtls_introspection_endpoint": None, "mtls_revocation_endpoint": None,
    "mtls_token_endpoint": None, "no_proxy": None, "proof_of_possession_dpop": "off", "proof_of_possession_mtls": "off",
    "pushed_authorization_request_endpoint": None, "pushed_authorization_request_endpoint_auth_method": None,
    "refresh_token_param_name": None, "response_mode": "query", "revocation_endpoint": None,
    "revocation_endpoint_auth_method": None, "revocation_token_param_name": "token", "session_audience": "default",
    "session_cookie_domain": None, "session_cookie_name": "session", "session_cookie_path": "/",
    "session_cookie_same_site": "Lax", "session_memcached_host": "127.0.0.1", "session_memcached_prefix": None,
    "session_memcached_socket": None, "session_remember_cookie_name": "remember", "session_secret": None,
    "session_storage": "cookie", "tls_client_auth_cert_id": None, "token_endpoint": None,
    "token_endpoint_auth_method": None, "token_exchange_endpoint": None, "token_headers_prefix": None,
    "unauthorized_error_message": "Unauthorized", "upstream_access_token_header": "authorization:bearer",
    "upstream_access_token_jwk_header": None, "upstream_id_token_header": None, "upstream_id_token_jwk_header": None,
    "upstream_introspection_header": None, "upstream_introspection_jwt_header": None,
    "upstream_refresh_token_header": None, "upstream_session_id_header": None, "upstream_user_info_header": None,
    "upstream_user_info_jwt_header": None, "userinfo_accept": "application/json", "userinfo_endpoint": None,
}  # fmt: skip

LISTS: dict[str, list[str] | None] = {
    "audience": None, "audience_claim": ["aud"], "audience_required": None,
    "auth_methods": ["authorization_code", "bearer", "client_credentials", "introspection", "kong_oauth2", "password", "refresh_token", "session", "userinfo"],
    "authenticated_groups_claim": None, "authorization_query_args_client": None, "authorization_query_args_names": None,
    "authorization_query_args_values": None, "bearer_token_param_type": _EVERYWHERE, "claims_forbidden": None,
    "client_alg": None, "client_auth": None, "client_credentials_param_type": _EVERYWHERE, "client_id": None,
    "client_secret": None, "consumer_by": ["custom_id", "username"], "consumer_claim": None, "credential_claim": ["sub"],
    "disable_session": None, "discovery_headers_names": None, "discovery_headers_values": None, "domains": None,
    "downstream_headers_claims": None, "downstream_headers_names": None, "extra_jwks_uris": None,
    "forbidden_redirect_uri": None, "groups_claim": ["groups"], "groups_required": None,
    "id_token_param_type": _EVERYWHERE, "ignore_signature": [], "introspection_headers_client": None,
    "introspection_headers_names": None, "introspection_headers_values": None, "introspection_post_args_client": None,
    "introspection_post_args_client_headers": None, "introspection_post_args_names": None,
    "introspection_post_args_values": None, "issuers_allowed": None, "login_methods": ["authorization_code"],
    "login_redirect_uri": None, "login_tokens": ["id_token"], "logout_methods": ["DELETE", "POST"],
    "logout_redirect_uri": None, "password_param_type": _EVERYWHERE, "redirect_uri": None,
    "refresh_token_param_type": _EVERYWHERE, "response_type": ["code"], "roles_claim": ["roles"],
    "roles_required": None, "scopes": ["openid"], "scopes_claim": ["scope"], "scopes_required": None,
    "session_request_headers": None, "session_response_headers": None, "token_headers_client": None,
    "token_headers_grants": None, "token_headers_names": None, "token_headers_replay": None,
    "token_headers_values": None, "token_post_args_client": None, "token_post_args_names": None,
    "token_post_args_values": None, "unauthorized_redirect_uri": None, "unexpected_redirect_uri": None,
    "upstream_headers_claims": None, "upstream_headers_names": None, "userinfo_headers_client": None,
    "userinfo_headers_names": None, "userinfo_headers_values": None, "userinfo_query_args_client": None,
    "userinfo_query_args_names": None, "userinfo_query_args_values": None,
}  # fmt: skip

FLAGS: dict[str, bool | None] = {
    "authorization_cookie_http_only": True, "authorization_cookie_secure": None, "by_username_ignore_case": False,
    "cache_introspection": True, "cache_token_exchange": True, "cache_tokens": True, "cache_user_info": True,
    "consumer_optional": False, "display_errors": False, "dpop_use_nonce": False, "enable_hs_signatures": False,
    "expose_error_code": True, "forbidden_destroy_session": True, "hide_credentials": False,
    "introspect_jwt_tokens": False, "introspection_check_active": True, "keepalive": True, "logout_revoke": False,
    "logout_revoke_access_token": True, "logout_revoke_refresh_token": True, "preserve_query_args": False,
    "proof_of_possession_auth_methods_validation": True, "refresh_tokens": True,
    "require_proof_key_for_code_exchange": None, "require_pushed_authorization_requests": None,
    "require_signed_request_object": None, "resolve_distributed_claims": False, "reverify": False,
    "run_on_preflight": True, "search_user_info": False, "session_cookie_http_only": True,
    "session_cookie_secure": None, "session_enforce_same_subject": False, "session_hash_storage_key": False,
    "session_hash_subject": False, "session_remember": False, "session_store_metadata": False, "ssl_verify": False,
    "tls_client_auth_ssl_verify": True, "token_cache_key_include_scope": False, "unauthorized_destroy_session": True,
    "using_pseudo_issuer": False, "verify_claims": True, "verify_nonce": True, "verify_parameters": False,
    "verify_signature": True,
}  # fmt: skip

NUMBERS: dict[str, float | None] = {
    "authorization_rolling_timeout": 600, "cache_ttl": 3600, "cache_ttl_max": None, "cache_ttl_min": None,
    "cache_ttl_neg": None, "cache_ttl_resurrect": None, "dpop_proof_lifetime": 300, "http_version": 1.1, "leeway": 0,
    "max_age": None, "rediscovery_lifetime": 30, "session_absolute_timeout": 86400, "session_idling_timeout": 900,
    "session_memcached_port": 11211, "session_remember_absolute_timeout": 2592000,
    "session_remember_rolling_timeout": 604800, "session_rolling_timeout": 3600, "timeout": 10000,
}  # fmt: skip

RECORDS = ("client_jwk", "cluster_cache_redis", "redis")
"""Keys of clients and addresses of Redis; no test uses them, so their own fields are left
out."""


def schema() -> JsonObject:
    """Return the reference as a Kong answers `GET /schemas/plugins/openid-connect`."""
    kinds: tuple[tuple[str, JsonObject], ...] = (
        ("string", TEXTS), ("array", LISTS), ("boolean", FLAGS), ("number", NUMBERS), ("record", dict.fromkeys(RECORDS)),
    )  # fmt: skip
    fields = [
        {
            name: {"type": kind, "fields": []}
            | ({} if default is None else {"default": default})
        }
        for kind, defaults in kinds
        for name, default in defaults.items()
    ]
    return {
        "fields": [
            {"protocols": {"type": "set"}},
            {"config": {"type": "record", "fields": fields}},
        ]
    }
