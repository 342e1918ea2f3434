package problem

import (
	"net/http"
	"slices"
	"time"
)

// A Code names a kind of refusal. Codes are stable: programs decide by them.
type Code string

const (
	BadRequest      Code = "bad_request"
	BadJSON         Code = "bad_json"
	BadChannel      Code = "bad_channel"
	BadPosition     Code = "bad_position"
	BadCursor       Code = "bad_cursor"
	BadMessage      Code = "bad_message"
	TooManyChannels Code = "too_many_channels"
	TooManyMessages Code = "too_many_messages"
	UnknownCommand  Code = "unknown_command"
	Limit           Code = "limit"

	Unauthorized Code = "unauthorized"
	TokenInvalid Code = "token_invalid"
	TokenExpired Code = "token_expired"
	Forbidden    Code = "forbidden"
	Origin       Code = "origin"

	NotFound             Code = "not_found"
	MethodNotAllowed     Code = "method_not_allowed"
	Timeout              Code = "timeout"
	StreamGone           Code = "stream_gone"
	TooLarge             Code = "too_large"
	UnsupportedMediaType Code = "unsupported_media_type"
	KeyReused            Code = "key_reused"
	UpgradeRequired      Code = "upgrade_required"
	RateLimited          Code = "rate_limited"

	Internal       Code = "internal"
	NotSupported   Code = "not_supported"
	OverCapacity   Code = "over_capacity"
	Unavailable    Code = "unavailable"
	OutcomeUnknown Code = "outcome_unknown"
	NotReplicated  Code = "not_replicated"
	NotTried       Code = "not_tried"
	Starting       Code = "starting"
	Draining       Code = "draining"
)

// A Definition is a row of the table of codes.
type Definition struct {
	Code       Code
	Status     int           // of HTTP
	Title      string        // a few words, for people
	Meaning    string        // one sentence, for the docs and where there is no detail
	RetryAfter time.Duration // how long to wait before trying again; 0: trying again is no use, or not of itself
}

var definitions = [...]Definition{
	{BadRequest, 400, "Bad request", "A parameter, header or field is missing or has a wrong value.", 0},
	{BadJSON, 400, "Bad JSON", "The text is not one JSON value in UTF-8, or nests too deep.", 0},
	{BadChannel, 400, "Bad channel name", "A channel's name is 1 to 200 bytes of A-Z a-z 0-9 _ - . : = and neither begins with a colon nor is . or .. itself.", 0},
	{BadPosition, 400, "Bad position", "A position is EPOCH-OFFSET-DIGEST as the server gave it, or 0.", 0},
	{BadCursor, 400, "Bad cursor", "A cursor is NAME@POS,NAME@POS as the server gave it, each channel once.", 0},
	{BadMessage, 400, "Bad message", "A message has neither event nor data, or its event, meta or idempotency key break a limit.", 0},
	{TooManyChannels, 400, "Too many channels", "More channels were named than one request may name.", 0},
	{TooManyMessages, 400, "Too many messages", "A batch has more items or publications than one request may have.", 0},
	{UnknownCommand, 400, "Unknown command", "The type of a command is none that the server knows.", 0},
	{Limit, 400, "Limit reached", "The connection has as many subscriptions as it may have.", 0},

	{Unauthorized, 401, "Unauthorized", "A token or an API key is needed, or the key is not one of this server.", 0},
	{TokenInvalid, 401, "Token invalid", "The token is malformed, not signed by a key of this server, revoked, or not valid yet.", 0},
	{TokenExpired, 401, "Token expired", "The token was good and has expired; get a new one.", 0},
	{Forbidden, 403, "Forbidden", "What the client shows does not permit this.", 0},
	{Origin, 403, "Origin not allowed", "The page's origin is none that this server allows.", 0},

	{NotFound, 404, "Not found", "There is nothing at this path.", 0},
	{MethodNotAllowed, 405, "Method not allowed", "The path does not take this method; Allow lists those it does.", 0},
	{Timeout, 408, "Request timeout", "The body of the request did not arrive in time.", 0},
	{StreamGone, 410, "Stream gone", "The stream is no longer kept from the byte that was asked for.", 0},
	{TooLarge, 413, "Too large", "The message or the request is larger than the server takes.", 0},
	{UnsupportedMediaType, 415, "Unsupported media type", "The Content-Type is missing or none that this path takes.", 0},
	{KeyReused, 422, "Idempotency key reused", "The idempotency key was used within 5 minutes for a message with other content.", 0},
	{UpgradeRequired, 426, "Upgrade required", "The path speaks WebSocket only.", 0},
	{RateLimited, 429, "Rate limited", "Too much came in a short time, or one address has as many connections as it may have.", time.Second},

	{Internal, 500, "Internal error", "The server failed in a way it did not expect; its log says more.", 0},
	{NotSupported, 501, "Not supported", "The server knows this and does not do it.", 0},
	{OverCapacity, 503, "Over capacity", "The instance has as many connections as it may have, or opens as many a second as it may.", 5 * time.Second},
	{Unavailable, 503, "Broker unavailable", "The broker cannot be reached; nothing was stored.", time.Second},
	{OutcomeUnknown, 503, "Outcome unknown", "The broker did not answer, so the message may be stored; repeat it with the same idempotency key.", time.Second},
	{NotReplicated, 503, "Not replicated", "The message is stored and delivered, but no replica confirmed it in time; a repeat with its idempotency key waits again.", time.Second},
	{NotTried, 503, "Not tried", "An earlier message of the channel in the same batch failed, so this one was not tried.", time.Second},
	{Starting, 503, "Starting", "The server is not ready yet.", time.Second},
	{Draining, 503, "Draining", "The server is stopping; repeat the request, a publish with the same idempotency key.", time.Second},
}

var defined = func() map[Code]Definition {
	table := make(map[Code]Definition, len(definitions))
	for _, d := range definitions {
		table[d.Code] = d
	}
	return table
}()

// Definitions returns the table of all codes, by status.
func Definitions() []Definition { return slices.Clone(definitions[:]) }

// Status returns the HTTP status of a code, or 500 if there is no such code.
func (c Code) Status() int {
	if d, ok := defined[c]; ok {
		return d.Status
	}
	return http.StatusInternalServerError
}
