"""Messages of the API (range 9500): tokens, requests that can't be read, repeated requests."""

from ivmweb.common.errors import Message, register

register(
    {
        "api-token-missing": Message(
            "VIOSE01049000-9500",
            "The request carries no token. Log in with POST /api/v1/tokens and send the header "
            "Authorization: Bearer TOKEN.",
        ),
        "api-token-invalid": Message(
            "VIOSE01049000-9501",
            "The token is not valid: it was logged out, or not used for {idle_minutes} min, or is older than "
            "{life_minutes} min, or its user was changed. Log in again with POST /api/v1/tokens.",
        ),
        "api-not-json": Message(
            "VIOSE01049000-9502", "The request is not JSON. Send one JSON object, as in /api/v1/openapi.json."
        ),
        "api-request-invalid": Message(
            "VIOSE01049000-9503",
            "The request can't be used: {detail}. Nothing was changed. See /api/v1/openapi.json.",
        ),
        "api-request-too-large": Message(
            "VIOSE01049000-9504", "The request has {size} bytes; {limit} bytes is the most. Send less."
        ),
        "api-length-missing": Message(
            "VIOSE01049000-9505", "The request does not say its length. Send a Content-Length header."
        ),
        "api-media-type": Message(
            "VIOSE01049000-9506",
            "The request's content is {content_type}; application/json is needed. Send the header "
            "Content-Type: application/json.",
        ),
        "api-method": Message(
            "VIOSE01049000-9507",
            "{method} is not possible at {path}; possible is {allowed}. See /api/v1/openapi.json.",
        ),
        "api-not-found": Message(
            "VIOSE01049000-9508",
            "There is no {kind} {id} on {host}; it may have been removed since. Ask for the list of them again.",
        ),
        "api-key-reused": Message(
            "VIOSE01049000-9509",
            "The Idempotency-Key was sent before with another request. Send a new key with a new request.",
        ),
        "api-key-in-progress": Message(
            "VIOSE01049000-9510",
            "The request with this Idempotency-Key is being carried out. Send it again in a second for its answer.",
        ),
        "api-key-outcome-unknown": Message(
            "VIOSE01049000-9511",
            "The console was interrupted in the request with this Idempotency-Key, which may have been carried out "
            "or not; it is not repeated. Look at /api/v1/tasks and /api/v1/migrations, then use a new key.",
        ),
        "api-checks-failed": Message(
            "VIOSE01049000-9512",
            "Partition {name} (ID {lpar_id}) was not migrated to {remote}: {failed} of {checks} checks failed. "
            "The report {report} says how to mend each.",
        ),
        "api-busy": Message(
            "VIOSE01049000-9513", "The console could not reach its database just now. Try again in a few seconds."
        ),
    }
)
