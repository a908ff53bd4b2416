"""Django's settings, all of them derived from `geoscope.settings`."""

from pathlib import Path

from django.utils.csp import CSP

from geoscope.access import TOKEN_LIFETIME_S
from geoscope.portal.database_settings import database_settings
from geoscope.secrets import PORTAL_KEY, read_secret
from geoscope.settings import current_settings, has_saml

platform = current_settings()
package = Path(__file__).parent
is_https = platform.public_url.startswith("https:")

SECRET_KEY = read_secret(platform, PORTAL_KEY)
ALLOWED_HOSTS = list(platform.allowed_hosts)
ROOT_URLCONF = "geoscope.portal.urls"
WSGI_APPLICATION = "geoscope.portal.wsgi.application"
APPEND_SLASH = False

INSTALLED_APPS = [
    "geoscope.portal.accounts",
    "geoscope.portal.registry",
    "geoscope.portal.explorer",
    "geoscope.portal.identity",
    "geoscope.portal.entities",
    "geoscope.portal.audit",
    "geoscope.portal.letters",
    "geoscope.portal.storage",
    "geoscope.portal.grants",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    *(["allauth.socialaccount.providers.saml"] if has_saml() else []),
    "allauth.usersessions",
    "allauth.idp.oidc",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "geoscope.portal.accounts.going_on.GoingOn",
    "geoscope.portal.accounts.middleware.TermsOfUse",
    "geoscope.portal.explorer.middleware.ErrorPages",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [package / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "geoscope.portal.explorer.context.platform",
            ],
        },
    }
]

DATABASES = {"default": database_settings(platform)}

# Shared by all workers and kept over restarts: codes of sign-ins under way and rate limits live in it.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "portal_cache",
        "OPTIONS": {"MAX_ENTRIES": 200_000},
    }
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "landing"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    # Secrets of clients are random and long: they need no slow hash.
    "geoscope.portal.identity.secret_hash.RandomSecretHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
] + [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    }
]

ALLAUTH_TRUSTED_PROXY_COUNT = 1
ALLAUTH_USER_CODE_FORMAT = {"numeric": False, "dashed": True, "length": 8}
ACCOUNT_ADAPTER = "geoscope.portal.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "geoscope.portal.accounts.registration.RegistrationForm"
ACCOUNT_FORMS = {"login": "geoscope.portal.accounts.forms.SignInForm"}
ACCOUNT_USERNAME_VALIDATORS = "geoscope.portal.accounts.names.USERNAME_VALIDATORS"
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{platform.site_name}] "
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_MAX_EMAIL_ADDRESSES = 3
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {"join_entity": "20/600s/ip,20/600s/key", "saml_response": "60/60s/ip"}
MFA_ADAPTER = "geoscope.portal.accounts.adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = platform.site_name
MFA_TOTP_TOLERANCE = 1
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = platform.is_loopback
USERSESSIONS_TRACK_ACTIVITY = False
SOCIALACCOUNT_ADAPTER = "geoscope.portal.accounts.adapter.SocialAccountAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": name,
                "name": provider.title,
                "client_id": provider.client_id,
                "secret": provider.client_secret.get_secret_value(),
                "settings": {
                    "server_url": provider.issuer,
                    "email_authentication": provider.trusts_email,
                },
            }
            for name, provider in platform.identity.providers.items()
        ],
    },
    "saml": {
        "APPS": [
            {
                "client_id": name,
                "name": provider.title,
                # Accounts are kept by it: no other provider's people are taken for this one's.
                "provider_id": provider.entity_id,
                "settings": {
                    "idp": {
                        "entity_id": provider.entity_id,
                        "sso_url": provider.sso_url,
                        "x509cert": provider.certificate,
                    },
                    "email_authentication": provider.trusts_email,
                }
                | ({"attribute_mapping": dict(provider.attributes)} if provider.attributes else {})
                | ({"advanced": {"name_id_format": None}} if "uid" in provider.attributes else {}),
            }
            for name, provider in platform.identity.saml_providers.items()
        ],
    },
}

IDP_OIDC_ADAPTER = "geoscope.portal.identity.adapter.ProviderAdapter"
IDP_OIDC_ACCESS_TOKEN_FORMAT = "jwt"  # noqa: S105 (a format)
IDP_OIDC_ACCESS_TOKEN_EXPIRES_IN = TOKEN_LIFETIME_S
IDP_OIDC_ID_TOKEN_EXPIRES_IN = TOKEN_LIFETIME_S
IDP_OIDC_REFRESH_TOKEN_EXPIRES_IN = 30 * 24 * 3600
IDP_OIDC_JWKS_CACHE_CONTROL = 60
IDP_OIDC_DEVICE_CODE_INTERVAL = 2
IDP_OIDC_INTROSPECTION_ENABLED = True
# Services ask for each of their users, from one address.
IDP_OIDC_RATE_LIMITS = {"introspect_ip": "600/m/ip", "introspect_client": "600/m/key"}
IDP_OIDC_RP_INITIATED_LOGOUT_ASKS_FOR_OP_LOGOUT = False

MAILERS = {
    "default": {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": platform.mail.host,
            "port": platform.mail.port,
            "username": platform.mail.user,
            "password": platform.mail.password.get_secret_value(),
            "use_tls": platform.mail.security == "starttls",
            "use_ssl": platform.mail.security == "tls",
            "timeout": 10,
        },
    }
    if platform.mail.host
    else {
        "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
        "OPTIONS": {"file_path": platform.data_dir / "mail"},
    }
}
DEFAULT_FROM_EMAIL = SERVER_EMAIL = platform.mail.sender

# Cookies know no ports: the port in the name keeps two platforms on one machine apart.
SESSION_COOKIE_NAME = f"geoscope-session-{platform.edge.port}"
CSRF_COOKIE_NAME = f"geoscope-csrf-{platform.edge.port}"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = is_https
CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_NAME = "geoscope-language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
CSRF_FAILURE_VIEW = "geoscope.portal.explorer.views.errors.csrf_failure"

# The edge is the only one that can reach this process; it sets the header itself.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if is_https else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "worker-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:", "blob:"],
    "connect-src": [CSP.SELF],
    "manifest-src": [CSP.SELF],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.SELF],
}

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français"), ("de", "Deutsch")]
FORMAT_MODULE_PATH = ["geoscope.portal.formats"]
LOCALE_PATHS = [package / "locale"]

# Files are served from where they lie: no collecting step before the start.
STATIC_URL = "/static/"
STATICFILES_DIRS = [package / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 300
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/built/assets/.+-[\w-]{8}\.\w+$"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
            "datefmt": "%Y-%m-%dT%H:%M:%S",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}
