"""Every dialect that programs may speak, beside our own API."""

from app.web.api.auth0 import DIALECT as AUTH0
from app.web.api.authentik.routes import DIALECT as AUTHENTIK
from app.web.api.json_api import DIALECT as JSON_API
from app.web.api.oauth import DIALECT as OAUTH
from app.web.api.propelauth import DIALECT as PROPELAUTH
from app.web.api.scim.routes import DIALECT as SCIM

DIALECTS = (PROPELAUTH, JSON_API, AUTH0, AUTHENTIK, OAUTH, SCIM)
