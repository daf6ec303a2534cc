from typing import Any

SaslAuthenticateRequest: Any
SaslHandshakeRequest: Any
